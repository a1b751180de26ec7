"""Files that are either whole or not there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside its place and move it there once it is on disk.

    Args:
        path: where the file is to be; an older one is replaced.
        write: writes the file that it is given.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    part.touch()
    # As of any new file of this user: some writers let nobody else read.
    readers = stat.S_IMODE(part.stat().st_mode)
    write(part)
    part.chmod(readers)
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)
