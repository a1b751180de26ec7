"""Frames to measure on: made here with texture, motion and noise, or read from a file and scaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gradnet_ros.tracking.geometry import check_box
from gradnet_ros.tracking.track import Box
from gradnet_ros.video import open_frames

Frame = NDArray[np.uint8]
KEPT = 24
"""Frames that a clip holds in memory: 150 MB at 1920x1080."""
_GRAINS = (64, 16, 4)
"""Sizes of the texture's structures, pixels."""
_NOISE = 4.0
"""Deviation of the camera's noise, grey levels."""
_SLIDE = 64
"""Frames after which the noise is that of the first again."""
_ROOM = (0.6, 0.7)
"""How far a generated target wanders, as a share of the way to the border."""


@dataclass(frozen=True)
class Clip:
    """Frames of one size and a target in the first.

    Attributes:
        frames: each HxWx3 uint8 BGR.
        box: x, y, w, h of the target in the first frame, pixels.
    """

    frames: tuple[Frame, ...]
    box: Box

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), pixels."""
        return self.frames[0].shape[1], self.frames[0].shape[0]

    def play(self, count: int) -> Iterator[Frame]:
        """``count`` frames from the first on, forth and back through the clip: motion never jumps."""
        last = len(self.frames) - 1
        for number in range(count):
            step = number % (2 * last) if last else 0
            yield self.frames[min(step, 2 * last - step)]


def generate_clip(width: int, height: int, count: int = KEPT, seed: int = 0) -> Clip:
    """A textured target on a textured ground under a moving camera, with noise.

    Args:
        width: of a frame, pixels.
        height: of a frame, pixels; the target's height is a sixth of it.
        count: frames.
        seed: of the texture and the noise.
    """
    rng = np.random.default_rng(seed)
    side = height // 6
    pan = height // 8
    ground = _texture(rng, width + pan, height + pan)
    target = _texture(rng, side * 5 // 4, side)
    noise = rng.normal(0.0, _NOISE, (height, width + _SLIDE, 3)).astype(np.int16)
    frames: list[Frame] = []
    boxes: list[Box] = []
    for number in range(count):
        angle = number / 12
        left, top = (int(pan * (0.5 + 0.5 * np.sin(angle + phase))) for phase in (0.0, 1.0))
        frame = ground[top : top + height, left : left + width].copy()
        room = [
            share * (whole - part) / 2
            for share, whole, part in zip(_ROOM, (width, height), target.shape[1::-1], strict=True)
        ]
        x = int((width - target.shape[1]) / 2 + room[0] * np.sin(angle))
        y = int((height - side) / 2 + room[1] * np.sin(0.7 * angle))
        frame[y : y + side, x : x + target.shape[1]] = target
        slide = number % _SLIDE
        noisy = frame + noise[:, slide : slide + width]
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8))
        boxes.append((x, y, target.shape[1], side))
    return Clip(tuple(frames), boxes[0])


def read_clip(source: Path, box: Box, size: tuple[int, int] | None = None, count: int = KEPT) -> Clip:
    """The first frames of a video file or of a folder of pictures.

    Args:
        source: file or folder.
        box: x, y, w, h of the target in the first frame, pixels of the file.
        size: (width, height) to scale frames and box to; None for the file's own.
        count: frames at most.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: it cannot be read, has no frames, or the box is not one of a target in them.
    """
    with open_frames(str(source)) as opened:
        frames = list(islice(opened, count))
    if not frames:
        raise ValueError(f"{source}: no frames")
    height, width = frames[0].shape[:2]
    x, y, w, h = check_box(box, width, height)
    if size is not None:
        across, down = size[0] / width, size[1] / height
        frames = [np.asarray(cv2.resize(frame, size), np.uint8) for frame in frames]
        x, y, w, h = x * across, y * down, w * across, h * down
    return Clip(tuple(frames), (x, y, w, h))


def _texture(rng: np.random.Generator, width: int, height: int) -> Frame:
    """Structure at several sizes: what corners, colours and correlation filters work on."""
    total = np.zeros((height, width, 3), np.float32)
    for grain in _GRAINS:
        small = rng.random((height // grain + 2, width // grain + 2, 3), dtype=np.float32)
        total += np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray(np.clip(total * (255.0 / len(_GRAINS)), 0, 255), np.uint8)
