"""Warps and colours. A warp knows where the target goes, so that labels follow the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gradnet_ros.tracking.crops import Image, mean_colour, warp_crops


@dataclass(frozen=True)
class Warp:
    """A similarity with aspect change from a picture to a square crop.

    Attributes:
        centre: (x, y) of the target in the picture, pixels (the first pixel's centre is 0).
        zoom: crop pixels a picture pixel.
        aspect: width is stretched by this factor, height shrunk by it.
        angle: rotation, radians.
        mirror: flip left and right.
        offset: (x, y) where the target's centre comes to lie, relative to the crop's centre, pixels.
    """

    centre: tuple[float, float]
    zoom: float
    aspect: float = 1.0
    angle: float = 0.0
    mirror: bool = False
    offset: tuple[float, float] = (0.0, 0.0)

    def matrix(self, size: int) -> NDArray[np.float64]:
        """The 2x3 affine matrix from picture to crop coordinates (pixel centres at whole numbers)."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        stretch = np.diag([self.zoom * self.aspect, self.zoom / self.aspect])
        if self.mirror:
            stretch[0, 0] *= -1.0
        linear = np.array([[cosine, -sine], [sine, cosine]]) @ stretch
        middle = (size - 1) / 2
        shift = np.array(self.offset) + middle - linear @ np.array(self.centre)
        return np.column_stack([linear, shift])

    def box_size(self, size: tuple[float, float]) -> tuple[float, float]:
        """(w, h) in the crop of a target that has ``size`` in the picture.

        A turned object's box is that of its ellipse: most objects fill their boxes' corners poorly.
        """
        width, height = size[0] * self.zoom * self.aspect, size[1] * self.zoom / self.aspect
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return float(np.hypot(width * cosine, height * sine)), float(np.hypot(width * sine, height * cosine))


def apply_warp(picture: Image, warp: Warp, size: int) -> Image:
    """Cut a ``size`` x ``size`` crop; what lies outside the picture gets its mean colour."""
    out = np.empty((1, size, size, 3), np.uint8)
    warp_crops(picture, [warp.matrix(size)], mean_colour(picture), out)
    return np.asarray(out[0])


def occlude(
    crop: Image, offset: tuple[float, float], size: tuple[float, float], rng: np.random.Generator
) -> None:
    """Hide up to about half of a target behind a patch from elsewhere in the crop, in place.

    Args:
        crop: square BGR crop.
        offset: (x, y) of the target from the crop's centre, pixels.
        size: (w, h) of the target, pixels.
        rng: source of chance.
    """
    side = crop.shape[0]
    width, height = (int(np.clip(length * rng.uniform(0.3, 0.7), 4, side // 2)) for length in size)
    left, top = (
        int(np.clip(side / 2 + place + rng.uniform(-0.5, 0.5) * length - extent / 2, 0, side - extent))
        for place, length, extent in zip(offset, size, (width, height), strict=True)
    )
    source_x, source_y = rng.integers(0, side - width), rng.integers(0, side - height)
    patch = crop[source_y : source_y + height, source_x : source_x + width].copy()
    crop[top : top + height, left : left + width] = patch


def blend_ellipse(
    behind: Image, front: Image, offset: tuple[float, float], size: tuple[float, float]
) -> Image:
    """Lay the ellipse of a box in ``front`` over ``behind``, with a soft rim.

    Args:
        behind: square BGR crop.
        front: square BGR crop of the same side.
        offset: (x, y) of the box's centre from the crop's centre, pixels, in both.
        size: (w, h) of the box, pixels.
    """
    side = behind.shape[0]
    axis = np.arange(side, dtype=np.float32) - (side - 1) / 2
    across = (axis - offset[0]) / max(size[0] / 2, 1.0)
    down = (axis - offset[1]) / max(size[1] / 2, 1.0)
    radius = np.sqrt(across[None, :] ** 2 + down[:, None] ** 2)
    share = np.clip((1.2 - radius) / 0.25, 0.0, 1.0)[..., None]
    return np.asarray(share * front + (1.0 - share) * behind, np.uint8)


def change_colours(crop: Image, rng: np.random.Generator, strength: float) -> Image:
    """Brightness, contrast, colour gains, grey, defocus, motion blur, loss of resolution, noise.

    Args:
        crop: HxWx3 BGR.
        rng: source of chance.
        strength: 0 (nothing) to 1 (search regions).
    """
    pixels = crop.astype(np.float32)
    if rng.random() < 0.8 * strength:
        gains = np.exp(rng.normal(0.0, 0.08 * strength, 3)) * np.exp(rng.normal(0.0, 0.15 * strength))
        mean = pixels.mean()
        contrast = np.exp(rng.normal(0.0, 0.15 * strength))
        pixels = ((pixels - mean) * contrast + mean) * gains.astype(np.float32)
    if rng.random() < 0.1 * strength:
        pixels[:] = pixels.mean(axis=2, keepdims=True)
    chance = rng.random()
    if chance < 0.10 * strength:
        blurred = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.6, 2.0))
    elif chance < 0.22 * strength:
        blurred = cv2.filter2D(pixels, -1, _motion_kernel(int(rng.integers(3, 12)), rng.uniform(0, np.pi)))
    elif chance < 0.34 * strength:
        side = crop.shape[0]
        small = max(8, int(side * rng.uniform(0.25, 0.7)))
        shrunk = cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA)
        blurred = cv2.resize(shrunk, (side, side), interpolation=cv2.INTER_LINEAR)
    else:
        blurred = pixels
    pixels = np.asarray(blurred, np.float32)
    if rng.random() < 0.2 * strength:
        pixels = pixels + rng.normal(0.0, rng.uniform(1.0, 8.0), pixels.shape).astype(np.float32)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _motion_kernel(length: int, angle: float) -> NDArray[np.float32]:
    side = length | 1
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * middle
    start, end = np.rint(middle - reach).astype(int), np.rint(middle + reach).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)
