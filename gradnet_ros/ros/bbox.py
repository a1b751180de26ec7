"""Between a corner and a size, as the tracker has boxes, and a centre and a size, as messages have them."""

from __future__ import annotations

from gradnet_ros.tracking.track import Box

Centred = tuple[float, float, float, float]
"""``(centre x, centre y, width, height)`` in pixels."""


def to_centre(box: Box) -> Centred:
    """Centre and size of ``(x, y, w, h)``."""
    x, y, w, h = (float(value) for value in box)
    return x + w / 2, y + h / 2, w, h


def from_centre(centred: Centred) -> Box:
    """``(x, y, w, h)`` of a centre and a size."""
    x, y, w, h = (float(value) for value in centred)
    return x - w / 2, y - h / 2, w, h


def as_received(box: Box) -> Box:
    """A box as it is at the other end of a topic: there and back changes the last digit of some."""
    return from_centre(to_centre(box))
