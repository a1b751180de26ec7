"""Opening a bag: a folder with ``metadata.yaml``, or one file of it, sound or damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from gradnet_ros.bags.errors import BagError, DamagedBagError
from gradnet_ros.bags.salvage_mcap import salvage_mcap
from gradnet_ros.bags.salvage_sqlite import SalvagedDatabase
from gradnet_ros.bags.storage import JoinedStorage, Record, RosbagsStorage, Storage, Topic, reason

STORAGES = {".db3": "sqlite3", ".mcap": "mcap"}
"""Endings of files -> what ROS calls the storage."""
METADATA = "metadata.yaml"


class Bag:
    """An open bag; a context manager.

    Args:
        path: the bag's folder, or one file of it.
        salvage: use what can be read of a damaged bag.

    Attributes:
        path: as given.
        storage_id: ``sqlite3`` or ``mcap``.
        notes: what was lost, each once; more may come while messages are read. Empty without ``salvage``.

    Raises:
        BagError: there is no bag, it is another kind of file, or it is damaged.
    """

    def __init__(self, path: Path, salvage: bool = False) -> None:
        self.path, self._salvage = path, salvage
        self.notes: list[str] = []
        files = _files(path)
        self.storage_id = STORAGES[files[0].suffix if files[0].suffix in STORAGES else files[0].suffixes[-2]]
        self._storage = self._open(files)

    def __enter__(self) -> Bag:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._storage.close()

    @property
    def name(self) -> str:
        """The folder's or the file's name, for tables and reports."""
        return bag_name(self.path)

    @property
    def topics(self) -> Sequence[Topic]:
        """Its topics by name."""
        return self._storage.topics

    def topic(self, name: str) -> Topic:
        """One topic.

        Raises:
            BagError: there is none of this name; the message lists those that there are.
        """
        found = [topic for topic in self.topics if topic.name == name]
        if not found:
            raise BagError(f"{self.path}: no topic {name}; it has {describe(self.topics)}")
        return found[0]

    def messages(self, topic: str) -> Iterator[Record]:
        """The messages of a topic, one at a time, in the order of their recording.

        Raises:
            DamagedBagError: some cannot be read. With ``salvage`` they are noted instead.
        """
        try:
            yield from self._storage.messages(topic)
        except BagError as error:
            if not self._salvage:
                raise DamagedBagError(*str(error).split(": ", 1)) from error
            self._note(str(error))

    def _open(self, files: Sequence[Path]) -> Storage:
        whole = self.path.is_file() or (self.path / METADATA).is_file()
        unwritten = [file for file in map(_left_open, files) if file is not None]
        if whole and not unwritten:
            storage, failure = _try(self.path)
            if storage is not None:
                return storage
            where = next((file for file in files if _try(file)[0] is None), self.path / METADATA)
            failure = _try(where)[1] if where in files else failure
        elif unwritten:
            where, failure = unwritten[0], "it was never closed: this file holds messages not in the bag yet"
        else:
            where, failure = self.path, f"no {METADATA}: the recording was not ended in good order"
        if not self._salvage:
            raise DamagedBagError(where, failure)
        self._note(f"{where}: {failure}")
        return JoinedStorage([self._salvage_file(file) for file in files])

    def _salvage_file(self, file: Path) -> Storage:
        if file.suffix not in STORAGES:
            raise BagError(f"{file}: a compressed file of a damaged bag: decompress it first (zstd -d)")
        storage = None if _left_open(file) else _try(file)[0]
        if storage is not None:
            return storage
        if file.suffix == ".db3":
            return SalvagedDatabase(file)
        mended, note = salvage_mcap(file)
        self._note(note)
        return mended

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def describe(topics: Sequence[Topic]) -> str:
    """Name topics with their types and counts, for a message."""
    if not topics:
        return "no topics"
    return ", ".join(f"{each.name} ({each.type}, {count_of(each)})" for each in topics)


def count_of(topic: Topic) -> str:
    """How many messages a topic has, in words."""
    return "unknown number" if topic.count is None else f"{topic.count} messages"


def _files(path: Path) -> list[Path]:
    """The files that hold a bag's messages, in the order of their recording.

    Raises:
        BagError: this is no bag of ROS 2.
    """
    if path.is_dir():
        found = [file for file in path.iterdir() if file.suffix in STORAGES or _is_compressed(file)]
        if not found:
            raise BagError(
                f"{path}: no bag of ROS 2: there is no {' or '.join(STORAGES)} file in this folder"
            )
        if len({file.suffixes[-2] if _is_compressed(file) else file.suffix for file in found}) > 1:
            raise BagError(f"{path}: {' and '.join(STORAGES)} files in one folder: give one of them")
        return sorted(found, key=_natural)
    if not path.is_file():
        raise BagError(f"{path}: no such bag")
    with path.open("rb") as file:
        start = file.read(13)
    if start.startswith(b"#ROSBAG V"):
        raise BagError(f"{path}: a bag of ROS 1; convert it: rosbags-convert --src {path} --dst FOLDER")
    if _is_compressed(path):
        raise BagError(f"{path}: a compressed file of a bag: give the folder that it lies in")
    if path.suffix not in STORAGES:
        raise BagError(f"{path}: no bag of ROS 2: expected a folder, or a {' or '.join(STORAGES)} file")
    if not start:
        raise BagError(f"{path}: an empty file")
    return [path]


def _is_compressed(file: Path) -> bool:
    return file.suffix == ".zstd" and len(file.suffixes) > 1 and file.suffixes[-2] in STORAGES


def _natural(file: Path) -> list[int | str]:
    """Sorts ``bag_10`` behind ``bag_9``."""
    parts = re.split(r"(\d+)", file.name)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]


def _left_open(file: Path) -> Path | None:
    """Where SQLite keeps messages that it has not moved into the database, if there are any."""
    log = file.with_name(f"{file.name}-wal")
    return log if log.is_file() and log.stat().st_size else None


def _try(path: Path) -> tuple[RosbagsStorage | None, str]:
    """Open with rosbags: the storage, or None and why not."""
    from rosbags.rosbag2 import Reader

    try:
        reader = Reader(path)
        reader.open()
    except Exception as error:  # Damaged data fail in any way inside of rosbags and what it builds on.
        return None, reason(error)
    return RosbagsStorage(reader, path), ""


def bag_name(path: Path) -> str:
    """What a bag is called: its folder's name, or that of its one file without the ending."""
    path = path.resolve()
    return path.name if path.is_dir() else path.stem
