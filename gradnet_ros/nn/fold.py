"""Batch norm made part of the convolution before it."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import fuse_conv_bn_eval


def fold_norms(module: nn.Module) -> None:
    """Fold every batch norm into the convolution that it follows in an ``nn.Sequential``, in place.

    For inference: what the layers compute together stays the same within rounding.

    Args:
        module: in ``eval`` mode, its norms with running statistics.
    """
    for row in [each for each in module.modules() if isinstance(each, nn.Sequential)]:
        for index, (conv, norm) in enumerate(zip(row, list(row)[1:], strict=False)):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                row[index] = fuse_conv_bn_eval(conv, norm)
                row[index + 1] = nn.Identity()
