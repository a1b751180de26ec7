"""LaSOT: ``<class>/<class>-<n>/`` with pictures in ``img``, ``groundtruth.txt`` and two files of labels.

Boxes are ``x,y,w,h`` and 1-based ("The smallest should be 1", the author in
github.com/HengLan/LaSOT_Evaluation_Toolkit/issues/14). Frames without the target carry random boxes;
``full_occlusion.txt`` and ``out_of_view.txt`` tell which.
"""

from __future__ import annotations

from pathlib import Path

from gradnet_ros.evaluation.sequences import read_boxes
from gradnet_ros.training.readers.benchmarks import lasot_test_set
from gradnet_ros.training.readers.files import read_labels, visible_track
from gradnet_ros.training.readers.source import AnnotatedTrack, Source
from gradnet_ros.video import natural_order, pictures_in


def read(folder: Path, origin: int) -> Source:
    """Open LaSOT; the sequences of its test sets are left out.

    Args:
        folder: holds a folder for each class.
        origin: the coordinate that the annotation gives to the first pixel; the data set's own is 1.

    Raises:
        FileNotFoundError: no sequence there.
        ValueError: test sequences alone.
    """
    folders = {file.parent.name: file.parent for file in folder.glob("*/*/groundtruth.txt")}
    if not folders:
        raise FileNotFoundError(f"no <class>/<class>-<n>/groundtruth.txt below {folder}")
    kept = sorted(folders.keys() - lasot_test_set(), key=natural_order)
    if not kept:
        raise ValueError(
            f"{folder}: all {len(folders)} sequences are of LaSOT's test sets, for measuring only"
        )
    tests = len(folders) - len(kept)
    notes = (f"{tests} sequences of LaSOT's test sets are left out",) if tests else ()
    return Source(tuple(kept), lambda name: [_read_sequence(folders[name], origin)], notes)


def _read_sequence(folder: Path, origin: int) -> AnnotatedTrack:
    truth = folder / "groundtruth.txt"
    labels = (folder / "full_occlusion.txt", folder / "out_of_view.txt")
    visible = {file: read_labels(file, 1) == 0 for file in labels}
    return visible_track(folder.name, truth, pictures_in(folder / "img"), read_boxes(truth), origin, visible)
