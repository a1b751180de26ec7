"""Where a target is, as shares of the response's cells."""

from __future__ import annotations

import torch
from torch import Tensor


def soft_place(distance: Tensor, stride: int) -> Tensor:
    """A Gaussian around the target with a deviation of one cell.

    Args:
        distance: (N, 1, h, w) of every cell from the target, pixels.
        stride: pixels a cell.

    Returns:
        (N, 1, h, w) shares that sum to one in every map.
    """
    near = torch.exp(-0.5 * (distance / stride) ** 2)
    return near / near.sum((1, 2, 3), keepdim=True)


def hits(scores: Tensor, distance: Tensor, radius: float = 16.0) -> Tensor:
    """Whether each map's peak lies within ``radius`` pixels of the target.

    Args:
        scores: (N, 1, h, w).
        distance: (N, 1, h, w) pixels.
        radius: pixels.

    Returns:
        (N,) of 0 and 1.
    """
    place = scores.flatten(1).argmax(1)
    return (distance.flatten(1).gather(1, place[:, None])[:, 0] <= radius).float()
