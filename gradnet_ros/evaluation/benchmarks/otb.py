"""OTB-2013 and OTB-2015: ``<sequence>/img/0001.jpg`` and ``<sequence>/groundtruth_rect.txt``, 1-based.

Names and frames are those of the benchmark (cvlab.hanyang.ac.kr/tracker_benchmark) and of GOT-10k's toolkit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gradnet_ros.evaluation.benchmarks.attributes import key, read_attributes
from gradnet_ros.evaluation.sequences import Sequence, read_boxes
from gradnet_ros.text import read_text
from gradnet_ros.video import natural_order, pictures_in

ATTRIBUTES = (
    "illumination variation",
    "out-of-plane rotation",
    "scale variation",
    "occlusion",
    "deformation",
    "motion blur",
    "fast motion",
    "in-plane rotation",
    "out of view",
    "background clutter",
    "low resolution",
)
"""In the order of the toolkit's ``anno/att`` files."""
FRAMES = {
    "david": (300, 770),
    "football1": (1, 74),
    "freeman3": (1, 460),
    "freeman4": (1, 283),
    "diving": (1, 215),
}
"""First and last frame, counted from 1, of the sequences that are not played as a whole."""


def read(root: Path) -> list[Sequence]:
    """All sequences below ``root``; of several targets in one folder, each is a sequence (``Jogging.1``).

    Attributes are read from ``att/`` or ``anno/att/`` below the root, if there is one: the toolkit's folder.

    Raises:
        FileNotFoundError: no sequence there, or one without pictures.
        ValueError: a file that is malformed, or another number of boxes than pictures.
    """
    files = sorted(root.glob("*/groundtruth*.txt"), key=lambda file: natural_order(file.as_posix()))
    by_folder: dict[Path, list[Path]] = {}
    for file in files:
        if read_text(file).strip():  # Human4 has an empty one
            by_folder.setdefault(file.parent, []).append(file)
    if not by_folder:
        raise FileNotFoundError(f"no <sequence>/groundtruth_rect.txt below {root}")
    attributes = {
        **read_attributes(root / "anno" / "att", ATTRIBUTES),
        **read_attributes(root / "att", ATTRIBUTES),
    }
    sequences = []
    for folder, truths in by_folder.items():
        pictures = pictures_in(folder / "img")
        first, last = FRAMES.get(folder.name.lower(), (1, len(pictures)))
        pictures = pictures[first - 1 : last]
        for number, file in enumerate(truths, start=1):
            name = folder.name if len(truths) == 1 else f"{folder.name}.{number}"
            boxes = read_boxes(file)
            if len(boxes) != len(pictures):
                raise ValueError(f"{file}: expected {len(pictures)} boxes, one a picture, got {len(boxes)}")
            sequences.append(
                Sequence(
                    name,
                    tuple(pictures),
                    boxes - np.array([1, 1, 0, 0]),
                    attributes=attributes.get(key(name), frozenset()),
                    origin=1,
                )
            )
    return sequences
