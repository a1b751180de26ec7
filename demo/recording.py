"""What was seen of a run: the published frames, and the detections that came back."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.tracking.track import Box, TrackState

RATE_WINDOW_S = 1.0
"""The rate shown at a frame is that of the results of this long before it, seconds."""


@dataclass(frozen=True)
class Detection:
    """One message of ``~/detection``.

    Attributes:
        stamp: of the image, ns.
        received: when the message was here, ns, by the same clock.
        box: ``(x, y, w, h)`` in pixels.
        score: confidence in [0, 1]; None while the target is lost.
    """

    stamp: int
    received: int
    box: Box
    score: float | None

    @property
    def latency_ms(self) -> float:
        """From the image's stamp to the detection's arrival, ms."""
        return (self.received - self.stamp) / 1e6

    def state(self, tracked_score: float) -> TrackState:
        """The tracker's state, as a subscriber can tell it; ``tracked_score`` is the node's parameter."""
        if self.score is None:
            return TrackState.LOST
        return TrackState.TRACKED if self.score >= tracked_score else TrackState.UNCERTAIN


class Recording:
    """A run, frame by frame.

    Attributes:
        stamps: stamp of each published frame, ns; the index is the frame's number in the clip.
        detections: frame number -> its detection, in order; a dropped frame has none.
        strays: detections that belong to no published frame, or repeat one.
    """

    def __init__(self, stamps: Iterable[int], detections: Iterable[Detection]) -> None:
        self.stamps = tuple(stamps)
        numbers = {stamp: number for number, stamp in enumerate(self.stamps)}
        found: dict[int, Detection] = {}
        self.strays: list[Detection] = []
        for detection in detections:
            number = numbers.get(detection.stamp)
            if number is None or number in found:
                self.strays.append(detection)
            else:
                found[number] = detection
        self.detections = dict(sorted(found.items()))

    def latest(self, frame: int) -> Detection | None:
        """What a subscriber knows at a frame: the detection for it, or else for the last one before."""
        known = [number for number in self.detections if number <= frame]
        return self.detections[known[-1]] if known else None

    @cached_property
    def latencies_ms(self) -> NDArray[np.float64]:
        """Latency for each frame, ms; NaN where it was dropped.

        NaN too for frame 0: its detection had to wait for somebody to say what the target is.
        """
        latencies = np.full(len(self.stamps), np.nan)
        for number, detection in self.detections.items():
            if number > 0:
                latencies[number] = detection.latency_ms
        return latencies

    def fps(self, frame: int | None = None) -> float | None:
        """Results a second, frame 0 left out as for the latencies.

        Args:
            frame: up to this one, over ``RATE_WINDOW_S``; None for the whole run.

        Returns:
            The rate in Hz, or None with fewer than two results.
        """
        last = len(self.stamps) - 1 if frame is None else frame
        times = [d.received for number, d in self.detections.items() if 0 < number <= last]
        if frame is not None and times:
            times = [time for time in times if times[-1] - time <= RATE_WINDOW_S * 1e9]
        if len(times) < 2 or times[-1] == times[0]:
            return None
        return (len(times) - 1) * 1e9 / (times[-1] - times[0])

    def published_fps(self) -> float | None:
        """Frames a second that the camera really published, from frame 1 on; None with fewer than three."""
        if len(self.stamps) < 3:
            return None
        return (len(self.stamps) - 2) * 1e9 / (self.stamps[-1] - self.stamps[1])


def read_ledger(path: Path) -> list[int]:
    """Read the camera's list of published frames: ``frame,stamp`` a line, stamps in ns.

    Raises:
        OSError: there is none.
        ValueError: it is not such a list, or frames are missing in it.
    """
    with path.open(newline="", encoding="ascii") as file:
        rows = [(int(frame), int(stamp)) for frame, stamp in csv.reader(file)]
    if [frame for frame, _ in rows] != list(range(len(rows))):
        raise ValueError(f"{path}: the frames are not numbered 0, 1, 2, ...")
    return [stamp for _, stamp in rows]
