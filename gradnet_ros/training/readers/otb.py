"""The form of OTB: ``<sequence>/img`` with pictures and ``<sequence>/groundtruth_rect.txt``.

Boxes are ``x,y,w,h`` (commas, tabs or blanks) and 1-based: the benchmark's MATLAB code adds 1 to results of
trackers written in C. ``NaN`` or a side of 0 says that the target is absent. Several targets are in
``groundtruth_rect.1.txt``, ``groundtruth_rect.2.txt`` and so on.
"""

from __future__ import annotations

from pathlib import Path

from gradnet_ros.evaluation.sequences import read_boxes
from gradnet_ros.training.readers.benchmarks import otb_2015
from gradnet_ros.training.readers.files import visible_track
from gradnet_ros.training.readers.source import AnnotatedTrack, Source
from gradnet_ros.video import natural_order, pictures_in

_TRUTH = "groundtruth_rect*.txt"


def read(folder: Path, origin: int) -> Source:
    """Open a folder of sequences; those with a name of OTB-2015 are left out.

    Args:
        folder: holds a folder for each sequence.
        origin: the coordinate that the annotation gives to the first pixel; the data set's own is 1.

    Raises:
        FileNotFoundError: no sequence there.
        ValueError: sequences of OTB-2015 alone.
    """
    names = {file.parent.name for file in folder.glob(f"*/{_TRUTH}")}
    if not names:
        raise FileNotFoundError(f"no <sequence>/groundtruth_rect.txt below {folder}")
    kept = sorted(names - otb_2015(), key=natural_order)
    if not kept:
        raise ValueError(f"{folder}: all {len(names)} sequences are of OTB-2015, for measuring only")
    tests = sorted(names & otb_2015())
    notes = (f"left out, named as in OTB-2015 (rename your own): {', '.join(tests)}",) if tests else ()
    return Source(tuple(kept), lambda name: _read_sequence(folder / name, origin), notes)


def _read_sequence(folder: Path, origin: int) -> list[AnnotatedTrack]:
    images = pictures_in(folder / "img")
    tracks = []
    for truth in sorted(folder.glob(_TRUTH), key=lambda file: natural_order(file.name)):
        name = folder.name + truth.stem.removeprefix("groundtruth_rect")
        tracks.append(visible_track(name, truth, images, read_boxes(truth), origin))
    return tracks
