"""Whether a tracker knows when it is right: its score against overlap, its word "lost" against the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RIGHT_OVERLAP = 0.5
"""A frame is tracked rightly where the overlap is above."""


class Decisions(NamedTuple):
    """How good a yes or no is, NaN where there was nothing to decide.

    Attributes:
        precision: share of the frames called so that are so.
        recall: share of the frames that are so that were called so.
    """

    precision: float
    recall: float


def auroc(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Area under the receiver operating characteristic.

    It is the chance that a frame that is right has a higher score than one that is wrong (equal scores count
    as half): Mann-Whitney's U over the number of pairs.

    Args:
        scores: (N,) the tracker's confidence, finite.
        right: (N,) whether the frame was tracked rightly.

    Returns:
        0 to 1; 0.5 is chance; NaN where all frames are right or all wrong.
    """
    positives = int(right.sum())
    negatives = len(right) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # equal scores share the mean of their ranks
    above = float(ranks[right].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def decisions(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> Decisions:
    """Precision and recall of a yes or no against the truth, both (N,)."""
    hits, told, there = int((said & true).sum()), int(said.sum()), int(true.sum())
    return Decisions(hits / told if told else float("nan"), hits / there if there else float("nan"))
