"""How much better one tracker is than another, and how far to trust that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan, sqrt

from gradnet_ros.evaluation.results import Evaluation
from gradnet_ros.evaluation.scores import TrackerScores


@dataclass(frozen=True)
class Difference:
    """AUC of a tracker less that of another, sequence by sequence.

    Attributes:
        tracker: the one.
        other: that which is subtracted.
        auc: mean of the differences over sequences, each counting the same.
        error: standard error of that mean over other sequences; NaN of fewer than two. Segments of
            one sequence vary together: they count as one.
        sequences: whole sequences that it is of.
    """

    tracker: str
    other: str
    auc: float
    error: float
    sequences: int

    def __str__(self) -> str:
        error = f" +- {self.error:.4f}" if isfinite(self.error) else ""
        return f"AUC of {self.tracker} less that of {self.other}: {self.auc:+.4f}{error}"


def auc_differences(evaluation: Evaluation, scores: Mapping[str, TrackerScores]) -> list[Difference]:
    """The first tracker against every other; none where no sequence has a frame that counts.

    Args:
        evaluation: what was evaluated.
        scores: tracker -> scores, by :func:`~gradnet_ros.evaluation.scores.score_evaluation`.
    """
    first, *others = scores
    whole = {each.name: each.whole_name for each in evaluation.sequences}
    found = []
    for other in others:
        pairs = {
            name: (each.scores.auc, scores[other].sequences[name].scores.auc)
            for name, each in scores[first].sequences.items()
        }
        gains = {name: mine - theirs for name, (mine, theirs) in pairs.items() if isfinite(mine - theirs)}
        if gains:
            found.append(Difference(first, other, *clustered(gains, whole)))
    return found


def clustered(gains: Mapping[str, float], whole: Mapping[str, str]) -> tuple[float, float, int]:
    """A mean whose parts vary together within a whole, its standard error, and the number of wholes.

    Args:
        gains: name -> gain; at least one.
        whole: name -> name of the whole that it is a part of.

    Returns:
        The mean over the parts, each counting the same; its error over other wholes, NaN of fewer than two;
        the number of wholes.
    """
    mean = sum(gains.values()) / len(gains)
    sums: dict[str, float] = defaultdict(float)
    for name, gain in gains.items():
        sums[whole[name]] += gain - mean
    count = len(sums)
    if count < 2:
        return mean, nan, count
    return mean, sqrt(count / (count - 1) * sum(each**2 for each in sums.values())) / len(gains), count
