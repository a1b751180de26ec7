"""What every reader makes of a data set: sequences, and the annotated tracks in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gradnet_ros.tracking.track import Box


@dataclass(frozen=True)
class AnnotatedTrack:
    """One object and where it is.

    Attributes:
        name: unique in its data set.
        images: the pictures that show it, in time order; one for an object of a still.
        boxes: ``(x, y, w, h)`` in each of them, continuous pixels with the first pixel at [0, 1]
            (:mod:`gradnet_ros.tracking.geometry`).
        hidden: frames that are annotated as absent, hidden or without a box, and left out here.
    """

    name: str
    images: tuple[Path, ...]
    boxes: tuple[Box, ...]
    hidden: int = 0


@dataclass(frozen=True)
class Source:
    """A data set, read one sequence at a time.

    Attributes:
        sequences: their names, in the order in which they are read (an image is a sequence of one frame).
        read: the tracks of one of them; raises ``ValueError`` where the annotation is malformed, naming
            file, line and what was expected.
        notes: what was left out beforehand and why, a line each.
    """

    sequences: tuple[str, ...]
    read: Callable[[str], list[AnnotatedTrack]]
    notes: tuple[str, ...] = ()
