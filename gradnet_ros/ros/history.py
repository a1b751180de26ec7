"""The frames of the last moments, so that a box drawn on an older image can still be honoured."""

from __future__ import annotations

from collections import deque
from threading import Lock

from gradnet_ros.ros.frames import Frame
from gradnet_ros.ros.stamps import NANOSECONDS, seconds

MEGABYTE = 1_000_000


class FrameHistory:
    """Keeps frames in the order of their stamps, bounded in time and in memory.

    The newest frame is kept whatever the bounds. Frames without a stamp cannot be asked for: each replaces
    all before.
    """

    def __init__(self, seconds: float, megabytes: float) -> None:
        """Set the bounds; see :meth:`configure`."""
        self._lock = Lock()
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self.configure(seconds, megabytes)

    def configure(self, seconds: float, megabytes: float) -> None:
        """Change the bounds.

        Args:
            seconds: age up to which frames are kept, by their stamps against the newest.
            megabytes: pixel data that may be kept (1 MB = 1,000,000 bytes).
        """
        with self._lock:
            self._max_age = round(seconds * NANOSECONDS)
            self._max_bytes = round(megabytes * MEGABYTE)
            self._evict()

    def add(self, frame: Frame) -> None:
        """Keep a frame; its stamp must be newer than that of every kept frame, or zero."""
        with self._lock:
            if frame.stamp == 0 or (self._frames and self._frames[-1].stamp == 0):
                self._forget_all()
            self._frames.append(frame)
            self._bytes += frame.size_bytes
            self._evict()

    def clear(self) -> None:
        """Forget every frame."""
        with self._lock:
            self._forget_all()

    def newest(self) -> Frame | None:
        """The frame added last, or None."""
        with self._lock:
            return self._frames[-1] if self._frames else None

    def after(self, stamp: int) -> list[Frame]:
        """Kept frames newer than a stamp (ns), oldest first."""
        with self._lock:
            return [frame for frame in self._frames if frame.stamp > stamp]

    def find(self, stamp: int) -> Frame:
        """The frame with exactly this stamp (ns, not zero).

        Raises:
            LookupError: there is none; the message says why and names the nearest stamp.
        """
        with self._lock:
            stamped = [frame for frame in self._frames if frame.stamp != 0]
        if not stamped:
            raise LookupError("no stamped image is kept")
        for frame in stamped:
            if frame.stamp == stamp:
                return frame
        oldest, newest = stamped[0].stamp, stamped[-1].stamp
        if stamp < oldest:
            raise LookupError(
                f"stamp {seconds(stamp)} is too old: the oldest kept image is {seconds(oldest)}, "
                f"{seconds(oldest - stamp)} later"
            )
        if stamp > newest:
            raise LookupError(
                f"stamp {seconds(stamp)} is newer than any image: the newest is {seconds(newest)}, "
                f"{seconds(stamp - newest)} earlier"
            )
        nearest = min(stamped, key=lambda frame: abs(frame.stamp - stamp)).stamp
        raise LookupError(
            f"no image has exactly the stamp {seconds(stamp)}; the nearest is {seconds(nearest)}"
        )

    @property
    def frame_count(self) -> int:
        """Frames kept."""
        return len(self._frames)

    @property
    def megabytes(self) -> float:
        """Pixel data kept, in MB (1,000,000 bytes)."""
        return self._bytes / MEGABYTE

    def _evict(self) -> None:
        while len(self._frames) > 1 and (
            self._bytes > self._max_bytes or self._frames[-1].stamp - self._frames[0].stamp > self._max_age
        ):
            self._bytes -= self._frames.popleft().size_bytes

    def _forget_all(self) -> None:
        self._frames.clear()
        self._bytes = 0
