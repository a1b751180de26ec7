"""Writing a folder of shards: all of it or nothing."""

from __future__ import annotations

import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any

from gradnet_ros.training.files import write_whole
from gradnet_ros.training.prepare.crops import CutTrack
from gradnet_ros.training.shards import INDEX, SCENES, open_shards

STAGING = ".partial"
"""Folder inside the output in which a run works until it is done."""


class Mode(str, Enum):
    """What happens to what is in the output folder already."""

    NEW = "new"
    """There must be nothing."""
    APPEND = "append"
    """It stays, a source is added."""
    OVERWRITE = "overwrite"
    """Its shards are replaced, once the new ones are complete."""


class ShardFolder:
    """An output folder, as a context: leaving it without :meth:`commit` adds nothing to the folder.

    Shards are written to a folder inside the output. Only :meth:`commit` moves them beside the index, and the
    index comes last: without its lines a shard is not there. What a killed run left behind is removed by the
    next one.

    Args:
        folder: the output; made where it is not there.
        mode: what happens to its content.
        source: name of the data set that is written.
        licence: of its pictures.
        limit: bytes of a shard; a new one starts before a track would pass it (a track that is larger by
            itself gets a shard of its own).

    Raises:
        FileExistsError: it is not empty, and ``mode`` is new.
        NotADirectoryError: it is a file.
        FileNotFoundError: there are no shards to append to.
        ValueError: what is there is malformed, or has this source already.
    """

    def __init__(self, folder: Path, mode: Mode, source: str, licence: str, limit: int) -> None:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file, expected a folder")
        names = {each.name for each in folder.iterdir()} - {STAGING} if folder.is_dir() else set()
        if mode is Mode.NEW and names:
            raise FileExistsError(
                f"{folder} is not empty: --append adds a source to its shards, --overwrite replaces them"
            )
        if mode is Mode.APPEND and source in open_shards(folder).by_source():
            raise ValueError(f"{folder} has the source {source!r} already: give it another --source-name")
        self._folder, self._mode, self._source, self._licence = folder, mode, source, licence
        self._staging = folder / STAGING
        kept = names if mode is Mode.APPEND else set()
        self._crops = _ShardWriter(self._staging, "crops", _first_free("crops", kept), limit)
        self._scenes = _ShardWriter(self._staging, "scenes", _first_free("scenes", kept), limit)
        self._index_lines: list[str] = []
        self._scene_lines: list[str] = []

    def __enter__(self) -> ShardFolder:
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._crops.close()
            self._scenes.close()
        finally:  # A full disk must not keep what fills it.
            shutil.rmtree(self._staging, ignore_errors=True)

    def add_track(self, track: CutTrack) -> None:
        """Write the crops of a track."""
        shard, members = self._crops.add(track.crops)
        boxes = [[round(w, 2), round(h, 2)] for w, h in track.sizes]
        self._index_lines.append(
            _line(track=track.name, **self._origin(), shard=shard, crops=members, boxes=boxes)
        )

    def add_scene(self, picture: bytes) -> None:
        """Write a scene."""
        shard, (member,) = self._scenes.add([picture])
        self._scene_lines.append(_line(scene=member, shard=shard, **self._origin()))

    def commit(self) -> int:
        """Make what was written the content of the folder; return the bytes of the new shards."""
        self._crops.close()
        self._scenes.close()
        if self._mode is Mode.OVERWRITE:
            (self._folder / INDEX).unlink(missing_ok=True)
            for file in [self._folder / SCENES, *self._folder.glob("*.tar")]:
                if file.name == SCENES or _number(file.name) is not None:
                    file.unlink(missing_ok=True)
        shards = sorted(self._staging.glob("*.tar"))
        size = sum(shard.stat().st_size for shard in shards)
        for shard in shards:
            shard.replace(self._folder / shard.name)
        if self._scene_lines:
            self._extend(SCENES, self._scene_lines)
        self._extend(INDEX, self._index_lines)
        return size

    def _origin(self) -> dict[str, str]:
        return {"source": self._source, "licence": self._licence}

    def _extend(self, name: str, lines: Iterable[str]) -> None:
        """Add lines to an index in one step: a reader sees the old file or the new one."""
        file = self._folder / name
        before = file.read_text().rstrip("\n").split("\n") if file.is_file() else []
        text = "".join(f"{line}\n" for line in [*before, *lines])
        write_whole(file, lambda part: _write_text(part, text))


class _ShardWriter:
    """Tar files of pictures, each under the limit; their bytes depend on the pictures alone."""

    def __init__(self, folder: Path, kind: str, number: int, limit: int) -> None:
        self._folder, self._kind, self._number, self._limit = folder, kind, number, limit
        self._tar: tarfile.TarFile | None = None
        self._count = 0

    def add(self, pictures: Iterable[bytes]) -> tuple[str, list[str]]:
        """Write pictures that belong together; return the shard's name and theirs in it."""
        pictures = list(pictures)
        size = sum(tarfile.BLOCKSIZE + _padded(len(data), tarfile.BLOCKSIZE) for data in pictures)
        if self._tar is not None:
            # The end of a tar file is two empty blocks, filled up to a record.
            end = _padded(self._tar.offset + size + 2 * tarfile.BLOCKSIZE, tarfile.RECORDSIZE)
            if end > self._limit:
                self.close()
        if self._tar is None:
            path = self._folder / self._name()
            self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 (stays open)
        shard = self._name()
        members = []
        for data in pictures:
            member = tarfile.TarInfo(f"{self._count:06d}.webp")
            member.size = len(data)
            self._tar.addfile(member, io.BytesIO(data))
            members.append(member.name)
            self._count += 1
        return shard, members

    def close(self) -> None:
        """Finish the tar file that is open."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None
            self._number += 1
            self._count = 0

    def _name(self) -> str:
        return f"{self._kind}-{self._number:03d}.tar"


def _padded(size: int, block: int) -> int:
    return -(-size // block) * block


def _number(name: str) -> int | None:
    found = re.fullmatch(r"(?:crops|scenes)-(\d+)\.tar", name)
    return int(found[1]) if found else None


def _first_free(kind: str, names: Iterable[str]) -> int:
    numbers = [_number(name) for name in names if name.startswith(kind)]
    return max((number + 1 for number in numbers if number is not None), default=0)


def _write_text(file: Path, text: str) -> None:
    file.write_text(text)


def _line(**fields: Any) -> str:
    return json.dumps(fields)
