"""GOT-10k: ``list.txt`` and ``<sequence>/00000001.jpg, groundtruth.txt, absence.label, cover.label``.

Boxes are ``x,y,w,h`` and 1-based ("All coordinate values are 1-based", the author in
github.com/got-10k/toolkit/issues/6).
"""

from __future__ import annotations

from pathlib import Path

from gradnet_ros.evaluation.sequences import read_boxes
from gradnet_ros.text import read_text
from gradnet_ros.training.readers.files import read_labels, visible_track
from gradnet_ros.training.readers.source import AnnotatedTrack, Source
from gradnet_ros.video import pictures_in

FULL_COVER = 8
"""``cover.label`` grades how much of the target is seen from 0 to 8, which is all of it."""
LEAST_COVER = 4
"""Frames below it are left out: less than about half of the target is seen."""

_TEST = "is of the test split of GOT-10k: it has ground truth for first frames only and is for measuring"


def read(folder: Path, origin: int) -> Source:
    """Open the folder ``train`` (or ``val``) of GOT-10k.

    Args:
        folder: holds ``list.txt`` and the sequences.
        origin: the coordinate that the annotation gives to the first pixel; the data set's own is 1.

    Raises:
        FileNotFoundError: no ``list.txt``, or none of the sequences that it names.
        ValueError: the test split.
    """
    list_file = folder / "list.txt"
    if not list_file.is_file():
        raise FileNotFoundError(f"{list_file} not found: expected the folder train of GOT-10k")
    names = [line.strip() for line in read_text(list_file).splitlines() if line.strip()]
    for name in names:
        if name.startswith("GOT-10k_Test_"):
            raise ValueError(f"{list_file}: {name} {_TEST}")
    there = tuple(name for name in names if (folder / name).is_dir())
    if not there:
        raise FileNotFoundError(f"{folder}: none of the {len(names)} sequences of list.txt is there")
    absent = len(names) - len(there)
    notes = (f"{absent} of the {len(names)} sequences of list.txt are not there",) if absent else ()
    return Source(there, lambda name: [_read_sequence(folder / name, origin)], notes)


def _read_sequence(folder: Path, origin: int) -> AnnotatedTrack:
    images = pictures_in(folder)
    truth = folder / "groundtruth.txt"
    boxes = read_boxes(truth)
    if len(boxes) == 1 and len(images) > 1:
        raise ValueError(f"{truth}: one box for {len(images)} pictures: {folder.name} {_TEST}")
    absence, cover = folder / "absence.label", folder / "cover.label"
    visible = {
        absence: read_labels(absence, 1) == 0,
        cover: read_labels(cover, FULL_COVER) >= LEAST_COVER,
    }
    return visible_track(folder.name, truth, images, boxes, origin, visible)
