"""COCO: ``annotations/instances_<split>.json`` and pictures in ``<split>/`` or ``images/<split>/``; stills.

Boxes are ``[x, y, w, h]`` and 0-based ("box coordinates are measured from the top left image corner and are
0-indexed", cocodataset.org, data format).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from gradnet_ros.tracking.track import Box
from gradnet_ros.training.readers.source import AnnotatedTrack, Source

Objects = list[tuple[str, Box]]
"""Identifier and box of each object of a picture."""


def read(folder: Path, origin: int) -> Source:
    """Open COCO, or a data set in its form; a picture is a sequence, each object in it a track of one frame.

    Crowds are left out. A split whose pictures are not there is left out too: COCO's archive of annotations
    holds all splits.

    Args:
        folder: holds ``annotations`` and the pictures.
        origin: the coordinate that the annotation gives to the first pixel; the data set's own is 0.

    Raises:
        FileNotFoundError: no annotation, or no pictures to one.
        ValueError: an annotation that is malformed; the message names it.
    """
    files = sorted((folder / "annotations").glob("instances_*.json"))
    if not files:
        raise FileNotFoundError(f"no annotations/instances_<split>.json below {folder}")
    pictures: dict[str, tuple[Path, Objects]] = {}
    notes = []
    for file in files:
        split = file.stem.removeprefix("instances_")
        places = [folder / split, folder / "images" / split]
        place = next((place for place in places if place.is_dir()), None)
        if place is None:
            notes.append(f"{file.name} is left out: no pictures in {split}/ or images/{split}/")
            continue
        for name, objects in _read_split(file, origin):
            pictures[f"{split}/{name}"] = (place / name, objects)
    if not pictures:
        raise FileNotFoundError(f"{folder}: no pictures with annotated objects; {'; '.join(notes)}")

    def tracks(name: str) -> list[AnnotatedTrack]:
        image, objects = pictures[name]
        return [AnnotatedTrack(f"{name}#{key}", (image,), (box,)) for key, box in objects]

    return Source(tuple(pictures), tracks, tuple(notes))


def _read_split(file: Path, origin: int) -> Iterator[tuple[str, Objects]]:
    """File name and objects of every picture that has some."""
    try:
        with file.open() as stream:
            content = json.load(stream, object_hook=_without_outlines)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}:{error.lineno}: expected JSON: {error.msg}") from error
    for part in ("images", "annotations"):
        if not (isinstance(content, dict) and isinstance(content.get(part), list)):
            raise ValueError(f"{file}: expected an object with a list {part!r}")
    names: dict[Any, str] = {}
    for number, image in enumerate(content["images"]):
        try:
            names[image["id"]] = str(image["file_name"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{file}: images[{number}]: expected id and file_name, got {image}") from error
    objects: dict[Any, Objects] = defaultdict(list)
    for number, each in enumerate(content["annotations"]):
        try:
            x, y, w, h = (float(value) for value in each["bbox"])
            picture, key, crowd = each["image_id"], each["id"], each.get("iscrowd", 0)
            if picture not in names or not all(map(isfinite, (x, y, w, h))):
                raise ValueError
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{file}: annotations[{number}]: expected id, image_id of a listed image and"
                f" bbox [x, y, w, h], got {each}"
            ) from error
        if not crowd:
            objects[picture].append((str(key), (x - origin, y - origin, w, h)))
    for picture, name in names.items():
        if picture in objects:
            yield name, objects[picture]


def _without_outlines(record: dict[str, Any]) -> dict[str, Any]:
    """Drop the outlines while the file is read: they are most of it."""
    record.pop("segmentation", None)
    return record
