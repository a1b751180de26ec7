"""Labels and losses on response maps (SiamFC section 2.2; GradNet section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def centre_labels(offsets: Tensor, response_size: int, stride: int, radius: float = 16.0) -> Tensor:
    """+1 within ``radius`` of the target, -1 elsewhere.

    Args:
        offsets: (N, 2) target centre minus crop centre, (x, y) in pixels of the search crop.
        response_size: side of the response, cells.
        stride: pixels a cell.
        radius: pixels (16 in the paper: two cells).

    Returns:
        (N, 1, response_size, response_size) of +1 and -1.
    """
    distance = target_distance(offsets, response_size, stride)
    return 2.0 * (distance <= radius).to(distance.dtype) - 1.0


def target_distance(offsets: Tensor, response_size: int, stride: int) -> Tensor:
    """Distance of every response cell from the target, in pixels of the search crop.

    Args:
        offsets: (N, 2) target centre minus crop centre, (x, y) in pixels.
        response_size: side of the response, cells.
        stride: pixels a cell.

    Returns:
        (N, 1, response_size, response_size), pixels.
    """
    axis = (torch.arange(response_size, device=offsets.device) - (response_size - 1) / 2) * stride
    across = axis[None, None, :] - offsets[:, 0, None, None]
    down = axis[None, :, None] - offsets[:, 1, None, None]
    return torch.sqrt(across**2 + down**2).unsqueeze(1)


def logistic_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Logistic loss with both classes weighted to one half in every map (paper equation 1).

    Args:
        scores: (N, 1, h, w).
        labels: (N, 1, h, w) of +1 and -1. A map without one of the classes weighs the other with one half.

    Returns:
        The sum over the N maps of each map's weighted mean: a scalar. The paper's inner gradient is the
        gradient of this sum.
    """
    weights = class_weights(labels.to(scores.dtype))
    return (weights * functional.softplus(-labels * scores)).sum()


def class_weights(labels: Tensor) -> Tensor:
    """Weights of the cells with which each class of a map weighs one half.

    Args:
        labels: (N, 1, h, w) of +1 and -1. A map without one of the classes weighs the other with one half.

    Returns:
        (N, 1, h, w).
    """
    positive = (labels > 0).to(labels.dtype)
    negative = 1.0 - positive
    dims = (1, 2, 3)
    weights = 0.5 * positive / positive.sum(dims, keepdim=True).clamp(min=1.0)
    return weights + 0.5 * negative / negative.sum(dims, keepdim=True).clamp(min=1.0)


def ranking_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of each row's softmax against the true place: what taking the peak asks for.

    Ours, beside the paper's logistic loss, for the base training: it weighs the hardest negatives most.

    Args:
        scores: (N, K) scores of K places; the true one's neighbourhood may be masked by ``-inf``.
        targets: (N, K) non-negative, rows sum to one: where the target is.

    Returns:
        The mean over the rows.
    """
    log_share = functional.log_softmax(scores, dim=1)
    return -(targets * log_share.clamp(min=-1e4)).sum(1).mean()


def box_overlaps(edges: Tensor, offsets: Tensor, sizes: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """How well each cell's box overlaps the target.

    Args:
        edges: (N, 4, h, w) distances from each cell to the left, top, right and bottom edge, pixels.
        offsets: (N, 2) target centre minus crop centre, (x, y) in pixels.
        sizes: (N, 2) w, h of the target, pixels.
        stride: pixels a cell.

    Returns:
        (N, h, w) IoU and (N, h, w) GIoU (Rezatofighi et al. 2019).
    """
    x, y = _cells(edges.shape[-1], stride, edges.device)
    left, top, right, bottom = edges.unbind(1)
    centre_x, centre_y = offsets[:, 0, None, None], offsets[:, 1, None, None]
    half_w, half_h = sizes[:, 0, None, None] / 2, sizes[:, 1, None, None] / 2
    true_left, true_right = centre_x - half_w, centre_x + half_w
    true_top, true_bottom = centre_y - half_h, centre_y + half_h
    shared_w = (torch.minimum(x + right, true_right) - torch.maximum(x - left, true_left)).clamp(min=0)
    shared_h = (torch.minimum(y + bottom, true_bottom) - torch.maximum(y - top, true_top)).clamp(min=0)
    shared = shared_w * shared_h
    union = (left + right) * (top + bottom) + 4 * half_w * half_h - shared
    hull = (torch.maximum(x + right, true_right) - torch.minimum(x - left, true_left)) * (
        torch.maximum(y + bottom, true_bottom) - torch.minimum(y - top, true_top)
    )
    iou = shared / union
    return iou, iou - (hull - union) / hull


def box_iou_loss(edges: Tensor, offsets: Tensor, sizes: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """How badly the boxes of the cells on a target overlap it (GIoU).

    The cells that count are the target's :func:`inner_cells`.

    Args:
        edges: as for :func:`box_overlaps`.
        offsets: as for :func:`box_overlaps`.
        sizes: as for :func:`box_overlaps`.
        stride: pixels a cell.

    Returns:
        Mean of 1 - GIoU, and the mean IoU (detached). Samples weigh the same, however many cells count.
    """
    iou, giou = box_overlaps(edges, offsets, sizes, stride)
    counts = inner_cells(offsets, sizes, edges.shape[-1], stride)
    weights = counts.to(giou.dtype)
    weights = weights / weights.sum((1, 2), keepdim=True).clamp(min=1.0)
    present = counts.flatten(1).any(1).to(giou.dtype)
    number = present.sum().clamp(min=1.0)
    loss = (weights * (1.0 - giou)).sum() / number
    return loss, (weights * iou).sum().detach() / number


def inner_cells(offsets: Tensor, sizes: Tensor, cells: int, stride: int) -> Tensor:
    """Which cells lie in the inner 60 % of a target; the nearest ones do in any case.

    Args:
        offsets: (N, 2) target centre minus crop centre, (x, y) in pixels.
        sizes: (N, 2) w, h of the target, pixels.
        cells: side of the response.
        stride: pixels a cell.

    Returns:
        (N, cells, cells) bool.
    """
    x, y = _cells(cells, stride, offsets.device)
    reach = (0.3 * sizes).clamp(min=0.75 * stride)[:, :, None, None]
    across = (x - offsets[:, 0, None, None]).abs() <= reach[:, 0]
    return across & ((y - offsets[:, 1, None, None]).abs() <= reach[:, 1])


def edge_distances(offsets: Tensor, sizes: Tensor, cells: int, stride: int) -> Tensor:
    """How far a target's edges are from every cell.

    Args:
        offsets: (N, 2) target centre minus crop centre, (x, y) in pixels.
        sizes: (N, 2) w, h of the target, pixels.
        cells: side of the response.
        stride: pixels a cell.

    Returns:
        (N, 4, cells, cells) left, top, right, bottom, pixels; negative where the cell lies beyond the edge.
    """
    x, y = _cells(cells, stride, offsets.device)
    across, down = (offsets[:, axis, None, None] for axis in (0, 1))
    width, height = (sizes[:, axis, None, None] for axis in (0, 1))
    zeros = torch.zeros_like(x + y)  # every edge on the whole map
    left, right = x - across + width / 2 + zeros, across + width / 2 - x + zeros
    top, bottom = y - down + height / 2 + zeros, down + height / 2 - y + zeros
    return torch.stack([left, top, right, bottom], 1)


def _cells(cells: int, stride: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Places of the cells, x (1, 1, cells) and y (1, cells, 1), pixels from the crop's centre."""
    axis = (torch.arange(cells, device=device) - (cells - 1) / 2) * stride
    return axis[None, None, :], axis[None, :, None]
