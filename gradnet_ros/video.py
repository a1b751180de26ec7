"""Frames from a video file, a folder of pictures or a camera, and back into a video file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm")


class Frames:
    """An iterator over frames, HxWx3 uint8 BGR.

    Attributes:
        count: number of frames, or ``None`` where it is not known (a camera).
        fps: frames a second as the source gives it, 30 where it gives none.
    """

    def __init__(self, frames: Iterator[Frame], count: int | None, fps: float) -> None:
        self._frames, self.count, self.fps = frames, count, fps

    def __iter__(self) -> Iterator[Frame]:
        return self._frames


def natural_order(name: str) -> tuple[tuple[str, int], ...]:
    """A sort key by which ``2.jpg`` comes before ``10.jpg``."""
    return tuple((text, int(digits or -1)) for text, digits in re.findall(r"(\D*)(\d*)", name))


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, in the order of their numbers.

    Raises:
        FileNotFoundError: none there.
    """
    files = list(folder.iterdir()) if folder.is_dir() else []
    pictures = [file for file in files if file.suffix.lower() in PICTURE_SUFFIXES]
    if not pictures:
        raise FileNotFoundError(f"{folder}: no pictures ({', '.join(PICTURE_SUFFIXES)})")
    return sorted(pictures, key=lambda file: natural_order(file.name))


@contextmanager
def open_frames(source: str) -> Iterator[Frames]:
    """Open a video file, a folder of pictures (in the order of their numbers) or a camera (a number).

    Raises:
        FileNotFoundError: no such file or folder, or a folder without pictures.
        ValueError: a file or camera that cannot be opened, or a picture that cannot be read.
    """
    path = Path(source)
    if path.is_dir():
        files = pictures_in(path)
        yield Frames(map(read_picture, files), len(files), 30.0)
        return
    camera = source.isdecimal() and not path.exists()
    if not camera and not path.is_file():
        raise FileNotFoundError(f"{source}: no such video file, folder or camera number")
    capture = cv2.VideoCapture(int(source) if camera else _address(path))
    try:
        if not capture.isOpened():
            raise ValueError(f"{source}: cannot be opened as a {'camera' if camera else 'video'}")
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        fps = capture.get(cv2.CAP_PROP_FPS)
        yield Frames(_read_all(capture), count if count > 0 else None, fps if 0 < fps < 1000 else 30.0)
    finally:
        capture.release()


class VideoWriter:
    """Writes an mp4; the first frame sets the size. When it is left, all frames are in the file.

    Args:
        path: file to write.
        fps: frames a second.

    Raises:
        ValueError: on leaving: frames are missing from the file.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, _expressible(fps)
        self._writer: cv2.VideoWriter | None = None
        self._count = 0

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is None:
            return
        self._writer.release()
        if kind is None:  # OpenCV says nothing of a full disk.
            kept = _count_frames(self._path)
            if kept < self._count:
                raise ValueError(
                    f"{self._path}: {kept} of {self._count} frames could be written; is the disk full?"
                )

    def write(self, frame: Frame) -> None:
        """Append a frame, HxWx3 BGR.

        Raises:
            ValueError: the file cannot be written.
        """
        if self._writer is None:
            size = (frame.shape[1], frame.shape[0])
            code = cv2.VideoWriter.fourcc(*"mp4v")
            writer = cv2.VideoWriter(_address(self._path), code, self._fps, size)
            if not writer.isOpened():
                raise ValueError(
                    f"{self._path}: cannot be written as a video of {size[0]}x{size[1]} pixels,"
                    f" {self._fps:g} frames a second"
                )
            self._writer = writer
        self._writer.write(frame)
        self._count += 1


def read_picture(file: Path) -> Frame:
    """Read a picture, HxWx3 uint8 BGR, as it is stored: boxes of data sets count its pixels.

    Raises:
        ValueError: it cannot be read.
    """
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise ValueError(f"{file}: not a readable picture")
    return np.asarray(picture, np.uint8)


def _address(path: Path) -> str:
    """A path as FFmpeg takes it: a relative one with a colon would be a protocol."""
    return str(path.absolute())


def _expressible(fps: float) -> float:
    """Frames a second that MPEG-4 can say: a fraction of powers of ten, neither part above 65535."""
    digits = 3 if fps < 65 else 2 if fps < 655 else 0
    return round(fps, digits)


def _count_frames(path: Path) -> int:
    capture = cv2.VideoCapture(_address(path))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    finally:
        capture.release()


def _read_all(capture: cv2.VideoCapture) -> Iterator[Frame]:
    while True:
        read, frame = capture.read()
        if not read:
            return
        yield np.asarray(frame, np.uint8)
