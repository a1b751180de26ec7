"""Decoded frames, kept in memory between two runs over the same sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.sequences import Sequence

Frame = NDArray[np.uint8]


class FrameCache:
    """Keeps sequences as they come until the memory is used up; what does not fit is decoded every time.

    Args:
        megabytes: memory for frames (MB of 1e6 bytes); 0 keeps nothing.

    Raises:
        ValueError: a negative size.
    """

    def __init__(self, megabytes: float) -> None:
        if not megabytes >= 0:
            raise ValueError(f"the frame cache must be at least 0 MB, got {megabytes}")
        self._left = megabytes * 1e6
        self._kept: dict[str, list[Frame]] = {}

    def play(self, name: str, count: int, decode: Callable[[], Iterator[Frame]]) -> Iterator[Frame]:
        """The frames of a sequence, from memory if they are there.

        Args:
            name: the sequence.
            count: how many frames it should have; says beforehand whether they fit.
            decode: starts decoding.
        """
        if name in self._kept:
            yield from self._kept[name]
            return
        frames: list[Frame] = []
        fits = False
        for number, frame in enumerate(decode()):
            if number == 0:
                fits = frame.nbytes * count <= self._left
            if fits:
                frames.append(frame)
            yield frame
        if fits:
            self._kept[name] = frames
            self._left -= sum(frame.nbytes for frame in frames)


@dataclass(frozen=True, kw_only=True)
class CachedSequence(Sequence):
    """A sequence, or its first frames, through a cache.

    Attributes:
        cache: a cache that holds no other sequence of this name.
        inner: what is cached.
        limit: frames to play at most; ``None`` plays all.
    """

    cache: FrameCache
    inner: Sequence
    limit: int | None

    @property
    def whole_name(self) -> str:
        """See :attr:`.Sequence.whole_name`."""
        return self.inner.whole_name

    def frames(self) -> Iterator[Frame]:
        """The frames, HxWx3 BGR."""
        decode = self.inner.frames
        return self.cache.play(self.name, len(self.truth), lambda: islice(decode(), self.limit))


def cached(sequence: Sequence, cache: FrameCache, max_frames: int = 0) -> CachedSequence:
    """The first ``max_frames`` frames of a sequence (0: all of them), through a cache."""
    limit = max_frames or None
    head = sequence.cut(limit)
    values = {field.name: getattr(head, field.name) for field in fields(Sequence)}
    return CachedSequence(**values, cache=cache, inner=sequence, limit=limit)
