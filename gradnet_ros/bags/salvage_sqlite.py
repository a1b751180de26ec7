"""A rosbag2 database that was cut off, or left open, read row by row up to the first missing page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from gradnet_ros.bags.errors import BagError
from gradnet_ros.bags.storage import Record, Topic


class SalvagedDatabase:
    """What can be read of a damaged database.

    Args:
        path: the file.

    Raises:
        BagError: nothing can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Not opened as immutable, unlike a sound one: SQLite is to use what is still in a -wal file.
        self._database = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)
        try:
            # Otherwise SQLite refuses a file that is shorter than its first page says.
            self._database.execute("PRAGMA writable_schema=ON")
            rows = self._database.execute("SELECT id, name, type FROM topics ORDER BY id").fetchall()
        except sqlite3.Error as error:
            self._database.close()
            raise BagError(f"{path}: nothing can be read of this file: {error}") from error
        self._ids = {str(name): int(number) for number, name, _ in rows}
        self._topics = [Topic(str(name), str(kind), None) for _, name, kind in rows]

    @property
    def topics(self) -> Sequence[Topic]:
        """See :class:`~gradnet_ros.bags.storage.Storage`."""
        return self._topics

    def messages(self, topic: str) -> Iterator[Record]:
        """See :class:`~gradnet_ros.bags.storage.Storage`.

        In the order of writing: rows lie in it, and the index that has them by time may be what is missing.
        """
        if topic not in self._ids:
            return
        number = 0
        try:
            rows = self._database.execute(
                "SELECT timestamp, data FROM messages NOT INDEXED WHERE topic_id = ? ORDER BY id",
                (self._ids[topic],),
            )
            for recorded, data in rows:
                yield Record(recorded, data)
                number += 1
        except sqlite3.Error as error:
            raise BagError(
                f"{self._path}: {topic} cannot be read after {number} messages: {error}"
            ) from error

    def close(self) -> None:
        """See :class:`~gradnet_ros.bags.storage.Storage`."""
        self._database.close()
