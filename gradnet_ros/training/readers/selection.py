"""Choosing sequences of a data set by lists of names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gradnet_ros.text import read_text
from gradnet_ros.training.readers.source import Source


def select(source: Source, include: Path | None = None, exclude: Path | None = None) -> Source:
    """Keep or drop the sequences that a file names, a line each.

    Empty lines and those that begin with ``#`` do not count. Names that the data set does not have are
    counted in the notes and are no error: the list of a whole data set serves a part of it.

    Args:
        source: a data set.
        include: keep these alone.
        exclude: drop these.

    Raises:
        FileNotFoundError: no such file.
        ValueError: nothing is left.
    """
    kept, notes = source.sequences, source.notes
    for file, keep in ((include, True), (exclude, False)):
        if file is None:
            continue
        names = read_names(file)
        found = names.intersection(kept)
        kept = tuple(name for name in kept if (name in names) == keep)
        verb = "kept" if keep else "left out"
        notes += (f"{file}: {len(found)} of its {len(names)} sequences are there and {verb}",)
    if not kept:
        raise ValueError(f"no sequence is left ({'; '.join(notes)})")
    return replace(source, sequences=kept, notes=notes)


def read_names(path: Path) -> frozenset[str]:
    """The names in a file, a line each."""
    lines = (line.strip() for line in read_text(path).splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))
