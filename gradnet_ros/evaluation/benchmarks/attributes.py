"""Attributes of sequences, as the MATLAB toolkits keep them: a file of zeros and ones each."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from pathlib import Path

from gradnet_ros.text import read_text


def read_attributes(folder: Path, names: SequenceOf[str]) -> dict[str, frozenset[str]]:
    """Read ``<sequence>.txt`` files of flags, separated by commas or blanks.

    Args:
        folder: where they are; nothing is read if there is no such folder.
        names: what the flags stand for, in their order.

    Returns:
        Sequence, as :func:`key` writes it -> its attributes.

    Raises:
        ValueError: a file of something else; the message names it.
    """
    found = {}
    for file in sorted(folder.glob("*.txt")):
        flags = read_text(file).replace(",", " ").split()
        if len(flags) != len(names):
            raise ValueError(f"{file}: expected {len(names)} flags ({', '.join(names)}), got {len(flags)}")
        for flag in flags:
            if flag not in ("0", "1"):
                raise ValueError(f"{file}: expected flags of 0 or 1, got {flag!r}")
        found[key(file.stem)] = frozenset(
            name for name, flag in zip(names, flags, strict=True) if flag == "1"
        )
    return found


def key(sequence: str) -> str:
    """A sequence's name for looking up: toolkits disagree on capitals, and on Jogging.1 or jogging-1."""
    return sequence.lower().replace("-", ".")
