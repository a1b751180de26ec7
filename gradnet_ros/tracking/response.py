"""From response maps to a place: scale, fusion, window, peak (SiamFC section 3.1; GradNet section 3.4)."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]


class Peak(NamedTuple):
    """Where a response says the target is.

    Attributes:
        scale: index into the pyramid.
        dx: displacement from the crop's centre, pixels of the search crop.
        dy: the same, down.
        raw: the fixed template's raw peak on that scale, before penalty, fusion and window.
    """

    scale: int
    dx: float
    dy: float
    raw: float


def upsample(response: Map, factor: int) -> Map:
    """Bicubic enlargement: (h, w) -> (factor h, factor w), cell centres kept."""
    size = (response.shape[1] * factor, response.shape[0] * factor)
    return np.asarray(cv2.resize(response, size, interpolation=cv2.INTER_CUBIC), np.float32)


def normalise(response: Map) -> Map:
    """Minus its minimum, over its sum (official code); a flat map becomes uniform."""
    shifted = response - response.min()
    total = float(shifted.sum())
    return shifted / total if total > 0 else np.full_like(response, 1.0 / response.size)


def hann_window(size: int) -> Map:
    """A ``size`` x ``size`` Hann window that sums to one."""
    axis = np.hanning(size)
    window = np.outer(axis, axis)
    return np.asarray(window / window.sum(), np.float32)


def find_peak(
    fixed: Map,
    adaptive: Map | None,
    window: Map | None,
    *,
    stride: int,
    factor: int,
    scale_penalty: float,
    adaptive_weight: float,
    window_influence: float,
) -> Peak:
    """Choose the scale with the fixed template, the place with both templates and the window.

    Args:
        fixed: (S, r, r) raw scores of the fixed template, a map a scale, S odd, the middle one at scale 1.
        adaptive: (r, r) raw scores of the GradNet template on the middle scale, if it takes part.
        window: (factor r, factor r), sums to one, if one is to be laid over.
        stride: pixels of the search crop a cell.
        factor: enlargement.
        scale_penalty: factor on the peaks of all scales but the middle one.
        adaptive_weight: weight of ``adaptive`` against ``fixed``.
        window_influence: weight of ``window`` against the fused response.
    """
    # The penalty is a factor, so it is laid on the height above the maps' common floor: raw scores may be
    # negative, and a factor below one would then favour the other scales.
    floor = float(fixed.min())
    heights = fixed.max(axis=(1, 2)) - floor
    middle = fixed.shape[0] // 2
    heights[np.arange(fixed.shape[0]) != middle] *= scale_penalty
    scale = int(heights.argmax())

    fused = normalise(upsample(fixed[scale], factor))
    if adaptive is not None:
        fused = (1.0 - adaptive_weight) * fused + adaptive_weight * normalise(upsample(adaptive, factor))
    if window is not None:
        fused = (1.0 - window_influence) * fused + window_influence * window
    row, column = divmod(int(fused.argmax()), fused.shape[1])
    cells = fixed.shape[1]
    dx = ((column + 0.5) / factor - cells / 2) * stride
    dy = ((row + 0.5) / factor - cells / 2) * stride
    return Peak(scale, dx, dy, float(fixed[scale].max()))
