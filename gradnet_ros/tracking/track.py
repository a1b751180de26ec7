"""What the tracker says about one frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Box = tuple[float, float, float, float]
"""``(x, y, w, h)`` in pixels: top-left corner and size, floats."""


class TrackState(str, Enum):
    """How far a :class:`Track` can be trusted."""

    TRACKED = "TRACKED"
    """The score is at least ``TrackerConfig.tracked_score``."""
    UNCERTAIN = "UNCERTAIN"
    """The score lies between ``lost_score`` and ``tracked_score``: follow with care."""
    LOST = "LOST"
    """The score is below ``lost_score``: the box is where the target is least unlikely to be. A frame
    that shows nothing at all (a covered lens) leaves it where it was, with a score of 0."""


@dataclass(frozen=True)
class Track:
    """The target in one frame.

    Attributes:
        box: ``(x, y, w, h)`` in pixels of the image given to the tracker; its centre lies inside the image.
        score: confidence in [0, 1]: the logistic of the fixed template's raw peak response.
        state: the score against the two thresholds of the configuration.
        scale: size of the target relative to its first box (geometric mean of both sides; 1 = as given).
        updated: the adaptive template learns from this frame (``Tracker.learn``, after ``Tracker.locate``).
    """

    box: Box
    score: float
    state: TrackState
    scale: float
    updated: bool
