"""LaSOT: ``<class>/<class>-<n>/`` with ``img/00000001.jpg``, ``groundtruth.txt`` and two files of labels.

Boxes are 1-based (see :mod:`gradnet_ros.training.readers.lasot`). Frames without the target carry boxes that
mean nothing: the toolkit takes them out, and so do we.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gradnet_ros.evaluation.benchmarks.attributes import key, read_attributes
from gradnet_ros.evaluation.sequences import Sequence, read_boxes
from gradnet_ros.training.readers.benchmarks import lasot_test_set
from gradnet_ros.training.readers.files import read_labels
from gradnet_ros.video import natural_order, pictures_in

ATTRIBUTES = (
    "illumination variation",
    "partial occlusion",
    "deformation",
    "motion blur",
    "camera motion",
    "rotation",
    "background clutter",
    "viewpoint change",
    "scale variation",
    "full occlusion",
    "fast motion",
    "out-of-view",
    "low resolution",
    "aspect ratio change",
)
"""In the order of the toolkit's ``annos/att`` files."""


def read(root: Path) -> list[Sequence]:
    """The sequences below ``root`` that are of LaSOT's test sets (protocol II, extension).

    Each lies in the folder of its class or in the root itself. Attributes are read from ``att/`` or
    ``annos/att/`` below the root, if there is one: the evaluation toolkit's folder.

    Raises:
        FileNotFoundError: no sequence there, or one without pictures or labels.
        ValueError: training sequences alone, a file that is malformed, or another number of boxes or labels
            than pictures.
    """
    truths = [*root.glob("*/*/groundtruth.txt"), *root.glob("*/groundtruth.txt")]
    folders = {file.parent.name: file.parent for file in truths}
    if not folders:
        raise FileNotFoundError(f"no <class>/<class>-<n>/groundtruth.txt below {root}")
    names = sorted(folders.keys() & lasot_test_set(), key=natural_order)
    if not names:
        raise ValueError(f"{root}: none of its {len(folders)} sequences is of LaSOT's test sets")
    attributes = {
        **read_attributes(root / "annos" / "att", ATTRIBUTES),
        **read_attributes(root / "att", ATTRIBUTES),
    }
    return [_read_sequence(folders[name], attributes.get(key(name), frozenset())) for name in names]


def _read_sequence(folder: Path, attributes: frozenset[str]) -> Sequence:
    pictures = pictures_in(folder / "img")
    boxes = read_boxes(folder / "groundtruth.txt")
    files = (folder / "full_occlusion.txt", folder / "out_of_view.txt")
    labels = [read_labels(file, 1) == 1 for file in files]
    for file, values in zip((folder / "groundtruth.txt", *files), (boxes, *labels), strict=True):
        if len(values) != len(pictures):
            raise ValueError(f"{file}: expected {len(pictures)} values, one a picture, got {len(values)}")
    absent = labels[0] | labels[1]
    return Sequence(
        folder.name,
        tuple(pictures),
        boxes - np.array([1, 1, 0, 0]),
        absent=absent,
        scored=~absent,
        attributes=attributes,
        origin=1,
    )
