"""Reading pictures from shards: tar files of WebP crops and scenes with JSON-lines indices.

The layout (``index.jsonl``, ``scenes.jsonl``, ``crops-*.tar``, ``scenes-*.tar``) is described in
``docs/training.md``.
"""

from __future__ import annotations

import json
import tarfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

CROP_BASE = 127.0
"""Pixels that a target with its context covers in a stored crop (SiamFC's scale)."""


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
    """One object: its crops in time order and its size in each, (w, h) in crop pixels."""

    source: str
    crops: tuple[Picture, ...]
    sizes: tuple[tuple[float, float], ...]


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
        ValueError: an index names a picture that its shard does not have.
    """
    index_file = folder / "index.jsonl"
    if not index_file.is_file():
        raise FileNotFoundError(f"{index_file} not found: {folder} is not a folder of training shards")
    members = {shard.name: _members(shard) for shard in sorted(folder.glob("*.tar"))}

    def picture(shard: str, name: str) -> Picture:
        try:
            return members[shard][name]
        except KeyError as error:
            raise ValueError(f"{folder}: {shard} holds no picture {name}") from error

    tracks = []
    for record in map(json.loads, index_file.read_text().splitlines()):
        crops = tuple(picture(record["shard"], name) for name in record["crops"])
        sizes = tuple((float(w), float(h)) for w, h in record["boxes"])
        tracks.append(TrackEntry(record["source"], crops, sizes))
    scenes_file = folder / "scenes.jsonl"
    lines = scenes_file.read_text().splitlines() if scenes_file.is_file() else []
    scenes = tuple(picture(record["shard"], record["scene"]) for record in map(json.loads, lines))
    return ShardIndex(tuple(tracks), scenes)


def _members(shard: Path) -> dict[str, Picture]:
    with tarfile.open(shard) as tar:
        return {
            member.name: Picture(shard, member.offset_data, member.size) for member in tar if member.isfile()
        }
