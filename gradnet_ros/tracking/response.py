"""From response maps to a place and size: fusion, scale or box, window, peak.

SiamFC section 3.1; GradNet section 3.4; SiamRPN section 4.3 for the box branch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

_NEIGHBOUR_POWER = 4
"""Box branch: a neighbour with half the response of the best cell has a sixteenth of its say."""


_FLAT = 1e-5
"""A map whose values differ by less than this share of the largest shows nothing but rounding."""


class Peak(NamedTuple):
    """Where a response says the target is.

    Attributes:
        scale: index into the pyramid.
        dx: displacement from the crop's centre, pixels of the search crop.
        dy: the same, down.
        raw: the fixed template's raw peak on that scale, before penalty, fusion and window.
        size: (w, h) that the box branch gives the target there, pixels of the search crop.
        trust: in (0, 1]: how far that size can be believed, for it changes little.
    """

    scale: int
    dx: float
    dy: float
    raw: float
    size: tuple[float, float] | None = None
    trust: float = 1.0


def upsample(response: Map, factor: int) -> Map:
    """Bicubic enlargement: (h, w) -> (factor h, factor w), cell centres kept."""
    size = (response.shape[1] * factor, response.shape[0] * factor)
    return np.asarray(cv2.resize(response, size, interpolation=cv2.INTER_CUBIC), np.float32)


def normalise(response: Map) -> Map:
    """Minus its minimum, over its sum (official code); a map that is flat up to rounding becomes uniform."""
    shifted = response - response.min()
    if float(shifted.max()) <= _FLAT * float(np.abs(response).max()):
        return np.full_like(response, 1.0 / response.size)
    return np.asarray(shifted / float(shifted.sum()), np.float32)


def fuse(fixed: Map, adaptive: Map | None, weight: float, raw: bool) -> Map:
    """The mean of both templates' responses, normalised.

    Args:
        fixed: (h, w) raw scores of the fixed template.
        adaptive: (h, w) raw scores of the GradNet template; ``None``: it takes no part.
        weight: of ``adaptive``.
        raw: mean first, then normalise, so that the template with the higher contrast counts more (ours); for
            networks whose templates score on one scale. Otherwise each is normalised first (official code).
    """
    if adaptive is None:
        return normalise(fixed)
    if raw:
        return normalise((1.0 - weight) * fixed + weight * adaptive)
    return (1.0 - weight) * normalise(fixed) + weight * normalise(adaptive)


@lru_cache(maxsize=8)
def hann_window(size: int) -> Map:
    """A ``size`` x ``size`` Hann window that sums to one; made once, so it cannot be written to."""
    axis = np.hanning(size)
    window = np.outer(axis, axis)
    normed: Map = np.asarray(window / window.sum(), np.float32)
    normed.flags.writeable = False
    return normed


def choose_scale(heights: NDArray[np.floating[Any]], penalty: float) -> int:
    """The scale that fits best; where none fits better than the middle one, the size stays.

    Args:
        heights: (S,) how well each fits, none negative; S odd, the middle one is that of the last frame.
        penalty: factor on all but the middle one.
    """
    factors = np.full(len(heights), penalty)
    factors[len(heights) // 2] = 1.0
    fits, middle = heights * factors, len(heights) // 2
    best = int(fits.argmax())
    return best if fits[best] > fits[middle] else middle


def find_peak(
    fixed: Map,
    adaptive: Map | None,
    window: Map | None,
    *,
    stride: int,
    factor: int,
    scale_penalty: float,
    adaptive_weight: float,
    raw_fusion: bool,
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
        raw_fusion: see :func:`fuse`.
        window_influence: weight of ``window`` against the fused response.
    """
    # The penalty is a factor, so it is laid on the height above the maps' common floor: raw scores may be
    # negative, and a factor below one would then favour the other scales.
    scale = choose_scale(fixed.max(axis=(1, 2)) - float(fixed.min()), scale_penalty)
    large = None if adaptive is None else upsample(adaptive, factor)
    fused = fuse(upsample(fixed[scale], factor), large, adaptive_weight, raw_fusion)
    if window is not None:
        fused = (1.0 - window_influence) * fused + window_influence * window
    cells = fixed.shape[1]
    if fused.max() == fused.min():  # Nothing to be seen, and no window: where it was.
        return Peak(scale, 0.0, 0.0, float(fixed[scale].max()))
    row, column = divmod(int(fused.argmax()), fused.shape[1])
    dx = ((column + 0.5) / factor - cells / 2) * stride
    dy = ((row + 0.5) / factor - cells / 2) * stride
    return Peak(scale, dx, dy, float(fixed[scale].max()))


def size_trust(edges: Map, expected: tuple[float, float], penalty: float) -> Map:
    """What a change of size and aspect takes off a cell: ``exp(-penalty (r s - 1))`` (SiamRPN section 4.3).

    Args:
        edges: (4, r, r) distances to the left, top, right and bottom edge, pixels of the search crop.
        expected: (w, h) of the target in the last frame, pixels of the search crop.
        penalty: 0 takes nothing off.

    Returns:
        (r, r) in (0, 1]: r is the ratio of aspects, s that of sizes (with context), both at least one.
    """
    width, height = edges[0] + edges[2], edges[1] + edges[3]
    aspect = width / height * (expected[1] / expected[0])
    size = _padded(width, height) / _padded(*expected)
    change = np.maximum(aspect, 1.0 / aspect) * np.maximum(size, 1.0 / size)
    return np.asarray(np.exp(-penalty * (change - 1.0)), np.float32)


def _padded(width: Any, height: Any) -> Any:
    context = 0.5 * (width + height)
    return np.sqrt((width + context) * (height + context))


def find_boxed_peak(
    fixed: Map,
    adaptive: Map | None,
    edges: Map,
    window: Map | None,
    *,
    expected: tuple[float, float],
    stride: int,
    size_penalty: float,
    neighbours: int,
    adaptive_weight: float,
    raw_fusion: bool,
    window_influence: float,
) -> Peak:
    """Choose the cell with both templates, the sizes' penalty and the window; its box says the rest.

    Cells next to it see the same target and err differently: the mean of their boxes errs less.

    Args:
        fixed: (r, r) raw scores of the fixed template.
        adaptive: (r, r) raw scores of the GradNet template, if it takes part.
        edges: (4, r, r) distances to the left, top, right and bottom edge, pixels of the search crop.
        window: (r, r), sums to one, if one is to be laid over.
        expected: (w, h) of the target in the last frame, pixels of the search crop.
        stride: pixels of the search crop a cell.
        size_penalty: see :func:`size_trust`.
        neighbours: cells on each side of the chosen one whose boxes are averaged with its own, by the fourth
            power of their response; 0 takes its own alone.
        adaptive_weight: weight of ``adaptive`` against ``fixed``.
        raw_fusion: see :func:`fuse`.
        window_influence: weight of ``window`` against the fused response.
    """
    fused = fuse(fixed, adaptive, adaptive_weight, raw_fusion)
    trust = size_trust(edges, expected, size_penalty)
    fused = fused * trust
    if window is not None:
        fused = (1.0 - window_influence) * fused + window_influence * window
    row, column = divmod(int(fused.argmax()), fused.shape[1])
    rows = slice(max(row - neighbours, 0), row + neighbours + 1)
    columns = slice(max(column - neighbours, 0), column + neighbours + 1)
    weights = (fused[rows, columns] / fused[row, column]) ** _NEIGHBOUR_POWER
    weights = weights / weights.sum()
    down, across = ((np.arange(side) - (side - 1) / 2) * stride for side in fused.shape)
    left, top, right, bottom = edges[:, rows, columns]
    x0, x1 = (float((weights * (across[columns] + edge)).sum()) for edge in (-left, right))
    y0, y1 = (float((weights * (down[rows, None] + edge)).sum()) for edge in (-top, bottom))
    return Peak(
        0,
        (x0 + x1) / 2,
        (y0 + y1) / 2,
        float(fixed.max()),
        (x1 - x0, y1 - y0),
        float(trust[row, column]),
    )
