"""Where a target is, as shares of the response's cells."""

from __future__ import annotations

from torch import Tensor


def soft_place(distance: Tensor, stride: int) -> Tensor:
    """A Gaussian around the target with a deviation of one cell.

    Args:
        distance: (N, 1, h, w) of every cell from the target, pixels.
        stride: pixels a cell.

    Returns:
        (N, 1, h, w) shares that sum to one in every map.
    """
    # A softmax, so that a target far away has a nearest cell too, where the Gaussian itself underflows.
    return (-0.5 * (distance / stride) ** 2).flatten(1).softmax(1).view_as(distance)


def prefer(places: Tensor, overlaps: Tensor, sharpness: float) -> Tensor:
    """Shift shares to the cells whose boxes overlap the target best: times ``exp(sharpness * IoU)``.

    Args:
        places: (N, 1, h, w) shares that sum to one in every map.
        overlaps: (N, h, w) IoU of each cell's box with the target.
        sharpness: 0 changes nothing; 10 makes an IoU that is 0.1 higher count e times as much.

    Returns:
        (N, 1, h, w) shares that sum to one in every map.
    """
    weighed: Tensor = places * (sharpness * overlaps[:, None]).exp()
    return weighed / weighed.sum((2, 3), keepdim=True)


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
