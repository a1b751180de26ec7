"""How far engines' boxes lie from each other: the same tracker, settings and frames, another engine."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import Boxes
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.tracking.tracker import Tracker


@dataclass(frozen=True)
class Agreement:
    """What one engine's boxes are off from the reference's, pixels.

    Attributes:
        engine: how it runs, such as ``openvino (float32)``.
        distances: sequence -> :func:`box_distance`.
    """

    engine: str
    distances: Mapping[str, float]

    @property
    def mean(self) -> float:
        """Over sequences."""
        return float(np.mean(list(self.distances.values())))

    @property
    def median(self) -> float:
        """Over sequences."""
        return float(np.median(list(self.distances.values())))

    def __str__(self) -> str:
        """One line."""
        worst = sorted(self.distances, key=lambda name: -self.distances[name])[:3]
        shown = ", ".join(f"{name} {self.distances[name]:.2f}" for name in worst)
        return f"{self.engine}: mean {self.mean:.3f} px, median {self.median:.3f} px; furthest: {shown}"


def follow(tracker: Tracker, sequence: Sequence, frames: int) -> Boxes:
    """Boxes of the first frames, started on the truth.

    Args:
        tracker: its target is replaced.
        sequence: what to play.
        frames: at most so many.

    Returns:
        (N, 4) x, y, w, h, pixels.

    Raises:
        ValueError: the tracker cannot be started on the first frame's truth, or a frame cannot be read.
    """
    x, y, w, h = (float(value) for value in sequence.truth[0])
    boxes = []
    for number, frame in enumerate(islice(sequence.frames(), frames)):
        try:
            track = tracker.update(frame) if number else tracker.init(frame, (x, y, w, h))
        except ValueError as error:
            raise ValueError(f"{sequence.name}: {error}") from error
        boxes.append(track.box)
    return np.array(boxes, float)


def box_distance(boxes: Boxes, reference: NDArray[np.float64]) -> float:
    """Mean of |x|, |y|, |w|, |h| of the difference over frames, pixels; both (N, 4)."""
    return float(np.abs(boxes - reference).mean())


def compare_engines(
    reference: Tracker, others: SequenceOf[Tracker], sequences: SequenceOf[Sequence], frames: int
) -> list[Agreement]:
    """Track with all and hold their boxes against the reference's.

    Args:
        reference: the tracker to compare with.
        others: the same with other engines.
        sequences: at least one.
        frames: first frames of each.
    """
    distances: list[dict[str, float]] = [{} for _ in others]
    for sequence in sequences:
        expected = follow(reference, sequence, frames)
        for tracker, own in zip(others, distances, strict=True):
            own[sequence.name] = box_distance(follow(tracker, sequence, frames), expected)
    return [Agreement(tracker.engine, own) for tracker, own in zip(others, distances, strict=True)]
