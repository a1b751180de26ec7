"""Where messages come from: one file or several, sound or not."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from gradnet_ros.bags.errors import BagError


class Record(NamedTuple):
    """A message as it was recorded.

    Attributes:
        recorded: when it was recorded, ns.
        data: the serialised message (CDR).
    """

    recorded: int
    data: bytes


@dataclass(frozen=True)
class Topic:
    """A topic of a bag.

    Attributes:
        name: with its leading slash.
        type: such as ``sensor_msgs/msg/Image``.
        count: messages; None where the file is damaged and does not say.
    """

    name: str
    type: str
    count: int | None


class Storage(Protocol):
    """Something to read messages from, one at a time: bags do not fit into memory."""

    @property
    def topics(self) -> Sequence[Topic]:
        """Its topics."""
        ...

    def messages(self, topic: str) -> Iterator[Record]:
        """The messages of a topic in the order of their recording.

        Raises:
            BagError: some cannot be read; those before them have been given.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class RosbagsStorage:
    """What rosbags can read.

    Args:
        reader: an open reader of rosbags, of a whole bag or of one file of it.
        where: names it in errors.
    """

    def __init__(self, reader: Any, where: object) -> None:
        self._reader, self._where = reader, where

    @property
    def topics(self) -> Sequence[Topic]:
        """See :class:`Storage`."""
        counts: dict[tuple[str, str], int] = {}
        for each in self._reader.connections:  # one for each quality of service that was recorded
            key = (each.topic, each.msgtype)
            counts[key] = counts.get(key, 0) + each.msgcount
        return [Topic(name, kind, count) for (name, kind), count in sorted(counts.items())]

    def messages(self, topic: str) -> Iterator[Record]:
        """See :class:`Storage`."""
        wanted = [each for each in self._reader.connections if each.topic == topic]
        if not wanted:  # rosbags takes none for all
            return
        number = 0
        try:
            for _, recorded, data in self._reader.messages(wanted):
                yield Record(recorded, data)
                number += 1
        except Exception as error:  # Damaged data fail in any way inside of rosbags and what it builds on.
            raise BagError(
                f"{self._where}: {topic} cannot be read after {number} messages: {reason(error)}"
            ) from error

    def close(self) -> None:
        """See :class:`Storage`."""
        self._reader.close()


class JoinedStorage:
    """Several files of one bag."""

    def __init__(self, parts: Sequence[Storage]) -> None:
        self._parts = parts

    @property
    def topics(self) -> Sequence[Topic]:
        """See :class:`Storage`."""
        counts: dict[tuple[str, str], int | None] = {}
        for each in (topic for part in self._parts for topic in part.topics):
            before = counts.get((each.name, each.type), 0)
            unknown = before is None or each.count is None
            counts[each.name, each.type] = None if unknown else (before or 0) + (each.count or 0)
        return [Topic(name, kind, count) for (name, kind), count in sorted(counts.items())]

    def messages(self, topic: str) -> Iterator[Record]:
        """See :class:`Storage`; what can be read of the other parts comes before the error of one."""
        failures: list[BagError] = []

        def read(part: Storage) -> Iterator[Record]:
            try:
                yield from part.messages(topic)
            except BagError as error:
                failures.append(error)

        yield from heapq.merge(*map(read, self._parts), key=lambda record: record.recorded)
        if failures:
            raise BagError("; ".join(str(failure) for failure in failures))

    def close(self) -> None:
        """See :class:`Storage`."""
        for part in self._parts:
            part.close()


def reason(error: Exception) -> str:
    """What an exception says, in one line without a full stop; its name where it says nothing."""
    text = " ".join(str(error).split()).rstrip(".")
    return text or type(error).__name__
