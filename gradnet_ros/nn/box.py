"""The box branch: how far the target's four edges are from every cell of the response.

Ours, after the field's anchor-free Siamese trackers. A scale pyramid costs three search passes and cannot
follow a changing aspect; this branch reads what the search trunk computes in the one pass that the response
needs. The response says where the target is, this branch how large it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_PARTS = 7
"""The target is looked up as ``_PARTS`` x ``_PARTS`` places of itself and its near surroundings."""
_REACH = 1.4
"""Side of the region they are spread over, relative to the box."""
_HIDDEN = 64
_DILATIONS = (1, 2, 4, 2)
_MAX_LOG_RATIO = 2.0
"""Furthest that an edge's distance may be from half the exemplar's side, as a log-ratio."""


class BoxTemplate(NamedTuple):
    """What the branch keeps of an exemplar.

    Attributes:
        parts: (N, P, channels) features at places of the box, row by row.
        target: (N, channels) mean feature inside the box.
        surround: (N, channels) mean feature outside it.
        size: (N, 2) w, h of the box, pixels of the exemplar crop.
    """

    parts: Tensor
    target: Tensor
    surround: Tensor
    size: Tensor


class BoxHead(nn.Module):
    """Distances to the left, top, right and bottom edge for every cell of the response.

    It has a neck of its own over the trunk's depths: features that tell a target from everything else are
    smooth around it, and edges need sharp ones. Three views of the correlation go in: how well each *place*
    of the target matches each cell, the per-channel correlation with the target's mean feature, and with that
    of its surroundings. Dilated convolutions let a cell see edges up to nine cells away.

    Args:
        depths: channels of the trunk's levels.
        stride: pixels a cell.
        margin: cells of the search features beyond the response on each side.
    """

    def __init__(self, depths: Sequence[int], stride: int, margin: int) -> None:
        super().__init__()
        self._stride, self._margin = stride, margin
        self.necks = nn.ModuleList(nn.Conv2d(depth, _HIDDEN, 1, bias=False) for depth in depths)
        self.parts = nn.Conv2d(_PARTS**2, _HIDDEN, 1)
        self.per_channel = nn.Conv2d(2 * _HIDDEN, _HIDDEN, 1)
        self.shape = nn.Linear(2, _HIDDEN)
        self.tower = nn.ModuleList(
            nn.Conv2d(_HIDDEN, _HIDDEN, 3, padding=dilation, dilation=dilation) for dilation in _DILATIONS
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, _HIDDEN) for _ in _DILATIONS)
        self.edges = nn.Conv2d(_HIDDEN, 4, 1)
        # At first every cell answers with a box of the exemplar's size around itself.
        nn.init.zeros_(self.edges.weight)
        assert self.edges.bias is not None
        nn.init.zeros_(self.edges.bias)

    def template(self, levels: Sequence[Tensor], size: Tensor) -> BoxTemplate:
        """Read an exemplar.

        Args:
            levels: each (N, depth, h, w), the trunk's depths for the exemplar crop, the target central.
            size: (N, 2) w, h of the target, pixels of the crop.
        """
        features = self.features(levels)
        height, width = features.shape[-2:]
        extent = size.new_tensor([(width - 1) * self._stride, (height - 1) * self._stride])
        axis = torch.linspace(-_REACH, _REACH, _PARTS, device=size.device, dtype=size.dtype)
        places = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)  # (P, P, 2) x, y
        grid = places[None] * (size / extent)[:, None, None, :]
        sampled = functional.grid_sample(features, grid.to(features.dtype), align_corners=True)
        parts = sampled.flatten(2).transpose(1, 2)

        rows = torch.linspace(-0.5, 0.5, height, device=size.device, dtype=size.dtype) * extent[1]
        columns = torch.linspace(-0.5, 0.5, width, device=size.device, dtype=size.dtype) * extent[0]
        # A soft edge of a cell's width, so that small targets keep a weight.
        inside = torch.sigmoid(
            (size[:, 1, None, None] / 2 - rows.abs()[None, :, None]) * (4 / self._stride)
        ) * torch.sigmoid((size[:, 0, None, None] / 2 - columns.abs()[None, None, :]) * (4 / self._stride))
        inside = inside[:, None].to(features.dtype)
        target = (features * inside).sum((2, 3)) / inside.sum((2, 3)).clamp(min=1e-3)
        outside = 1.0 - inside
        surround = (features * outside).sum((2, 3)) / outside.sum((2, 3)).clamp(min=1e-3)
        return BoxTemplate(parts, target, surround, size)

    def forward(self, levels: Sequence[Tensor], template: BoxTemplate) -> Tensor:
        """Edges around every cell of the response.

        Args:
            levels: each (N, depth, H, W), the trunk's depths for the search crops.
            template: of N exemplars.

        Returns:
            (N, 4, h, w) distances from the cell's centre to the left, top, right and bottom edge, pixels of
            the search crop, positive.
        """
        ratios = self.ratios(self.features(levels), template)
        return self.edges_from(ratios.float(), template.size.float())

    def features(self, levels: Sequence[Tensor]) -> Tensor:
        """The branch's own neck: (N, depth, h, w) of every level -> (N, 64, h, w), all levels as heavy."""
        joined = sum(
            neck(functional.normalize(level, dim=1) * level.shape[1] ** 0.5)
            for neck, level in zip(self.necks, levels, strict=True)
        )
        assert isinstance(joined, Tensor)
        return joined

    def ratios(self, features: Tensor, template: BoxTemplate) -> Tensor:
        """What the branch answers with: the log of every edge's distance over half the exemplar's side.

        Args:
            features: (N, 64, H, W), :meth:`features` of the search crops.
            template: of N exemplars.

        Returns:
            (N, 4, h, w) left, top, right, bottom.
        """
        hidden = functional.relu(self.compare(features, template))
        for convolution, norm in zip(self.tower, self.norms, strict=True):
            hidden = hidden + functional.relu(norm(convolution(hidden)))
        return self.bound(self.edges(self.cut(hidden)))

    def compare(self, features: Tensor, template: BoxTemplate) -> Tensor:
        """The three views of the correlation as one: (N, 64, H, W); arguments as for :meth:`ratios`."""
        matches = torch.einsum("nchw,npc->nphw", features, template.parts) / _HIDDEN**0.5
        means = template.target, template.surround
        per_channel = torch.cat([features * mean[..., None, None] for mean in means], dim=1)
        shape = self.shape(torch.log(template.size / 64.0).to(features.dtype))
        compared: Tensor = self.parts(matches) + self.per_channel(per_channel) + shape[..., None, None]
        return compared

    def cut(self, hidden: Tensor) -> Tensor:
        """The cells of the response: (N, C, H, W) -> (N, C, h, w)."""
        margin = self._margin
        return hidden[..., margin : hidden.shape[-2] - margin, margin : hidden.shape[-1] - margin]

    @staticmethod
    def bound(ratios: Tensor) -> Tensor:
        """Ratios, none beyond what an edge may be off."""
        return ratios.clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO)

    @staticmethod
    def edges_from(ratios: Tensor, size: Tensor) -> Tensor:
        """Distances: (N, 4, h, w) ratios and (N, 2) w, h of the exemplars -> (N, 4, h, w), pixels."""
        half = 0.5 * size.repeat(1, 2)[..., None, None]
        edges: Tensor = half * ratios.exp()
        return edges
