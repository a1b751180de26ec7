"""Square crops from a picture: one cut and one reduction serve every scale of a pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def mean_colour(image: Image) -> tuple[float, float, float]:
    """Mean BGR of a picture: what SiamFC fills in beyond its border."""
    blue, green, red, _ = np.asarray(cv2.mean(image), float).ravel()
    return float(blue), float(green), float(red)


def crop_matrix(centre: tuple[float, float], side: float, size: int) -> NDArray[np.float64]:
    """The 2x3 matrix from picture to crop coordinates (pixel centres at whole numbers).

    Args:
        centre: (x, y) of the crop in the picture, continuous pixel coordinates.
        side: side of the square in the picture, pixels.
        size: side of the crop, pixels.
    """
    zoom = size / side
    middle = (size - 1) / 2
    return np.array(
        [
            [zoom, 0.0, middle - zoom * (centre[0] - 0.5)],
            [0.0, zoom, middle - zoom * (centre[1] - 0.5)],
        ]
    )


def warp_crops(
    image: Image,
    matrices: Sequence[NDArray[np.float64]],
    border: Sequence[float],
    out: Image,
) -> Image:
    """Sample square crops of a picture.

    Bilinear sampling skips pixels past a reduction of two, so a strongly reduced region is first shrunk by
    whole steps with area averaging: once for all crops, and only the region that they touch.

    Args:
        image: HxWx3 uint8.
        matrices: N 2x3 matrices from picture to crop coordinates, of about the same zoom.
        border: BGR colour of what lies outside the picture.
        out: (N, size, size, 3) uint8, written in place.

    Returns:
        ``out``.
    """
    size = out.shape[1]
    step = reduction(matrices)
    if step >= 2:
        image, to_region = shrink_region(image, matrices, size, step)
        matrices = [compose(matrix, to_region) for matrix in matrices]
    for matrix, crop in zip(matrices, out, strict=True):
        cv2.warpAffine(
            image,
            matrix,
            (size, size),
            dst=crop,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=tuple(border),
        )
    return out


def reduction(matrices: Sequence[NDArray[np.float64]]) -> int:
    """The whole step by which a picture is shrunk before crops are sampled; 1: it is not."""
    zoom = max(float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))) for matrix in matrices)
    return max(1, int(1.0 / zoom))


def compose(matrix: NDArray[np.float64], to_region: NDArray[np.float64]) -> NDArray[np.float64]:
    """``matrix`` from the picture, rewritten to start from the region that ``to_region`` (3x3) leads to."""
    return np.asarray(matrix @ np.linalg.inv(to_region))


def shrink_region(
    image: Image, matrices: Sequence[NDArray[np.float64]], size: int, step: int
) -> tuple[Image, NDArray[np.float64]]:
    """Cut what crops touch and shrink it with area averaging.

    Args:
        image: HxWx3 uint8.
        matrices: 2x3 matrices from picture to crop coordinates.
        size: side of a crop, pixels.
        step: pixels of the picture that become one, across and down.

    Returns:
        hxwx3 uint8, and the 3x3 matrix that leads from the picture there.
    """
    height, width = image.shape[:2]
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]], np.float64).T
    touched = np.concatenate(
        [np.linalg.inv(np.vstack([matrix, [0, 0, 1]])) @ corners for matrix in matrices], axis=1
    )
    left, top = (int(v) for v in np.clip(np.floor(touched[:2].min(1)) - step, 0, [width - 1, height - 1]))
    right, bottom = (int(v) for v in np.clip(np.ceil(touched[:2].max(1)) + step, 1, [width, height]))
    # Whole blocks of step x step pixels, so that the scale is exactly 1 / step.
    right = max(right, min(left + step, width))
    bottom = max(bottom, min(top + step, height))
    region = image[top:bottom, left:right]
    columns, rows = max(1, region.shape[1] // step), max(1, region.shape[0] // step)
    region = region[: min(region.shape[0], rows * step), : min(region.shape[1], columns * step)]
    small = cv2.resize(region, (columns, rows), interpolation=cv2.INTER_AREA)
    scale_x, scale_y = columns / region.shape[1], rows / region.shape[0]
    to_region = np.array(
        [
            [scale_x, 0, (0.5 - left) * scale_x - 0.5],
            [0, scale_y, (0.5 - top) * scale_y - 0.5],
            [0, 0, 1],
        ]
    )
    return np.asarray(small, np.uint8), to_region
