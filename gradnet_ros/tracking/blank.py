"""Pictures that show nothing: a covered lens, a blinded or dead camera, a frame of one colour (ours)."""

from __future__ import annotations

import cv2

from gradnet_ros.engines.protocol import Region
from gradnet_ros.tracking.crops import Image

_LEVELS = 5
"""Where grey levels differ by no more than this, a network has nothing to go by."""
_BEYOND_NOISE = 40
"""No noise of a camera makes single pixels differ by so many grey levels."""
_FINE, _COARSE = 96, 24
"""About so many pixels a side are looked at, and so many are left after averaging: noise is no contrast."""


def is_blank(image: Image, region: Region) -> bool:
    """Whether the largest square of a region has the same colour all over, but for noise.

    Responses are normalised, so a tracker would find a place on a blank picture as on any other, and walk
    away from the target while the camera sees nothing.

    Args:
        image: HxWx3 uint8.
        region: what would be searched.
    """
    (x, y), half = region.centre, region.sides[-1] / 2
    height, width = image.shape[:2]
    left, right = max(0, int(x - half)), min(width, int(x + half) + 1)
    top, bottom = max(0, int(y - half)), min(height, int(y + half) + 1)
    step = max(1, int(2 * half) // _FINE)
    seen = image[top:bottom:step, left:right:step]
    if not seen.size:
        return True
    few = seen[::8, ::8, 1]
    if int(few.max()) - int(few.min()) > _BEYOND_NOISE:  # Nearly every picture: the rest would take 0.3 ms.
        return False
    small = cv2.resize(
        seen, (min(_COARSE, seen.shape[1]), min(_COARSE, seen.shape[0])), interpolation=cv2.INTER_AREA
    )
    return int((small.max(axis=(0, 1)) - small.min(axis=(0, 1))).max()) <= _LEVELS
