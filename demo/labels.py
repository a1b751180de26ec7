"""The clip's boxes: read from the table, and interpolated between its rows."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from gradnet_ros.tracking.track import Box

COLUMNS = ["frame", "x", "y", "w", "h"]


class Labels:
    """Boxes drawn by hand on some frames of a clip.

    Attributes:
        boxes: frame number -> ``(x, y, w, h)`` in pixels, in the order of the frames.
    """

    def __init__(self, boxes: dict[int, Box]) -> None:
        """Keep the boxes.

        Raises:
            ValueError: frame 0, on which the tracker is started, has none.
        """
        if 0 not in boxes:
            raise ValueError("frame 0 has no label, and the tracker is started on it")
        self.boxes = dict(sorted(boxes.items()))

    def interpolate(self, frame: int) -> Box | None:
        """The box on any frame, linear between the labels around it; None after the last label."""
        frames = np.array(list(self.boxes))
        if not frames[0] <= frame <= frames[-1]:
            return None
        table = np.array(list(self.boxes.values()))
        x, y, w, h = (float(np.interp(frame, frames, column)) for column in table.T)
        return x, y, w, h


def read_labels(path: Path) -> Labels:
    """Read ``frame,x,y,w,h`` rows under such a header.

    Raises:
        OSError: the file cannot be read.
        ValueError: a header or a row of another kind, a box without a size, or no label on frame 0.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        if next(rows, None) != COLUMNS:
            raise ValueError(f"{path}: the first line must be {','.join(COLUMNS)}")
        boxes: dict[int, Box] = {}
        for row in rows:
            try:
                frame = int(row[0])
                x, y, w, h = (float(value) for value in row[1:])
            except (ValueError, IndexError):
                raise ValueError(f"{path}:{rows.line_num}: expected frame,x,y,w,h, got {row}") from None
            if not np.isfinite([x, y, w, h]).all() or min(w, h) <= 0 or frame < 0:
                raise ValueError(f"{path}:{rows.line_num}: not a box on a frame: {row}")
            boxes[frame] = (x, y, w, h)
    return Labels(boxes)
