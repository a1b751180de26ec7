"""Others on the same frames: our tracker in eager PyTorch, and OpenCV's CSRT."""

from __future__ import annotations

from gradnet_ros.bench.clip import Clip
from gradnet_ros.bench.frames import time_follower, time_frames
from gradnet_ros.bench.report import Rival
from gradnet_ros.bench.timing import Timing
from gradnet_ros.evaluation.trackers.opencv import OpenCVSpec
from gradnet_ros.tracking.tracker import Tracker


def eager_rival(eager: Tracker, clip: Clip, count: int, ours: Timing) -> Rival:
    """Our tracker in eager PyTorch.

    Args:
        eager: a tracker with the engine ``torch``.
        clip: what is tracked.
        count: frames to time.
        ours: what is measured.
    """
    return _rival("eager PyTorch", time_frames(eager, clip, count).every, ours)


def csrt_rival(clip: Clip, count: int, ours: Timing) -> Rival:
    """OpenCV's CSRT; see :func:`eager_rival`."""
    try:
        tracker = OpenCVSpec("csrt").make()
    except ValueError as error:
        return Rival("CSRT", None, None, str(error))
    frame = time_follower(lambda image: tracker.init(image, clip.box), tracker.update, clip, count)
    return _rival("CSRT", frame, ours)


def _rival(name: str, frame: Timing, ours: Timing) -> Rival:
    return Rival(name, frame, frame.p50 / ours.p50)
