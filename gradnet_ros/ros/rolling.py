"""Figures over the recent past: percentiles of durations, and a rate."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Lock

SAMPLES = 300
"""Durations that a percentile is taken over: ten seconds of a 30 Hz camera."""
RATE_WINDOW_S = 2.0
"""Time over which events are counted for a rate, in seconds."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """Linear-interpolated percentile.

    Args:
        values: samples in any order.
        share: 0 for the smallest, 0.5 for the median, 1 for the largest.

    Returns:
        The percentile, or None when there are no samples.

    Raises:
        ValueError: ``share`` is outside [0, 1].
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share must be in [0, 1], got {share!r}")
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


class RollingSamples:
    """The last samples of a quantity; one thread adds while another reads."""

    def __init__(self, size: int = SAMPLES) -> None:
        self._lock = Lock()
        self._values: deque[float] = deque(maxlen=size)

    def add(self, value: float) -> None:
        """Add one sample; the oldest is forgotten when there are too many."""
        with self._lock:
            self._values.append(value)

    def percentile(self, share: float) -> float | None:
        """See :func:`percentile`."""
        with self._lock:
            values = list(self._values)
        return percentile(values, share)


class RateMeter:
    """Events a second over the last ``window`` seconds; falls to 0 when they stop."""

    def __init__(self, window: float = RATE_WINDOW_S) -> None:
        self._window = window
        self._lock = Lock()
        self._times: deque[float] = deque()

    def tick(self, now: float) -> None:
        """Record one event.

        Args:
            now: its time in seconds on a clock that never steps back.
        """
        with self._lock:
            self._times.append(now)
            self._forget(now)

    def rate(self, now: float) -> float:
        """Events a second (Hz) up to ``now``, in seconds on the same clock."""
        with self._lock:
            self._forget(now)
            return len(self._times) / self._window

    def _forget(self, now: float) -> None:
        while self._times and self._times[0] <= now - self._window:
            self._times.popleft()
