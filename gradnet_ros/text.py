"""Text files that people write: UTF-8, with or without the mark that some editors put in front."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8; the message names it.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8: {error}") from error
