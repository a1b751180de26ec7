"""ILSVRC2015 VID: ``Data/VID/train/<part>/<snippet>/000000.JPEG`` and ``Annotations/VID/train/...xml``.

Boxes are ``xmin, ymin, xmax, ymax``, 0-based pixels with both ends inside: the annotations begin at 0, and
the development kit counts ``xmax - xmin + 1`` pixels (eval_vid_detection.m).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from gradnet_ros.tracking.track import Box
from gradnet_ros.training.readers.source import AnnotatedTrack, Source


def read(folder: Path, origin: int) -> Source:
    """Open the training part of ILSVRC2015 VID.

    Args:
        folder: holds ``Annotations`` and ``Data``.
        origin: the coordinate that the annotation gives to the first pixel; the data set's own is 0.

    Raises:
        FileNotFoundError: no snippet there.
    """
    annotations = folder / "Annotations" / "VID" / "train"
    snippets = sorted(each for each in annotations.glob("*/*") if each.is_dir())
    if not snippets:
        raise FileNotFoundError(f"no <part>/<snippet> below {annotations}")
    names = tuple(each.relative_to(annotations).as_posix() for each in snippets)
    images = folder / "Data" / "VID" / "train"
    return Source(names, lambda name: _read_snippet(name, annotations / name, images / name, origin))


def _read_snippet(name: str, annotations: Path, pictures: Path, origin: int) -> list[AnnotatedTrack]:
    files = sorted(annotations.glob("*.xml"))
    if not files:
        raise FileNotFoundError(f"{annotations}: expected an .xml for each frame, there is none")
    images: dict[str, list[Path]] = defaultdict(list)
    boxes: dict[str, list[Box]] = defaultdict(list)
    for file in files:
        for track, box in _read_frame(file, origin):
            images[track].append(pictures / f"{file.stem}.JPEG")
            boxes[track].append(box)
    return [
        AnnotatedTrack(f"{name}/{track}", tuple(images[track]), tuple(boxes[track]))
        for track in sorted(boxes)
    ]


def _read_frame(file: Path, origin: int) -> list[tuple[str, Box]]:
    try:
        root = ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{file}:{error.position[0]}: expected XML: {error}") from error
    found = []
    for number, target in enumerate(root.iter("object"), start=1):
        texts = {field: target.findtext(field) for field in ("trackid", *_SIDES)}
        for field, text in texts.items():
            if text is None or not text.strip().lstrip("-").isdecimal():
                raise ValueError(
                    f"{file}: object {number}: expected a whole number as {field}, got {text or 'nothing'}"
                )
        track, left, top, right, bottom = (int(text or 0) for text in texts.values())
        found.append(
            (
                str(track),
                (
                    float(left - origin),
                    float(top - origin),
                    float(right - left + 1),
                    float(bottom - top + 1),
                ),
            )
        )
    return found


_SIDES = ("bndbox/xmin", "bndbox/ymin", "bndbox/xmax", "bndbox/ymax")
