"""The pictures of a bag as a video file."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from gradnet_ros.bags.errors import BagError
from gradnet_ros.bags.info import SAMPLE, rate
from gradnet_ros.bags.pictures import LeftOut, PictureTopic
from gradnet_ros.video import VideoWriter

FALLBACK_FPS = 30.0


def export_video(
    topic: PictureTopic, path: Path, fps: float | None, written: Callable[[int], None]
) -> tuple[int, list[LeftOut]]:
    """Write the pictures of a topic as an mp4.

    Args:
        topic: the pictures.
        path: file to write.
        fps: pictures a second; ``None``: as they were recorded, by the median distance of the first.
        written: told how many there are, after each.

    Returns:
        Pictures written, and those left out: what cannot be decoded, is out of order or of another size.

    Raises:
        ValueError: the bag cannot be read, holds no picture, or the video cannot be written.
    """
    if fps is None:
        sample = islice(topic.bag.messages(topic.topic.name), SAMPLE)
        fps = rate(list(sample)) or FALLBACK_FPS
    size: tuple[int, ...] | None = None
    others: list[LeftOut] = []
    count = 0
    with VideoWriter(path, fps) as video:
        for picture in topic.pictures():
            size = size or picture.pixels.shape
            if picture.pixels.shape != size:
                others.append(LeftOut(picture.number, picture.recorded, "its size is not that of the first"))
                continue
            video.write(picture.pixels)
            count += 1
            written(count)
    left_out = sorted([*others, *topic.left_out], key=lambda each: each.number)
    if not count:
        why = f": the first: {left_out[0].why}" if left_out else ""
        raise BagError(f"{topic.bag.path}: {topic.topic.name} holds no picture that can be shown{why}")
    return count, left_out
