"""GOT-10k: ``list.txt``, ``<sequence>/00000001.jpg``, ``groundtruth.txt``, labels and ``meta_info.ini``.

Boxes are 1-based (see :mod:`gradnet_ros.training.readers.got10k`). The test split has the truth of first
frames only: its raw results are for submission. Its scores and those of the validation split are of
different sequences and not comparable.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from gradnet_ros.evaluation.sequences import Sequence, read_boxes
from gradnet_ros.text import read_text
from gradnet_ros.training.readers.files import read_labels
from gradnet_ros.training.readers.got10k import FULL_COVER
from gradnet_ros.video import pictures_in


def read(root: Path) -> list[Sequence]:
    """The sequences of a split: ``root`` is the folder ``val`` or ``test``.

    Attributes of a sequence are its ``root_class``, ``absent`` where the target is so in some frame, and
    ``cut by image`` likewise.

    Raises:
        FileNotFoundError: no ``list.txt``, or a sequence that lacks pictures or files.
        ValueError: a file that is malformed, or another number of boxes or labels than pictures.
    """
    list_file = root / "list.txt"
    if not list_file.is_file():
        raise FileNotFoundError(f"{list_file} not found: expected the folder val or test of GOT-10k")
    names = [line.strip() for line in read_text(list_file).splitlines() if line.strip()]
    if not names:
        raise ValueError(f"{list_file}: no sequence in it")
    return [_read_sequence(root / name) for name in names]


def _read_sequence(folder: Path) -> Sequence:
    pictures = pictures_in(folder)
    file = folder / "groundtruth.txt"
    boxes = read_boxes(file) - np.array([1, 1, 0, 0])
    if len(boxes) == 1 and len(pictures) > 1:
        hidden = np.full((len(pictures) - 1, 4), np.nan)
        nothing = np.zeros(len(pictures), bool)
        return Sequence(
            folder.name, tuple(pictures), np.vstack([boxes, hidden]), absent=nothing, scored=nothing, origin=1
        )
    files = {name: folder / f"{name}.label" for name in ("absence", "cover", "cut_by_image")}
    labels = {name: read_labels(path, FULL_COVER if name == "cover" else 1) for name, path in files.items()}
    for path, values in ((file, boxes), *((files[name], labels[name]) for name in files)):
        if len(values) != len(pictures):
            raise ValueError(f"{path}: expected {len(pictures)} values, one a picture, got {len(values)}")
    resolution, kind = _read_meta(folder / "meta_info.ini")
    absent = (labels["absence"] == 1) | (labels["cover"] == 0)
    attributes = {f"{kind} (class)"} if kind else set()
    attributes |= {"absent"} if absent.any() else set()
    attributes |= {"cut by image"} if labels["cut_by_image"].any() else set()
    return Sequence(
        folder.name,
        tuple(pictures),
        boxes,
        absent=absent,
        scored=labels["cover"] > 0,
        attributes=frozenset(attributes),
        bound=resolution,
        origin=1,
    )


def _read_meta(file: Path) -> tuple[tuple[float, float], str]:
    """Width and height of the pictures, and the root class (empty where it is not said)."""
    text = read_text(file)
    size = re.search(r"^resolution:\s*\((\d+),\s*(\d+)\)\s*$", text, re.MULTILINE)
    if size is None:
        raise ValueError(f"{file}: expected a line 'resolution: (WIDTH, HEIGHT)'")
    kind = re.search(r"^root_class:\s*(\S.*?)\s*$", text, re.MULTILINE)
    return (float(size[1]), float(size[2])), kind[1] if kind else ""
