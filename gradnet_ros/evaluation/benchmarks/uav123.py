"""UAV123: ``anno/UAV123/<sequence>.txt`` and ``data_seq/UAV123/<video>/000001.jpg``, 1-based."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from gradnet_ros.evaluation.benchmarks.attributes import key, read_attributes
from gradnet_ros.evaluation.benchmarks.uav123_frames import uav123_frames
from gradnet_ros.evaluation.sequences import Sequence, read_boxes
from gradnet_ros.video import natural_order, pictures_in

ATTRIBUTES = (
    "scale variation",
    "aspect ratio change",
    "low resolution",
    "fast motion",
    "full occlusion",
    "partial occlusion",
    "out-of-view",
    "background clutter",
    "illumination variation",
    "viewpoint change",
    "camera motion",
    "similar object",
)
"""In the order of the ``anno/UAV123/att`` files."""


def read(root: Path) -> list[Sequence]:
    """All sequences that have a truth below ``root``; parts of a video share its folder.

    Raises:
        FileNotFoundError: no sequence there, or one without pictures.
        ValueError: a sequence that UAV123 does not have, a file that is malformed, or another number of boxes
            than frames.
    """
    annotations = root / "anno" / "UAV123"
    files = sorted(annotations.glob("*.txt"), key=lambda file: natural_order(file.name))
    if not files:
        raise FileNotFoundError(f"no <sequence>.txt in {annotations}")
    ranges = uav123_frames()
    attributes = read_attributes(annotations / "att", ATTRIBUTES)
    sequences = []
    for file in files:
        name = file.stem
        if name not in ranges:
            raise ValueError(f"{file}: UAV123 has no sequence {name}")
        first, last = ranges[name]
        folder = root / "data_seq" / "UAV123" / re.sub(r"_\d+$", "", name)
        pictures = pictures_in(folder)
        if len(pictures) < last:
            raise ValueError(f"{folder}: expected at least {last} pictures for {name}, got {len(pictures)}")
        boxes = read_boxes(file)
        if len(boxes) != last - first + 1:
            raise ValueError(
                f"{file}: expected {last - first + 1} boxes, for frames {first} to {last}, got {len(boxes)}"
            )
        sequences.append(
            Sequence(
                name,
                tuple(pictures[first - 1 : last]),
                boxes - np.array([1, 1, 0, 0]),
                attributes=attributes.get(key(name), frozenset()),
                origin=1,
            )
        )
    return sequences
