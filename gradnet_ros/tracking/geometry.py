"""Boxes, centres and the square that is cropped around a target.

Coordinates are continuous: pixel ``i`` covers ``[i, i + 1]``, so the centre of a box is ``x + w / 2``.
"""

from __future__ import annotations

from math import isfinite, log2, sqrt

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.tracking.track import Box

MIN_SIDE = 2.0
"""Smallest width and height of a box, pixels: below, there is nothing to see."""

_MAX_IMAGE_SIDE = 32766
"""Longest side of an image, pixels: the largest that OpenCV cuts crops out of."""

_ZOOMS = 128
"""Steps of a crop's zoom from one to twice as large."""

_SHIFT = 0.5
"""Step of a crop's place, pixels of the crop."""


def check_image(image: object) -> NDArray[np.uint8]:
    """Return ``image`` if it is one that can be tracked in.

    Raises:
        ValueError: not a HxWx3 uint8 array with 8 to 32766 pixels on each side.
    """
    if not isinstance(image, np.ndarray):
        raise ValueError(f"image must be a numpy array of HxWx3 uint8 (BGR), got {type(image).__name__}")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image must be HxWx3 uint8 (BGR), got shape {image.shape} of {image.dtype}")
    if min(image.shape[:2]) < 8:
        raise ValueError(f"image must be at least 8x8 pixels, got {image.shape[1]}x{image.shape[0]}")
    if max(image.shape[:2]) > _MAX_IMAGE_SIDE:
        raise ValueError(
            f"image sides must be at most {_MAX_IMAGE_SIDE} pixels, got {image.shape[1]}x{image.shape[0]}"
        )
    return image


def check_any_box(box: object) -> Box:
    """Return ``box`` as four floats if a target can have it in some image.

    Raises:
        ValueError: not four finite numbers, or a side under :data:`MIN_SIDE` pixels.
    """
    try:
        x, y, w, h = (float(value) for value in box)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise ValueError(f"box must be four numbers (x, y, w, h), got {box!r}") from error
    if not all(isfinite(value) for value in (x, y, w, h)):
        raise ValueError(f"box must be finite, got {_shown(x, y, w, h)}")
    if w < MIN_SIDE or h < MIN_SIDE:
        shown = _shown(x, y, w, h)
        raise ValueError(f"box width and height must be at least {MIN_SIDE:g} pixels, got {shown}")
    return x, y, w, h


def check_box(box: object, width: int, height: int) -> Box:
    """Return ``box`` as four floats if a target of an image of ``width`` x ``height`` pixels can have it.

    Raises:
        ValueError: not four finite numbers, a side under :data:`MIN_SIDE` pixels or over four times the
            image's, or a centre outside the image.
    """
    x, y, w, h = check_any_box(box)
    shown = _shown(x, y, w, h)
    if w > 4 * width or h > 4 * height:
        raise ValueError(f"box must be at most four times the {width}x{height} image, got {shown}")
    if not (0 <= x + w / 2 <= width and 0 <= y + h / 2 <= height):
        raise ValueError(f"box centre must lie inside the {width}x{height} image, got {shown}")
    return x, y, w, h


def _shown(x: float, y: float, w: float, h: float) -> str:
    return f"(x={x:g}, y={y:g}, w={w:g}, h={h:g})"


def context_side(width: float, height: float, amount: float = 0.5) -> float:
    """Side of the square around a target with its context, pixels.

    ``sqrt((w + 2p)(h + 2p))`` with ``2p = amount (w + h)``: SiamFC section 3.1, where ``p = (w + h) / 4``.
    """
    context = amount * (width + height)
    return sqrt((width + context) * (height + context))


def steady_zoom(zoom: float) -> float:
    """The nearest whole power of 2^(1/128), a step of half a percent; positive."""
    return float(2.0 ** (round(log2(zoom) * _ZOOMS) / _ZOOMS))


def steady_place(at: float, pixel: float) -> float:
    """The nearest whole multiple of half a pixel of the crop.

    Args:
        at: along one axis, pixels of the picture.
        pixel: side of the crop's pixels, in those of the picture.
    """
    return round(at / (_SHIFT * pixel)) * (_SHIFT * pixel)
