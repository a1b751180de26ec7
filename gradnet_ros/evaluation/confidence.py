"""Whether a tracker knows when it is right: its score against overlap, its word "lost" against the truth."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RIGHT_OVERLAP = 0.5
"""A frame is tracked rightly where the overlap is above."""
OFF_OVERLAP = 0.2
"""A tracker is off its target where the overlap is at most that, or the target is absent."""
BAND_EDGES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 1.0)
"""Of the bands of scores; narrow where most scores of a target that is seen lie."""


class ScoreBand(NamedTuple):
    """What frames with a score between two bounds are worth.

    Attributes:
        low: scores of at least that,
        high: and below that; of the last band up to it.
        frames: how many there are.
        right: share of them with an overlap above 0.5; NaN without frames, as are the next two.
        off: share of them with an overlap of at most 0.2, or without the target to be seen.
        overlap: their mean overlap, 0 where the target is absent.
    """

    low: float
    high: float
    frames: int
    right: float
    off: float
    overlap: float


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


def score_bands(scores: NDArray[np.float64], overlap: NDArray[np.float64]) -> tuple[ScoreBand, ...]:
    """Sort frames by the tracker's score: a table to choose thresholds by.

    Args:
        scores: (N,) the tracker's confidence, finite; beyond [0, 1] it counts to the first or last band.
        overlap: (N,) intersection over union; 0 where the target is absent.

    Returns:
        One for each two neighbours of :data:`BAND_EDGES`, from the lowest scores to the highest.
    """
    place = np.digitize(scores, BAND_EDGES[1:-1])
    bands = []
    for number, (low, high) in enumerate(pairwise(BAND_EDGES)):
        inside = overlap[place == number]
        shares = inside > RIGHT_OVERLAP, inside <= OFF_OVERLAP, inside
        means = (float(each.mean()) if len(inside) else float("nan") for each in shares)
        bands.append(ScoreBand(low, high, len(inside), *means))
    return tuple(bands)
