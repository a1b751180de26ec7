"""Reading pictures from shards: tar files of WebP crops and scenes with JSON-lines indices.

The layout (``index.jsonl``, ``scenes.jsonl``, ``crops-*.tar``, ``scenes-*.tar``) is described in
``docs/data.md``; :mod:`gradnet_ros.training.prepare` writes it.
"""

from __future__ import annotations

import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

CROP_SIZE = 320
"""Side of a stored crop, pixels."""
CROP_BASE = 127.0
"""Pixels that a target with its context covers in a stored crop (SiamFC's scale)."""
INDEX, SCENES = "index.jsonl", "scenes.jsonl"


@dataclass(frozen=True)
class Picture:
    """Where an encoded picture lies: a byte range of a tar file."""

    shard: Path
    offset: int
    length: int

    def read(self) -> NDArray[np.uint8]:
        """Decode to HxWx3 BGR.

        Raises:
            ValueError: the bytes are no picture.
        """
        with self.shard.open("rb") as file:
            file.seek(self.offset)
            data = np.frombuffer(file.read(self.length), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"{self.shard} at byte {self.offset}: not a picture")
        return np.asarray(image, np.uint8)


@dataclass(frozen=True)
class TrackEntry:
    """One object: its crops in time order and its size in each, (w, h) in crop pixels.

    Attributes:
        source: the data set that it comes from.
        crops: CROP_SIZE squares with the object at the centre.
        sizes: one a crop.
        licence: of the pictures, as the publisher states it.
        name: of the track in its source.
    """

    source: str
    crops: tuple[Picture, ...]
    sizes: tuple[tuple[float, float], ...]
    licence: str = ""
    name: str = ""


@dataclass(frozen=True)
class ShardIndex:
    """All tracks and scenes of a folder."""

    tracks: tuple[TrackEntry, ...]
    scenes: tuple[Picture, ...]

    def by_source(self) -> dict[str, list[TrackEntry]]:
        """Tracks grouped by where they come from."""
        groups: dict[str, list[TrackEntry]] = defaultdict(list)
        for track in self.tracks:
            groups[track.source].append(track)
        return dict(groups)


def open_shards(folder: Path) -> ShardIndex:
    """Read the indices of a shard folder; pictures stay on disk.

    Raises:
        FileNotFoundError: no ``index.jsonl`` in the folder.
        ValueError: a line of an index that is malformed or names a picture that its shard does not have; the
            message names file and line. A shard that is no tar file.
    """
    if not (folder / INDEX).is_file():
        raise FileNotFoundError(f"{folder / INDEX} not found: {folder} is not a folder of training shards")
    shards = _Shards(folder)
    tracks = tuple(_track(shards, record, where) for where, record in _records(folder / INDEX))
    scenes_file = folder / SCENES
    lines = _records(scenes_file) if scenes_file.is_file() else ()
    scenes = tuple(
        shards.picture(_text(record, "shard", where), _text(record, "scene", where), where)
        for where, record in lines
    )
    return ShardIndex(tracks, scenes)


class _Shards:
    """The pictures of a folder; a tar file is looked into once, when a line names it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._members: dict[str, dict[str, Picture]] = {}

    def picture(self, shard: str, name: str, where: str) -> Picture:
        if shard not in self._members:
            path = self._folder / shard
            if not path.is_file():
                raise ValueError(f"{where}: shard {shard} is not in {self._folder}")
            self._members[shard] = _members(path)
        try:
            return self._members[shard][name]
        except KeyError as error:
            raise ValueError(f"{where}: {shard} holds no picture {name}") from error


def _members(shard: Path) -> dict[str, Picture]:
    try:
        with tarfile.open(shard) as tar:
            return {
                member.name: Picture(shard, member.offset_data, member.size)
                for member in tar
                if member.isfile()
            }
    except tarfile.TarError as error:
        raise ValueError(f"{shard}: expected a tar file: {error}") from error


def _records(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSON-lines file, each with the place to name in messages."""
    for number, line in enumerate(file.read_text().split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{file}:{number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{where}: expected a JSON object a line: {error.msg}") from error
        if not isinstance(record, dict):
            raise ValueError(f"{where}: expected a JSON object a line, got {line[:60]!r}")
        yield where, record


def _track(shards: _Shards, record: dict[str, Any], where: str) -> TrackEntry:
    shard, names, boxes = _text(record, "shard", where), record.get("crops"), record.get("boxes")
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise ValueError(f"{where}: expected crops, a list of at least one member of {shard}, got {names!r}")
    try:
        sizes = tuple((float(w), float(h)) for w, h in boxes or ())
    except (TypeError, ValueError):
        sizes = ()
    if len(sizes) != len(names) or not all(w > 0 and h > 0 for w, h in sizes):
        raise ValueError(
            f"{where}: expected boxes, [w, h] in pixels for each of {len(names)} crops, got {boxes!r}"
        )
    crops = tuple(shards.picture(shard, name, where) for name in names)
    licence, name = record.get("licence", ""), record.get("track", "")
    return TrackEntry(_text(record, "source", where), crops, sizes, str(licence), str(name))


def _text(record: dict[str, Any], field: str, where: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected {field}, a text, got {value!r}")
    return value
