"""Which parameters of a trunk are trained, and how fast."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from gradnet_ros.nn.box import BoxHead
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.lite import LiteHead, LiteStem, LiteTrunk
from gradnet_ros.nn.trunk import Trunk

_FROZEN_BLOCKS = 3
"""Blocks of the lite stem that keep their ImageNet weights: the costly ones, at strides 2 and 4."""


def group(
    parameters: Iterable[nn.Parameter], rate: float = 1.0, weight_decay: float | None = None
) -> dict[str, object]:
    """Make parameters trainable and one of AdamW's groups.

    Args:
        parameters: what to train.
        rate: factor on the learning rate.
        weight_decay: ``None`` takes the optimiser's.
    """
    chosen = list(parameters)
    for parameter in chosen:
        parameter.requires_grad_(True)
    made: dict[str, object] = {"params": chosen, "rate": rate}
    return made if weight_decay is None else {**made, "weight_decay": weight_decay}


def trunk_groups(trunk: Trunk, rate: float = 1.0, new_rate: float = 1.0) -> list[dict[str, object]]:
    """The groups of a trunk: all of ``alexnet``; ``lite`` but for its first blocks.

    Args:
        trunk: which trunk.
        rate: factor on the learning rate.
        new_rate: further factor for layers that had no pretrained start: the neck and the cells' weights.
    """
    if not isinstance(trunk, LiteTrunk):
        return [group(trunk.parameters(), rate)]
    stem, head = trunk.stem, trunk.head
    assert isinstance(stem, LiteStem)
    assert isinstance(head, LiteHead)
    pretrained = stem.blocks[_FROZEN_BLOCKS:].parameters()
    new = [*head.necks.parameters(), trunk.cell_logits]
    return [group(pretrained, rate), group(new, rate * new_rate)]


def box_branch(net: GradNet) -> BoxHead:
    """The network's box branch.

    Raises:
        ValueError: it has none.
    """
    if net.box is None:
        raise ValueError(f"network {net.spec.name!r} has no box branch")
    return net.box
