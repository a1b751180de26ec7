"""What GradNet asks of a trunk, whatever its layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TrunkSpec:
    """The geometry of a trunk's input and output, in pixels and cells.

    Attributes:
        name: the network's name, ``alexnet`` or ``lite``.
        exemplar_size: side of the exemplar crop Z, pixels.
        base_size: pixels of a crop that the target with its context is scaled to (127 in SiamFC), whatever
            the exemplar's side; exemplar and search crops share it, so both see the target at one scale.
        search_size: side of the search crop X, pixels.
        narrow_size: side of a narrower one, for a target that is sure to be near (``narrow_first``), pixels.
        stride: pixels of X from one response cell to the next.
        template_size: side of the template beta, cells.
        response_size: side of the response S to X, cells.
        stem_channels: channels of the target feature f2(Z).
        channels: channels of the template and of the search features.
        cosine: features have unit length and the template's cells weigh one in all, so that a raw score is a
            mean cosine in [-1, 1].
    """

    name: str
    exemplar_size: int
    base_size: int
    search_size: int
    narrow_size: int
    stride: int
    template_size: int
    response_size: int
    stem_channels: int
    channels: int
    cosine: bool

    def response_side(self, pixels: int) -> int:
        """Side of the response to a search crop of so many pixels, cells."""
        return self.response_size - (self.search_size - pixels) // self.stride


class SearchFeatures(NamedTuple):
    """What a trunk makes of crops.

    Attributes:
        features: (N, channels, h, w), for the response.
        levels: each (N, depth, h, w), for the box branch; empty where there is none.
    """

    features: Tensor
    levels: tuple[Tensor, ...]


class Trunk(nn.Module):
    """A trunk split in two: ``stem`` (f2 on the target's side) and ``head`` (U1 on the target's side).

    ``forward`` is f_x: the whole trunk, on crops of any side.
    """

    def __init__(self, spec: TrunkSpec, stem: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.spec = spec
        self.stem = stem
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Search features of crops.

        Args:
            images: (N, 3, H, W) float, BGR, 0-255.

        Returns:
            (N, channels, h, w).
        """
        features: Tensor = self.head(self.stem(images))
        return features

    def search(self, images: Tensor) -> SearchFeatures:
        """As :meth:`forward`, with what the box branch reads."""
        return SearchFeatures(self(images), ())

    def target_features(self, exemplars: Tensor) -> Tensor:
        """f2(Z): (N, 3, Z, Z) BGR 0-255 -> (N, stem_channels, h, w), what the template is made of."""
        features: Tensor = self.stem(exemplars)
        return features

    def template(self, features: Tensor) -> Tensor:
        """Cut the template from the head's output for an exemplar and scale it for the correlation.

        Args:
            features: (N, channels, h, w), the head's output for an exemplar crop, h and w >= template_size.

        Returns:
            (N, channels, template_size, template_size), the centre of ``features``.
        """
        size = self.spec.template_size
        # Plain numbers: an exporter that traces would make them part of the graph.
        top, left = ((int(side) - size) // 2 for side in features.shape[-2:])
        return features[..., top : top + size, left : left + size]


class FixedAffine(nn.Module):
    """Subtract a mean and divide by a deviation, channel by channel: the input's normalisation."""

    mean: Tensor
    inverse_deviation: Tensor

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer(
            "inverse_deviation", 1.0 / torch.tensor(deviation).view(1, -1, 1, 1), persistent=False
        )

    def forward(self, images: Tensor) -> Tensor:
        """Normalise ``images`` (N, C, H, W)."""
        return (images - self.mean) * self.inverse_deviation
