"""An mp4 that most players can show: H.264 if this OpenCV can write it, else MPEG-4."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from canvas import Picture

CODECS = ("avc1", "mp4v")
"""H.264, which the OpenCV of Linux distributions can write and that of the Python registry cannot; MPEG-4."""


def save_video(path: Path, pictures: Iterable[Picture], size: tuple[int, int], fps: float) -> str:
    """Write a video.

    Args:
        path: mp4 to write.
        pictures: H x W x 3 BGR.
        size: their width and height, both even.
        fps: frames a second.

    Returns:
        The codec that was used.

    Raises:
        OSError: it cannot be written.
    """
    codec, writer = _open(path, size, fps)
    try:
        for picture in pictures:
            writer.write(picture)
    finally:
        writer.release()
    return codec


def _open(path: Path, size: tuple[int, int], fps: float) -> tuple[str, cv2.VideoWriter]:
    for codec in CODECS:
        with _silent_stderr():
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
        if writer.isOpened():
            return codec, writer
    raise OSError(f"{path} cannot be written as a video")


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Let nothing through to stderr, C libraries' output included: a codec that is not there is no error."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
