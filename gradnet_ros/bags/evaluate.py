"""A tracker on the pictures of a bag, off line."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import torch

from gradnet_ros.bags.outcome import Finding, Outcome, Row, finding_of, row_of
from gradnet_ros.bags.scene import Scene
from gradnet_ros.tracking.tracker import Tracker


def track_scene(tracker: Tracker, scene: Scene, seen: Callable[[Finding], None]) -> Outcome:
    """Track from the first picture to the last.

    Memory does not grow with the bag but for a line a picture. Ctrl-C ends it early, and what was tracked
    until then is kept.

    Args:
        tracker: is started anew.
        scene: what to play.
        seen: told of every detection, for a display of the progress.

    Raises:
        ValueError: the bag cannot be read, or the target cannot be in its first picture.
        KeyboardInterrupt: before the first picture was tracked.
    """
    rows: list[Row] = []
    try:
        for picture in scene.play():
            start = perf_counter()
            if not rows:
                track = tracker.init(picture.pixels, scene.start_box(picture))
            else:
                track = tracker.update(picture.pixels)
            if tracker.device.type == "cuda":
                # It learns while Python goes on already; the time is to be that of all of it.
                torch.cuda.synchronize(tracker.device)
            seconds = perf_counter() - start
            finding = finding_of(track)
            rows.append(row_of(picture, scene, finding, seconds))
            seen(finding)
    except KeyboardInterrupt:
        if not rows:
            raise
        return Outcome(scene, rows, tracker.template_updates, interrupted=True)
    return Outcome(scene, rows, tracker.template_updates)
