"""The unit of an evaluation: one tracker on one sequence, in whichever process has time for it."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from gradnet_ros.evaluation.results import SequenceResult
from gradnet_ros.evaluation.runner import run_tracker
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.evaluation.trackers.interface import EvaluatedTracker, TrackerSpec


@dataclass(frozen=True)
class Job:
    """A tracker on a sequence.

    Attributes:
        tracker: its name.
        spec: how to make it, pickled: processes that do several jobs tell by it that it is the same.
        sequence: what to play.
    """

    tracker: str
    spec: bytes
    sequence: Sequence


class Done(NamedTuple):
    """What came of a job.

    Attributes:
        about: what the tracker says of itself, where it ran.
        result: what it answered.
    """

    about: dict[str, str]
    result: SequenceResult


class Backend(Protocol):
    """Where jobs run."""

    def about(self, spec: TrackerSpec) -> Mapping[str, str]:
        """What a tracker says of itself there; see :meth:`.TrackerSpec.make` for what it raises."""
        ...

    def run(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """Do jobs; they come back as they are finished.

        Raises:
            ValueError: see :func:`gradnet_ros.evaluation.runner.run_tracker`.
            OSError: what runs them broke down.
        """
        ...


class ThisProcess:
    """Jobs one after the other, here."""

    def about(self, spec: TrackerSpec) -> Mapping[str, str]:
        """See :class:`Backend`."""
        return describe(pickle.dumps(spec))

    def run(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """See :class:`Backend`."""
        return map(do, jobs)


def do(job: Job) -> Done:
    """Do a job; see :func:`gradnet_ros.evaluation.runner.run_tracker` for what it raises."""
    tracker = _tracker(job.spec, threading.get_ident())
    return Done(dict(tracker.about), run_tracker(tracker, job.sequence, job.tracker))


def describe(spec: bytes) -> dict[str, str]:
    """What a tracker says of itself; see :meth:`.TrackerSpec.make` for what it raises."""
    return dict(_tracker(spec, threading.get_ident()).about)


@lru_cache(maxsize=8)
def _tracker(spec: bytes, thread: int) -> EvaluatedTracker:
    """Trackers are made once; a process of a cluster may have several threads, and they share none."""
    unpickled: TrackerSpec = pickle.loads(spec)
    return unpickled.make()
