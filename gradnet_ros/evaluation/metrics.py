"""Overlap and centre error, and the OTB scores made of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
OTB_THRESHOLDS = np.arange(0, 1.05, 0.05)
"""The 21 overlap thresholds of the OTB success curve."""
PRECISION_PIXELS = 20.0
"""Centre error that still counts as precise, pixels."""


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
    return np.asarray(shared / np.maximum(union, np.finfo(float).eps))


def centre_errors(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Distance of the centres ``x + (w - 1) / 2``, row by row: (N, 4), (N, 4) -> (N,) pixels."""
    centres = [boxes[:, :2] + (boxes[:, 2:] - 1) / 2 for boxes in (first, second)]
    return np.asarray(np.linalg.norm(centres[0] - centres[1], axis=1))


def success_auc(iou: NDArray[np.float64]) -> float:
    """OTB area under the success curve: the mean over 21 thresholds of the share of ``iou > t``."""
    return float((iou[None, :] > OTB_THRESHOLDS[:, None]).mean())


def precision(errors: NDArray[np.float64]) -> float:
    """Share of frames with a centre error of at most 20 pixels."""
    return float((errors <= PRECISION_PIXELS).mean())
