"""What the node measures while it is active: durations, rates, and the last trouble of each kind."""

from __future__ import annotations

from threading import Lock
from time import monotonic

from gradnet_ros.ros.diagnostics import Trouble
from gradnet_ros.ros.rolling import RateMeter, RollingSamples

CLOCKS_AGREE_MS = 60_000.0
"""A stamp further than this from the node's clock comes from another clock (a bag without /clock); ms."""


class Measures:
    """Filled by the worker and the subscription, read by the diagnostics."""

    def __init__(self) -> None:
        self._detection = RollingSamples()
        self._processing = RollingSamples()
        self._latency = RollingSamples()
        self._rate = RateMeter()
        self._lock = Lock()
        self._troubles: dict[str, tuple[float, str]] = {}
        self._bad_streak = 0

    def add_result(self, detection: float, latency_ms: float | None) -> None:
        """Note one published result.

        Args:
            detection: seconds from message to detection.
            latency_ms: ms from stamp to publication; None, and what another clock gave, is left out.
        """
        self.note_good()
        self._rate.tick(monotonic())
        self._detection.add(detection * 1e3)
        if latency_ms is not None and abs(latency_ms) <= CLOCKS_AGREE_MS:
            self._latency.add(latency_ms)

    def add_done(self, processing: float) -> None:
        """Note that all work on a published result is done.

        Args:
            processing: seconds from message to the end of it.
        """
        self._processing.add(processing * 1e3)

    def add_trouble(self, kind: str, text: str) -> None:
        """Note a trouble; the last of each kind is kept."""
        with self._lock:
            self._troubles[kind] = (monotonic(), text)
            if kind == "bad":
                self._bad_streak += 1

    def note_good(self) -> None:
        """Note that an image was good: it was tracked, or looked good and nobody wanted it."""
        with self._lock:
            self._bad_streak = 0

    @property
    def bad_streak(self) -> int:
        """Bad images since the last good one."""
        with self._lock:
            return self._bad_streak

    def trouble(self, kind: str) -> Trouble | None:
        """The last trouble of a kind."""
        with self._lock:
            found = self._troubles.get(kind)
        return Trouble(monotonic() - found[0], found[1]) if found else None

    @property
    def fps(self) -> float:
        """Results a second (Hz)."""
        return self._rate.rate(monotonic())

    @property
    def detection_ms(self) -> tuple[float | None, float | None]:
        """50th and 95th percentile, ms."""
        return self._detection.percentile(0.5), self._detection.percentile(0.95)

    @property
    def processing_ms(self) -> tuple[float | None, float | None]:
        """50th and 95th percentile, ms."""
        return self._processing.percentile(0.5), self._processing.percentile(0.95)

    @property
    def latency_ms(self) -> tuple[float | None, float | None]:
        """50th and 95th percentile, ms."""
        return self._latency.percentile(0.5), self._latency.percentile(0.95)
