"""One-pass evaluation: start on the first frame's truth, track to the end, score."""

from __future__ import annotations

import time
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import Boxes, centre_errors, overlaps, precision, success_auc, valid_rows
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.tracking.tracker import Tracker


@dataclass(frozen=True)
class SequenceResult:
    """A tracker on one sequence.

    Attributes:
        name: the sequence.
        boxes: (N, 4) the tracker's boxes; the first is the truth.
        scores: (N,) the tracker's scores.
        seconds: (N,) time of every call, decoding excluded.
        auc: OTB success over the frames that have a truth.
        precision: OTB precision at 20 pixels, over the same frames.
        updates: template updates.
    """

    name: str
    boxes: Boxes
    scores: NDArray[np.float64]
    seconds: NDArray[np.float64]
    auc: float
    precision: float
    updates: int


def evaluate_sequence(tracker: Tracker, sequence: Sequence) -> SequenceResult:
    """Track one sequence from its first frame's truth.

    Raises:
        ValueError: the first frame has no truth, or frames and truth differ in number.
    """
    boxes, scores, seconds = [], [], []
    for number, frame in enumerate(sequence.frames()):
        start = time.perf_counter()
        if number == 0:
            x, y, w, h = (float(value) for value in sequence.truth[0])
            track = tracker.init(frame, (x, y, w, h))
        else:
            track = tracker.update(frame)
        seconds.append(time.perf_counter() - start)
        boxes.append(track.box)
        scores.append(track.score)
    if len(boxes) != len(sequence.truth):
        raise ValueError(f"{sequence.name}: {len(boxes)} frames, but {len(sequence.truth)} rows of truth")
    found, truth = np.array(boxes), sequence.truth
    valid = valid_rows(truth)
    return SequenceResult(
        sequence.name,
        found,
        np.array(scores),
        np.array(seconds),
        success_auc(overlaps(found[valid], truth[valid])),
        precision(centre_errors(found[valid], truth[valid])),
        tracker.template_updates,
    )


def mean_scores(results: SequenceOf[SequenceResult]) -> tuple[float, float]:
    """AUC and precision averaged over sequences."""
    return (
        float(np.mean([result.auc for result in results])),
        float(np.mean([result.precision for result in results])),
    )
