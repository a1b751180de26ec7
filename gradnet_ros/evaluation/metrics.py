"""Overlap and centre error of boxes, and the scores that benchmarks make of them.

All are functions of arrays; which frames count is the caller's affair (:mod:`gradnet_ros.evaluation.scores`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
OTB_THRESHOLDS = np.arange(0, 1.05, 0.05, dtype=np.float64)
"""The 21 overlap thresholds of the OTB success curve."""
PRECISION_PIXELS = 20.0
"""Centre error that still counts as precise, pixels."""
PRECISION_THRESHOLDS = np.arange(51, dtype=np.float64)
"""The thresholds of the OTB precision curve, pixels; :data:`PRECISION_PIXELS` is one of them."""
NORMALISED_PRECISION = 0.2
"""Centre error, as a share of the target's sides, that still counts as precise (pytracking)."""
NORMALISED_THRESHOLDS = np.arange(51, dtype=np.float64) / 100
"""The thresholds of the normalised precision curve (TrackingNet, section 4.3; LaSOT)."""


def valid_rows(boxes: Boxes) -> NDArray[np.bool_]:
    """Which of the (N, 4) boxes are boxes: finite, with positive sides."""
    finite = np.isfinite(boxes).all(axis=1)
    return np.asarray(finite & (np.nan_to_num(boxes)[:, 2:] > 0).all(axis=1))


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over union, row by row: (N, 4), (N, 4) -> (N,) in [0, 1]."""
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    union = np.prod(first[:, 2:], axis=1) + np.prod(second[:, 2:], axis=1) - shared
    return np.asarray(np.minimum(shared / np.maximum(union, np.finfo(float).eps), 1.0))


def clip_boxes(boxes: Boxes, size: tuple[float, float]) -> Boxes:
    """The parts of (N, 4) boxes inside an image of ``size`` (width, height), as GOT-10k cuts them.

    A box outside has no side left; one whose corner lies beyond the left or upper edge is moved to that edge
    and keeps its size, for the toolkit cuts the corner and the size apart.
    """
    bound = np.asarray(size, float)
    corners = np.clip(boxes[:, :2], 0, bound)
    return np.hstack([corners, np.clip(boxes[:, 2:], 0, bound - corners)])


def centre_errors(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Distance of the centres ``x + (w - 1) / 2``, row by row: (N, 4), (N, 4) -> (N,) pixels."""
    return np.asarray(np.linalg.norm(_centres(first) - _centres(second), axis=1))


def normalised_errors(found: Boxes, truth: Boxes) -> NDArray[np.float64]:
    """Distance of the centres in shares of the truth's sides: (N, 4), (N, 4) -> (N,).

    LaSOT, section 4.1; the truth must have positive sides.
    """
    return np.asarray(np.linalg.norm((_centres(found) - _centres(truth)) / truth[:, 2:], axis=1))


def success_curve(iou: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of frames with ``iou > t`` for each of (T,) thresholds: (N,) -> (T,); NaN without a frame."""
    return _shares(iou[None, :] > thresholds[:, None])


def error_curve(errors: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of frames with ``error <= t`` for each of (T,) thresholds: (N,) -> (T,); NaN without a frame."""
    return _shares(errors[None, :] <= thresholds[:, None])


def _centres(boxes: Boxes) -> NDArray[np.float64]:
    return np.asarray(boxes[:, :2] + (boxes[:, 2:] - 1) / 2)


def _shares(hits: NDArray[np.bool_]) -> NDArray[np.float64]:
    return hits.mean(axis=1) if hits.shape[1] else np.full(len(hits), np.nan)
