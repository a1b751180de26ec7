"""Cross-correlation of search features with templates (the paper's star)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cross_correlate(features: Tensor, templates: Tensor) -> Tensor:
    """Correlate every search region with its own template.

    Args:
        features: (N, C, H, W) search features.
        templates: (N, C, h, w), or (1, C, h, w) for one template on all regions.

    Returns:
        (N, 1, H - h + 1, W - w + 1) scores.

    Raises:
        ValueError: the batch sizes differ and there is more than one template.
    """
    if templates.shape[0] == 1:
        if torch.is_grad_enabled():
            return functional.conv2d(features, templates)
        # A group a channel, then their sum: the same, up to four times as fast on a CPU, forward only.
        channelwise = templates.transpose(0, 1).contiguous()
        maps = functional.conv2d(features.contiguous(), channelwise, groups=features.shape[1])
        return maps.sum(1, keepdim=True)
    if templates.shape[0] != features.shape[0]:
        raise ValueError(f"{templates.shape[0]} templates for {features.shape[0]} search regions")
    count, channels, height, width = features.shape
    # One group a pair: a single convolution does all of them.
    grouped = features.reshape(1, count * channels, height, width)
    scores = functional.conv2d(grouped, templates, groups=count)
    return scores.transpose(0, 1)


def cross_correlate_all(features: Tensor, templates: Tensor) -> Tensor:
    """Correlate every search region with every template.

    Args:
        features: (N, C, H, W) search features.
        templates: (M, C, h, w).

    Returns:
        (N, M, H - h + 1, W - w + 1) scores.
    """
    return functional.conv2d(features, templates)
