"""Scores of tracker settings on sequences: what a search compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gradnet_ros.evaluation.runner import run_tracker
from gradnet_ros.evaluation.scores import score_sequence
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.evaluation.trackers.gradnet import GradNetTracker
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.tracker import Tracker


@dataclass(frozen=True)
class Score:
    """A tracker on one sequence, or on several: OTB success (AUC) and precision at 20 pixels."""

    auc: float
    precision: float


Scorer = Callable[[TrackerConfig, Sequence], Score]
"""Scores settings on a sequence."""


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
        found = score_sequence(run_tracker(self._evaluated, sequence), sequence).scores
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
