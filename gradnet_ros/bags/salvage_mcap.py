"""An MCAP file that was cut off, read up to its last whole record.

MCAP is a sequence of records: a byte that says which, eight with the length, the content. What is missing at
the end of a cut file is the index and the marks by which a reader knows a whole one; a reader is given the
whole records with the shortest possible end behind them.
https://mcap.dev/spec
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO

from gradnet_ros.bags.errors import BagError
from gradnet_ros.bags.storage import RosbagsStorage, reason

_MAGIC = b"\x89MCAP0\r\n"
_FOOTER, _DATA_END = 0x02, 0x0F
_END = (
    bytes([_DATA_END]) + (4).to_bytes(8, "little") + bytes(4)
    + bytes([_FOOTER]) + (20).to_bytes(8, "little") + bytes(20)
    + _MAGIC
)  # fmt: skip
"""No checksum, no index."""


def salvage_mcap(path: Path) -> tuple[RosbagsStorage, str]:
    """Open what can be read of a damaged file.

    Returns:
        The storage, and what was lost.

    Raises:
        BagError: nothing can be read.
    """
    from rosbags.rosbag2.storage_mcap import McapReader

    size = path.stat().st_size
    end = last_whole_record(path)
    reader = McapReader(_Mended(path, end))  # type: ignore[arg-type, unused-ignore]  # it calls open alone
    try:
        reader.open()
    except Exception as error:  # Damaged data fail in any way inside of rosbags and what it builds on.
        raise BagError(f"{path}: nothing can be read of this file: {reason(error)}") from error
    return RosbagsStorage(reader, path), f"{path}: cut off; its last {size - end} of {size} bytes are lost"


def last_whole_record(path: Path) -> int:
    """Where the last whole record of the data ends, in bytes from the start.

    Raises:
        BagError: not even the start is that of an MCAP file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise BagError(f"{path}: nothing can be read of this file: it does not begin as an MCAP file")
        end = file.tell()
        while head := file.read(9):
            following = end + 9 + int.from_bytes(head[1:], "little")
            # 0 is no record: a file system may leave zeros where it did not get to write.
            if len(head) < 9 or head[0] in (0, _FOOTER, _DATA_END) or following > size:
                break
            end = following
            file.seek(end)
    return end


class _Mended:
    """Stands for the path of a file that has another end."""

    def __init__(self, path: Path, end: int) -> None:
        self._path, self._end = path, end

    def open(self, mode: str) -> BinaryIO:
        return io.BufferedReader(_MendedFile(self._path.open(mode), self._end))  # type: ignore[arg-type]

    def __str__(self) -> str:
        return str(self._path)


class _MendedFile(io.RawIOBase):
    """The first ``end`` bytes of a file and then :data:`_END`; nothing is copied."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._end, self._place = file, end, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end + len(_END)}[whence]
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._place < self._end:
            self._file.seek(self._place)
            data = self._file.read(min(len(buffer), self._end - self._place))
        else:
            data = _END[self._place - self._end :][: len(buffer)]
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
