"""The learning rate and the moving average of the weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def schedule(step: int, steps: int) -> float:
    """Share of the peak learning rate: linear warm-up over the first 2 %, then a cosine to 1 %."""
    warmup = max(1, steps // 50)
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))


def moving_average(net: nn.Module, decay: float) -> AveragedModel:
    """The exponential moving average of a network's parameters and buffers, at first a copy of it.

    The decay grows with the number n of averaged steps as (1 + n) / (10 + n) up to ``decay``, so that a short
    training forgets its start too.

    Args:
        net: the network.
        decay: final share of the average that a step keeps.
    """

    @torch.no_grad()
    def move(average: list[Tensor], current: list[Tensor], averaged: Tensor | int) -> None:
        count = int(averaged)
        share = 1.0 - min(decay, (1 + count) / (10 + count))
        if average[0].is_floating_point():
            torch._foreach_lerp_(average, current, share)
        else:  # counters
            torch._foreach_copy_(average, current)

    # torch types the function for tuples, and calls it with lists.
    return AveragedModel(net, multi_avg_fn=move, use_buffers=True)  # type: ignore[arg-type]
