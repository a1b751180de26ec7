"""A sequence: its frames, their truth, what a benchmark says of it; and a plain folder of such sequences.

The plain form is ``<name>/clip.mp4`` (or ``img/`` with pictures) and ``<name>/groundtruth_rect.txt``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import Boxes, valid_rows
from gradnet_ros.text import read_text
from gradnet_ros.video import open_frames, pictures_in, read_picture

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Sequence:
    """One sequence of N frames.

    Attributes:
        name: unique in its benchmark.
        source: the video file, the folder of pictures (in the order of their numbers), or the pictures.
        truth: (N, 4) x, y, w, h a frame, pixels, the first pixel covering [0, 1]; NaN where it is not given.
        absent: (N,) whether the target is not to be seen; ``None``: wherever the truth has no valid box.
        scored: (N,) whether the benchmark counts the frame; ``None``: all that have a valid box.
        attributes: what the benchmark says of the sequence as a whole, such as ``occlusion``.
        bound: width and height, pixels, that boxes are cut to before they are scored; ``None``: they are not.
        origin: the coordinate of the first pixel in the benchmark's files, 0 or 1; raw results have it too.
    """

    name: str
    source: Path | tuple[Path, ...]
    truth: Boxes
    absent: NDArray[np.bool_] | None = None
    scored: NDArray[np.bool_] | None = None
    attributes: frozenset[str] = frozenset()
    bound: tuple[float, float] | None = None
    origin: int = 0

    def __post_init__(self) -> None:
        """Check the lengths.

        Raises:
            ValueError: a mask of another length than the truth.
        """
        for name in ("absent", "scored"):
            mask = getattr(self, name)
            if mask is not None and len(mask) != len(self.truth):
                raise ValueError(
                    f"{self.name}: {len(mask)} values of {name}, but {len(self.truth)} rows of truth"
                )

    @property
    def whole_name(self) -> str:
        """Name of the sequence that this one was cut from; its own if it is whole."""
        return self.name

    def frames(self) -> Iterator[Frame]:
        """The frames, HxWx3 BGR.

        Raises:
            ValueError: one that cannot be read.
        """
        if isinstance(self.source, tuple):
            yield from map(read_picture, self.source)
            return
        with open_frames(str(self.source)) as frames:
            yield from frames

    def pick(self, numbers: Iterable[int]) -> dict[int, Frame]:
        """Some of the frames, by their numbers from 0 on; of pictures only these are decoded.

        Raises:
            ValueError: there are fewer frames.
        """
        wanted = sorted(set(numbers))
        if isinstance(self.source, tuple):
            return {number: read_picture(self.source[number]) for number in wanted}
        found: dict[int, Frame] = {}
        for number, frame in enumerate(self.frames()):
            if len(found) == len(wanted):
                break
            if number in wanted:
                found[number] = frame
        if len(found) < len(wanted):
            raise ValueError(f"{self.name}: no frame {wanted[len(found)]} in {self.source}")
        return found

    def cut(self, frames: int | None) -> Sequence:
        """The same with the truth of the first frames alone; ``None`` keeps all.

        The source stays: who plays it stops there.
        """

        def head(mask: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
            return None if mask is None else mask[:frames]

        return replace(self, truth=self.truth[:frames], absent=head(self.absent), scored=head(self.scored))

    def is_absent(self) -> NDArray[np.bool_]:
        """(N,) whether the target is not to be seen."""
        return ~valid_rows(self.truth) if self.absent is None else self.absent

    def counts(self) -> NDArray[np.bool_]:
        """(N,) whether the frame has a valid box and the benchmark counts it."""
        valid = valid_rows(self.truth)
        return valid if self.scored is None else valid & self.scored


def read_folder(root: Path) -> list[Sequence]:
    """All sequences below ``root``, sorted by name.

    Raises:
        FileNotFoundError: no sequence there, or one without frames.
        ValueError: a ground truth that is empty, not four numbers a line, without a first box, or of another
            length than there are pictures. A clip's frames are counted when it is played.
    """
    sequences = []
    for truth_file in sorted(root.glob("*/groundtruth_rect.txt")):
        folder = truth_file.parent
        clip = folder / "clip.mp4"
        source = clip if clip.is_file() else folder / "img"
        if not source.exists():
            raise FileNotFoundError(f"{folder}: neither clip.mp4 nor img/ beside {truth_file.name}")
        truth = read_boxes(truth_file)
        if not len(truth):
            raise ValueError(f"{truth_file}: no boxes; the first is what a tracker starts with")
        if not valid_rows(truth[:1])[0]:
            first = ",".join(f"{value:g}" for value in truth[0])
            raise ValueError(f"{truth_file}:1: a tracker starts with this box, got {first}")
        if source.is_dir() and len(pictures_in(source)) != len(truth):
            count = len(pictures_in(source))
            raise ValueError(f"{truth_file}: {len(truth)} boxes, but {source} has {count} pictures")
        sequences.append(Sequence(folder.name, source, truth))
    if not sequences:
        raise FileNotFoundError(f"no */groundtruth_rect.txt below {root}")
    return sequences


def read_boxes(path: Path) -> Boxes:
    """Read ``x,y,w,h`` a line (commas, tabs or blanks); ``NaN`` is allowed, blank lines at the end too.

    Raises:
        ValueError: a line that is not four numbers, or not UTF-8; the message names it.
    """
    rows = []
    for number, line in enumerate(read_text(path).rstrip().splitlines(), start=1):
        if not line.strip():
            raise ValueError(f"{path}:{number}: blank; a frame without a box is NaN,NaN,NaN,NaN")
        try:
            row = [float(value) for value in line.replace(",", " ").split()]
        except ValueError as error:
            raise ValueError(f"{path}:{number}: expected x,y,w,h, got {line!r}") from error
        if len(row) != 4:
            raise ValueError(f"{path}:{number}: expected x,y,w,h, got {len(row)} numbers")
        rows.append(row)
    return np.array(rows, float).reshape(-1, 4)
