"""What trackers answered on sequences, before anything is scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import Boxes
from gradnet_ros.evaluation.sequences import Sequence


@dataclass(frozen=True)
class SequenceResult:
    """A tracker on one sequence of N frames.

    Attributes:
        tracker: the tracker's name.
        sequence: the sequence's name.
        boxes: (N, 4) x, y, w, h, pixels; the first is the truth that the tracker was started with.
        scores: (N,) the tracker's confidence; NaN where it gives none, and in the first frame: there was
            nothing to look for.
        lost: (N,) whether the tracker said that it does not see the target; ``None``: nobody noted it.
        seconds: (N,) time of every call, decoding excluded.
        updates: template updates; ``None``: nobody counted.
    """

    tracker: str
    sequence: str
    boxes: Boxes
    scores: NDArray[np.float64]
    lost: NDArray[np.bool_] | None
    seconds: NDArray[np.float64]
    updates: int | None


@dataclass(frozen=True)
class Evaluation:
    """Trackers on the sequences of a benchmark.

    Attributes:
        benchmark: ``otb``, ``got10k``, ``lasot``, ``uav123``, ``folder`` or ``bag``.
        sequences: what was played, in the order of the tables.
        trackers: the trackers' names -> what a report says of them.
        results: tracker's name -> sequence's name -> result; every pair is there.
    """

    benchmark: str
    sequences: tuple[Sequence, ...]
    trackers: Mapping[str, Mapping[str, str]]
    results: Mapping[str, Mapping[str, SequenceResult]]


def check_names(what: str, names: Iterable[str]) -> None:
    """See that there are names, and that each stands for one thing.

    Args:
        what: they are names of, for messages: ``sequence`` or ``tracker``.
        names: to check.

    Raises:
        ValueError: none, or one that is there twice.
    """
    counts = Counter(names)
    if not counts:
        raise ValueError(f"no {what} to evaluate")
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"the {what} {twice[0]} is there twice")
