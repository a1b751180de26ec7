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
    return torch.where(distance <= radius, 1.0, -1.0)


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
    positive = (labels > 0).to(scores.dtype)
    negative = 1.0 - positive
    dims = (1, 2, 3)
    weights = 0.5 * positive / positive.sum(dims, keepdim=True).clamp(min=1.0)
    weights = weights + 0.5 * negative / negative.sum(dims, keepdim=True).clamp(min=1.0)
    return (weights * functional.softplus(-labels * scores)).sum()


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
