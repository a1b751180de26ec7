"""Features first: a trunk without a pretrained start learns another trunk's features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.lite import DEPTHS
from gradnet_ros.nn.trunk import Trunk
from gradnet_ros.training.batch import Batch
from gradnet_ros.training.stages.parameters import group, trunk_groups
from gradnet_ros.training.stages.stage import StepResult

# Geometry of both trunks on the search crop. A cell of AlexNet's features lies at 43 + 8 j pixels of its
# 255-pixel crop, of which it has 22 a side; the teacher's cells lie at multiples of 8 from its crop's first
# pixel. Cut from pixel 3 to 251, the teacher's 32 cells coincide with the student's from its fifth on.
_FIRST, _LAST = 3, 252
_HEAD_EDGE, _STEM_EDGE = 5, 2


@dataclass(frozen=True)
class DistilStage:
    """AlexNet learns where to look from a trained ``lite`` trunk; no labels are used (ours).

    Its 256 channels learn the teacher's 128 through a fixed orthonormal map, at every cell: dot products of
    the student's features are then the teacher's cosines, which is all that a Siamese tracker takes from
    features. The second convolution is led to the teacher's first depth through a 1x1 layer that is thrown
    away (FitNets, Romero et al. 2015).

    Attributes:
        teacher: checkpoint of a ``lite`` network; empty takes the shipped weights.
        centred_weight: weight of the cosine after each map's mean is taken off: what is common to all cells
            of a crop makes up most of the plain distance, and does not help to find anything.
        hint_weight: weight of the second convolution's loss.
        restart: start from noise; otherwise go on from the weights that the training starts with.
    """

    teacher: str = ""
    centred_weight: float = 1.0
    hint_weight: float = 0.5
    restart: bool = True

    name = "distil"

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ValueError: a field is outside its bound.
        """
        for field in ("centred_weight", "hint_weight"):
            if not 0 <= getattr(self, field) <= 1000:
                raise ValueError(f"{field} must be in [0, 1000], got {getattr(self, field)!r}")

    @cached_property
    def auxiliary(self) -> nn.Module:
        """The 1x1 layer from the student's second convolution to the teacher's first depth."""
        return nn.Conv2d(256, DEPTHS[0], 1)

    @property
    def teacher_path(self) -> Path:
        """The teacher's checkpoint."""
        return Path(self.teacher) if self.teacher else shipped_weights("lite")

    @cached_property
    def _teacher(self) -> Trunk:
        return load_network(self.teacher_path, "lite").net.search.requires_grad_(False)

    @cached_property
    def _map(self) -> Tensor:
        """(128, 256) with orthonormal rows, always the same."""
        generator = torch.Generator().manual_seed(0)
        orthonormal: Tensor = torch.linalg.qr(torch.randn(256, 128, generator=generator)).Q
        return orthonormal.T.contiguous()

    def prepare(self, net: GradNet) -> list[dict[str, object]]:
        """Train the search trunk; with ``restart`` from Kaiming's start: whatever it had learned is lost.

        Raises:
            ValueError: the network is not ``alexnet``: the cells of both trunks would not coincide.
        """
        if net.spec.name != "alexnet":
            raise ValueError(f"the stage distil is for alexnet, got {net.spec.name!r}")
        net.requires_grad_(False)
        if self.restart:
            _restart(net.search)
        return [*trunk_groups(net.search), group(self.auxiliary.parameters())]

    def set_mode(self, net: GradNet) -> None:
        """Batch norm of the search trunk learns its statistics."""
        net.eval()
        net.search.train()

    def step(self, net: GradNet, batch: Batch, number: int) -> StepResult:
        """The distance to the teacher's features of the samples' first views."""
        images = batch.searches[:, 0].float()
        with torch.no_grad():
            teacher = self._teacher.to(images.device)
            late, (early, *_) = teacher.search(images[:, :, _FIRST:_LAST, _FIRST:_LAST])
            wanted = torch.einsum("nchw,cd->ndhw", _inner(late, _HEAD_EDGE).float(), self._map.to(images))
            hint = functional.normalize(_inner(early, _STEM_EDGE).float(), dim=1)
        stem = net.search.stem(images)
        features = net.search.head(stem).float()
        squared = (features - wanted).square().sum(1).mean()
        cosine = functional.cosine_similarity(features, wanted, dim=1).mean()
        centred = functional.cosine_similarity(_centre(features), _centre(wanted), dim=1).mean()
        hinted = functional.cosine_similarity(self.auxiliary(stem).float(), hint, dim=1).mean()
        loss = squared + self.centred_weight * (1.0 - centred) + self.hint_weight * (1.0 - hinted)
        figures = {"squared": squared, "cosine": cosine, "centred_cosine": centred, "hint_cosine": hinted}
        return StepResult(loss, {name: float(value.detach()) for name, value in figures.items()})

    def pictures(self, net: GradNet, batch: Batch) -> dict[str, NDArray[np.uint8]]:
        """Nothing that tells more than the figures."""
        return {}

    def finish(self, net: GradNet) -> None:
        """Start the target's trunk from the search trunk, and put scores within the logistic's reach.

        A score is now a sum of cosines, one a cell of the template: the start for raw, untrained features
        would leave the next stage's loss flat for hundreds of steps.
        """
        net.target.load_state_dict(net.search.state_dict())
        with torch.no_grad():
            net.adjust_scale.fill_(0.5)
            net.adjust_bias.fill_(-8.0)


def _restart(trunk: Trunk) -> None:
    """Kaiming's start; the last layer is small, so that features are not much longer than the teacher's."""
    convolutions = [module for module in trunk.modules() if isinstance(module, nn.Conv2d)]
    for convolution in convolutions:
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)
    nn.init.normal_(convolutions[-1].weight, std=0.002)


def _inner(features: Tensor, edge: int) -> Tensor:
    return features[:, :, edge:-edge, edge:-edge]


def _centre(features: Tensor) -> Tensor:
    return features - features.mean((2, 3), keepdim=True)
