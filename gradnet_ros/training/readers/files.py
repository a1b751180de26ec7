"""What several readers need: files of labels, a track from a table of boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import Boxes
from gradnet_ros.text import read_text
from gradnet_ros.training.readers.source import AnnotatedTrack


def read_labels(path: Path, highest: int) -> NDArray[np.int64]:
    """Read whole numbers, a line each or separated by commas: one a frame.

    Args:
        path: the file.
        highest: the largest value that has a meaning; the smallest is 0.

    Returns:
        (N,) values.

    Raises:
        FileNotFoundError: no such file.
        ValueError: something else; the message names the line.
    """
    values = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        for text in line.replace(",", " ").split():
            if not (text.isdecimal() and int(text) <= highest):
                raise ValueError(f"{path}:{number}: expected whole numbers from 0 to {highest}, got {text!r}")
            values.append(int(text))
    return np.array(values, np.int64)


def visible_track(
    name: str,
    truth: Path,
    images: list[Path],
    boxes: Boxes,
    origin: int,
    visible: dict[Path, NDArray[np.bool_]] | None = None,
) -> AnnotatedTrack:
    """The frames of a sequence in which the target can be seen.

    Args:
        name: of the track.
        truth: the file that the boxes come from, for messages.
        images: the pictures, one a box.
        boxes: (N, 4) ``x, y, w, h`` as annotated; NaN or a side of 0 or less where there is no target.
        origin: the coordinate that the annotation gives to the first pixel.
        visible: (N,) true where the target can be seen, by the file that says so.

    Raises:
        ValueError: another number of boxes or labels than pictures, or an infinite box.
    """
    seen: NDArray[np.bool_] = np.asarray(~np.isnan(boxes).any(axis=1) & (boxes[:, 2:] > 0).all(axis=1))
    if len(boxes) != len(images):
        raise ValueError(
            f"{truth}: expected {len(images)} boxes, one for each picture in {images[0].parent},"
            f" got {len(boxes)}"
        )
    if np.isinf(boxes).any():
        number = int(np.isinf(boxes).any(axis=1).argmax()) + 1
        raise ValueError(f"{truth}: box {number} is infinite, expected x,y,w,h in pixels")
    for file, values in (visible or {}).items():
        if len(values) != len(images):
            raise ValueError(f"{file}: expected {len(images)} values, one a picture, got {len(values)}")
        seen = seen & values
    boxes = boxes - np.array([origin, origin, 0, 0])
    return AnnotatedTrack(
        name,
        tuple(image for image, kept in zip(images, seen, strict=True) if kept),
        tuple((float(x), float(y), float(w), float(h)) for x, y, w, h in boxes[seen]),
        int((~seen).sum()),
    )
