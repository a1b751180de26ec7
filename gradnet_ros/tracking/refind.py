"""Finding a lost target again, as large as it was when whole: at the edge it left by, or anywhere."""

from __future__ import annotations

from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.tracking.config import TrackerConfig

Point = tuple[float, float]

_STEP = 0.5
"""From one place to the next, in sides of a search region: its response covers somewhat more."""
_MARGIN = 0.25
"""A box that is this close to the edge of the image, in its own sides, may show a part of the target only."""

_LEAVING = 0.7
"""A target at the edge is leaving the image where less than this share of its whole area is to be seen."""


class Refinding:
    """Remembers how large the target was, counts the frames without it, and says where to look next.

    A target that leaves the image shows less and less of itself, and its box shrinks with what is to be seen.
    It comes back whole, and not where it left.

    Args:
        centre: of the target, pixels.
        size: (w, h) of the target, pixels.
    """

    def __init__(self, centre: Point, size: tuple[float, float]) -> None:
        self.whole_size = size
        """(w, h) when the target was last found well inside the image."""
        self.seen_at = centre
        """Its centre when it was last seen."""
        self._leaving = False
        self._lost = 0

    def waits(self, config: TrackerConfig) -> bool:
        """Whether the target is LOST, was leaving the image when last seen, and is waited for there."""
        return config.wait_at_edge and self._leaving and self._lost > 0

    def active(self, config: TrackerConfig) -> bool:
        """Whether the target has been lost for long enough to be looked for at one more place a frame."""
        return (config.refind_anywhere or self.waits(config)) and 0 < config.refind_after <= self._lost

    def see(
        self,
        centre: Point,
        size: tuple[float, float],
        score: float,
        image_size: tuple[int, int],
        config: TrackerConfig,
    ) -> None:
        """Take note of what a frame showed.

        Args:
            centre: the target's, pixels.
            size: the target's (w, h), pixels.
            score: in [0, 1].
            image_size: (width, height), pixels.
            config: the settings in force.
        """
        if score < config.lost_score:
            self._lost += 1
            return
        self._lost, self.seen_at = 0, centre
        inside = all(
            (0.5 + _MARGIN) * side <= place <= limit - (0.5 + _MARGIN) * side
            for place, side, limit in zip(centre, size, image_size, strict=True)
        )
        shown = prod(
            max(0.0, min(place + side / 2, limit) - max(place - side / 2, 0.0))
            for place, side, limit in zip(centre, size, image_size, strict=True)
        )
        self._leaving = not inside and shown < _LEAVING * prod(self.whole_size)
        if inside and score >= config.tracked_score:
            self.whole_size = size

    def place(self, side: float, image_size: tuple[int, int], config: TrackerConfig) -> Point:
        """Where to look in the next frame, beside the last place: a grid over the image, over and over.

        What is nearest to the place where the target was last seen comes first. Without ``refind_anywhere``
        only the row or column of the grid along the edge that the target left by: it can come back elsewhere
        there, but not in the middle of the image, where a look-alike may be.

        Args:
            side: of a search region, pixels.
            image_size: (width, height), pixels.
            config: the settings in force.
        """
        across, down = (_middles(limit, _STEP * side) for limit in image_size)
        if not config.refind_anywhere:
            across, down = self._along_edge(across, down, image_size)
        x, y = (each.ravel() for each in np.meshgrid(across, down))
        order = np.argsort(np.hypot(x - self.seen_at[0], y - self.seen_at[1]), kind="stable")
        chosen = order[(self._lost - config.refind_after) % len(order)]
        return float(x[chosen]), float(y[chosen])

    def _along_edge(
        self, across: NDArray[np.float64], down: NDArray[np.float64], image_size: tuple[int, int]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The row or column of a grid along the edge that the target left by: its x and its y."""
        before = [at - side / 2 for at, side in zip(self.seen_at, self.whole_size, strict=True)]
        after = [
            limit - at - side / 2
            for limit, at, side in zip(image_size, self.seen_at, self.whole_size, strict=True)
        ]
        edge = int(np.argmin(before + after))  # left, top, right, bottom
        nearest = slice(0, 1) if edge < 2 else slice(-1, None)
        return (across[nearest], down) if edge % 2 == 0 else (across, down[nearest])


def _middles(length: int, step: float) -> NDArray[np.float64]:
    """Middles of as few equal parts of a length as are no longer than ``step``."""
    count = max(1, ceil(length / step))
    return (np.arange(count, dtype=np.float64) + 0.5) * (length / count)
