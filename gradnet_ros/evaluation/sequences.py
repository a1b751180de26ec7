"""A folder of sequences: ``<name>/clip.mp4`` (or frames) and ``<name>/groundtruth_rect.txt``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import Boxes
from gradnet_ros.video import open_frames


@dataclass(frozen=True)
class Sequence:
    """One sequence.

    Attributes:
        name: the folder's name.
        source: the video file or folder of frames.
        truth: (N, 4) x, y, w, h a frame, pixels; NaN where the target is absent.
    """

    name: str
    source: Path
    truth: Boxes

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """The frames, HxWx3 BGR."""
        with open_frames(str(self.source)) as frames:
            yield from frames


def read_folder(root: Path) -> list[Sequence]:
    """All sequences below ``root``, sorted by name.

    Raises:
        FileNotFoundError: no sequence there.
        ValueError: a ground truth that is not four numbers a line.
    """
    sequences = []
    for truth_file in sorted(root.glob("*/groundtruth_rect.txt")):
        folder = truth_file.parent
        clip = folder / "clip.mp4"
        source = clip if clip.is_file() else folder / "img"
        sequences.append(Sequence(folder.name, source, read_boxes(truth_file)))
    if not sequences:
        raise FileNotFoundError(f"no */groundtruth_rect.txt below {root}")
    return sequences


def read_boxes(path: Path) -> Boxes:
    """Read ``x,y,w,h`` a line (commas, tabs or blanks); ``NaN`` is allowed.

    Raises:
        ValueError: a line that is not four numbers; the message names it.
    """
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = [float(value) for value in line.replace(",", " ").split()]
        except ValueError as error:
            raise ValueError(f"{path}:{number}: expected x,y,w,h, got {line!r}") from error
        if len(row) != 4:
            raise ValueError(f"{path}:{number}: expected x,y,w,h, got {len(row)} numbers")
        rows.append(row)
    return np.array(rows, float).reshape(-1, 4)
