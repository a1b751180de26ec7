"""Pieces of sequences: more starts, each of less weight, so that less hangs on a target lost by a hair."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, fields
from itertools import islice

import numpy as np

from gradnet_ros.evaluation.metrics import valid_rows
from gradnet_ros.evaluation.sequences import Frame, Sequence

FRAMES = 60
"""Of a piece, unless told otherwise."""
MIN_FRAMES = 2
"""A frame to start on, and one to find the target in."""


@dataclass(frozen=True, kw_only=True)
class Segment(Sequence):
    """Consecutive frames of a sequence, as a sequence of its own.

    Attributes:
        whole: name of the sequence that it is a piece of.
        first: number of its first frame there, from 0.
    """

    whole: str
    first: int

    @property
    def whole_name(self) -> str:
        """See :attr:`.Sequence.whole_name`."""
        return self.whole

    def frames(self) -> Iterator[Frame]:
        """The frames, HxWx3 BGR."""
        if isinstance(self.source, tuple):  # only these pictures are left
            return super().frames()
        return islice(super().frames(), self.first, self.first + len(self.truth))


def cut_segments(sequences: SequenceOf[Sequence], count: int, frames: int) -> list[Segment]:
    """Pieces of every sequence that do not overlap, evenly spread from its start to its end.

    A piece starts at the first frame from there on that has a box, which makes it shorter; one without a
    second frame is left out.

    Args:
        sequences: whole ones.
        count: pieces of a sequence, at least 1; fewer where no more fit, but one.
        frames: of a piece, at least 2; fewer where the sequence has fewer.

    Raises:
        ValueError: a count or a number of frames outside its bound.
    """
    if count < 1:
        raise ValueError(f"segments must be at least 1, got {count}")
    if frames < MIN_FRAMES:
        raise ValueError(f"segment frames must be at least {MIN_FRAMES}, got {frames}")
    return [
        segment
        for sequence in sequences
        for segment in _segments(sequence, min(count, max(1, len(sequence.truth) // frames)), frames)
    ]


def _segments(sequence: Sequence, count: int, frames: int) -> Iterator[Segment]:
    valid = valid_rows(sequence.truth)
    for place in np.linspace(0, max(0, len(valid) - frames), count).round().astype(int).tolist():
        end = min(place + frames, len(valid))
        seen = np.flatnonzero(valid[place:end])
        if len(seen) and place + seen[0] + MIN_FRAMES <= end:
            yield _cut(sequence, place + int(seen[0]), end)


def _cut(sequence: Sequence, first: int, end: int) -> Segment:
    values = {field.name: getattr(sequence, field.name) for field in fields(Sequence)}
    values["name"] = f"{sequence.name}@{first}"
    for name in ("truth", "absent", "scored"):
        if values[name] is not None:
            values[name] = values[name][first:end]
    if isinstance(sequence.source, tuple):
        values["source"] = sequence.source[first:end]
    return Segment(**values, whole=sequence.name, first=first)
