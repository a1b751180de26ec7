"""Scores of tracker settings on sequences: what a search compares."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gradnet_ros.evaluation.jobs import Job
from gradnet_ros.evaluation.results import SequenceResult
from gradnet_ros.evaluation.runner import run_tracker
from gradnet_ros.evaluation.scores import score_sequence
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.evaluation.trackers.gradnet import GradNetTracker
from gradnet_ros.evaluation.trackers.interface import TrackerSpec
from gradnet_ros.evaluation.workers import Workers
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.tracker import Tracker


@dataclass(frozen=True)
class Score:
    """A tracker on one sequence, or on several: OTB success (AUC) and precision at 20 pixels."""

    auc: float
    precision: float


Scorer = Callable[[TrackerConfig, Sequence], Score]
"""Scores settings on a sequence."""


class Measured(NamedTuple):
    """What settings reach on a sequence."""

    config: TrackerConfig
    sequence: str
    score: Score


Player = Callable[[Iterable[tuple[TrackerConfig, Sequence]]], Iterator[Measured]]
"""Scores many settings on many sequences, in an order of its own."""


class TrackerScorer:
    """Scores settings with one tracker.

    Args:
        tracker: its target and settings are replaced.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._evaluated = GradNetTracker(tracker)

    def __call__(self, config: TrackerConfig, sequence: Sequence) -> Score:
        """See :data:`Scorer`."""
        self._tracker.configure(config)
        return _score(run_tracker(self._evaluated, sequence), sequence)


def in_turn(score: Scorer) -> Player:
    """One after the other, in this process."""

    def play(runs: Iterable[tuple[TrackerConfig, Sequence]]) -> Iterator[Measured]:
        for config, sequence in runs:
            yield Measured(config, sequence.name, score(config, sequence))

    return play


def in_processes(workers: Workers, make: Callable[[TrackerConfig], TrackerSpec]) -> Player:
    """In several processes of this machine.

    Args:
        workers: not entered; their processes live while runs are played.
        make: how to make a tracker with given settings.
    """

    def play(runs: Iterable[tuple[TrackerConfig, Sequence]]) -> Iterator[Measured]:
        pending = {}
        for number, (config, sequence) in enumerate(runs):
            job = Job(str(number), pickle.dumps(make(config)), sequence)
            pending[job.tracker] = (config, job)
        with workers:
            for done in workers.run([job for _, job in pending.values()]):
                config, job = pending[done.result.tracker]
                yield Measured(config, job.sequence.name, _score(done.result, job.sequence))

    return play


def _score(result: SequenceResult, sequence: Sequence) -> Score:
    found = score_sequence(result, sequence).scores
    return Score(found.auc, found.precision)


def mean_score(scores: Mapping[str, Score]) -> Score:
    """The average over sequences.

    Raises:
        ValueError: no sequence.
    """
    if not scores:
        raise ValueError("no sequence to average over")
    count = len(scores)
    return Score(
        sum(score.auc for score in scores.values()) / count,
        sum(score.precision for score in scores.values()) / count,
    )
