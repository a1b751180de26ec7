"""One-pass evaluation: start on the first frame's truth, track to the end."""

from __future__ import annotations

import time

import numpy as np

from gradnet_ros.evaluation.results import SequenceResult
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.evaluation.trackers.interface import EvaluatedTracker
from gradnet_ros.tracking.track import Box


def run_tracker(tracker: EvaluatedTracker, sequence: Sequence, name: str = "tracker") -> SequenceResult:
    """Track one sequence from its first frame's truth.

    Args:
        tracker: is started anew.
        sequence: what to play.
        name: the tracker's, for the result.

    Raises:
        ValueError: the tracker cannot be started on the first frame's truth or refuses a later frame, a
            picture cannot be read, or frames and truth differ in number; the message names the sequence or
            the file.
    """
    boxes: list[Box] = []
    scores, lost, seconds = [], [], []
    updates = 0
    x, y, w, h = (float(value) for value in sequence.truth[0])
    for number, frame in enumerate(sequence.frames()):
        start = time.perf_counter()
        if number == 0:
            try:
                tracker.init(frame, (x, y, w, h))
            except ValueError as error:
                raise ValueError(f"{sequence.name}: {name} cannot be started: {error}") from error
            seconds.append(time.perf_counter() - start)
            boxes.append((x, y, w, h))
            scores.append(float("nan"))
            lost.append(False)
            continue
        try:
            answer = tracker.update(frame)
        except ValueError as error:
            raise ValueError(f"{sequence.name}: frame {number}: {error}") from error
        seconds.append(time.perf_counter() - start)
        boxes.append(answer.box)
        scores.append(answer.score)
        lost.append(answer.lost)
        updates += answer.updated
    if len(boxes) != len(sequence.truth):
        raise ValueError(f"{sequence.name}: {len(boxes)} frames, but {len(sequence.truth)} rows of truth")
    return SequenceResult(
        name,
        sequence.name,
        np.array(boxes, float),
        np.array(scores, float),
        np.array(lost, bool),
        np.array(seconds),
        updates,
    )
