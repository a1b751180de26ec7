"""A frame as the tracker's user sees it: with and without an update, with decoding, for many targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.bench.clip import Clip
from gradnet_ros.bench.timing import Timing, summarise
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.tracker import Tracker
from gradnet_ros.video import VideoWriter, open_frames

WARM_UP = 30
"""Frames that are tracked at least before any is timed; see :func:`warm_up`."""


@dataclass(frozen=True)
class FrameTimes:
    """What frames took, from pixels to the end of learning.

    Attributes:
        every: all frames.
        plain: those without a template update; None if every frame had one.
        update: those with one; None if none had.
    """

    every: Timing
    plain: Timing | None
    update: Timing | None


def warm_up(config: TrackerConfig) -> int:
    """Frames that are tracked before any is timed: boxes are fitted to the first one by then."""
    return max(WARM_UP, config.box_steps)


def time_frames(tracker: Tracker, clip: Clip, count: int) -> FrameTimes:
    """Track ``count`` frames of a clip and time each, after :func:`warm_up` that are not."""
    before = warm_up(tracker.config)
    frames = clip.play(1 + before + count)
    tracker.init(next(frames), clip.box)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for number, frame in enumerate(frames):
        start = perf_counter()
        updated = tracker.update(frame).updated
        if number >= before:
            seconds[updated].append(perf_counter() - start)
    plain, update = (summarise(part) if part else None for part in (seconds[False], seconds[True]))
    return FrameTimes(summarise(seconds[False] + seconds[True]), plain, update)


def time_decoded(tracker: Tracker, clip: Clip, count: int, folder: Path) -> Timing:
    """As :func:`time_frames`, with the frames read from a video file (MPEG-4, written to ``folder``)."""
    path, before = folder / f"{clip.size[0]}x{clip.size[1]}.mp4", warm_up(tracker.config)
    with VideoWriter(path, 30.0) as writer:
        for frame in clip.play(1 + before + count):
            writer.write(frame)
    with open_frames(str(path)) as opened:
        frames = iter(opened)
        tracker.init(next(frames), clip.box)
        return summarise(time_steps(lambda: tracker.update(next(frames)), count, before))


def time_follower(
    init: Callable[[NDArray[np.uint8]], object],
    update: Callable[[NDArray[np.uint8]], object],
    clip: Clip,
    count: int,
) -> Timing:
    """Time whatever is started on a clip's first frame and then shown the next ones."""
    frames = clip.play(1 + WARM_UP + count)
    init(next(frames))
    return summarise(time_steps(lambda: update(next(frames)), count))


def time_steps(step: Callable[[], object], count: int, before: int = WARM_UP) -> list[float]:
    """Seconds of each of ``count`` steps, after ``before`` that are not timed."""
    seconds = []
    for _ in range(before + count):
        start = perf_counter()
        step()
        seconds.append(perf_counter() - start)
    return seconds[before:]


def spread_boxes(clip: Clip, count: int) -> list[tuple[float, float, float, float]]:
    """``count`` boxes of the size of the clip's: the first is that, the others lie in rows over the frame."""
    width, height = clip.size
    w, h = clip.box[2:]
    columns = int(np.ceil(np.sqrt(count)))
    places = ((column + 0.5, row + 0.5) for row in range(columns) for column in range(columns))
    spread: Iterable[tuple[float, float, float, float]] = (
        (column * width / columns - w / 2, row * height / columns - h / 2, w, h) for column, row in places
    )
    return [clip.box, *spread][:count]
