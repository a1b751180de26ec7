"""The account of frames: every received frame ends in exactly one count."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from threading import Lock


@dataclass(frozen=True)
class FrameTotals:
    """Frames since the node was last activated.

    ``received == tracked + dropped + out_of_order + bad + idle + pending`` at any time.

    Attributes:
        received: image messages taken from the middleware.
        tracked: gave a detection of their own.
        dropped: replaced by a newer frame before the tracker was free.
        out_of_order: their stamp was not newer than that of the frame before.
        bad: could not be converted, or made the tracker fail.
        idle: no target was followed.
    """

    received: int = 0
    tracked: int = 0
    dropped: int = 0
    out_of_order: int = 0
    bad: int = 0
    idle: int = 0

    @property
    def pending(self) -> int:
        """Frames whose fate is not known yet: one waiting and one in work at most."""
        ended = self.tracked + self.dropped + self.out_of_order + self.bad + self.idle
        return self.received - ended


class FrameCounts:
    """Counts frames from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._totals = FrameTotals()

    def add(self, fate: str, frames: int = 1) -> None:
        """Count frames under a field of :class:`FrameTotals`.

        Raises:
            ValueError: there is no such field.
        """
        if fate not in {field.name for field in fields(FrameTotals)}:
            raise ValueError(f"no such count: {fate!r}")
        with self._lock:
            self._totals = replace(self._totals, **{fate: getattr(self._totals, fate) + frames})

    def totals(self) -> FrameTotals:
        """All counts at one moment."""
        with self._lock:
            return self._totals
