"""The search trunk in half precision, where it scores as in single precision."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor

from gradnet_ros.engines.graphs import CompareGraph, ExemplarGraph, SearchGraph
from gradnet_ros.nn.fold import fold_norms
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.trunk import SearchFeatures, Trunk

SCORE_TOLERANCE = 0.01
"""Largest difference of a score from single precision, as a share of the range of its map."""
COSINE_TOLERANCE = 1e-3
"""Largest difference of a cosine from single precision: those of two sizes differ by a few hundredths."""
EDGE_TOLERANCE = 0.5
"""Largest difference of an edge of the box branch, pixels of the crop."""


class HalfTrunk(Trunk):
    """A trunk that computes in float16; what goes in and comes out is float32.

    Norms are folded into convolutions first: variances of an input of 0 to 255 are beyond float16's range.

    Correlations, the box branch and the template's steps stay in float32: they are cheap, and sums over a
    whole template are where half precision loses.

    Args:
        trunk: the trunk; it is copied.
    """

    def __init__(self, trunk: Trunk) -> None:
        half = deepcopy(trunk).eval()
        fold_norms(half)
        half.to(torch.float16, memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(trunk.spec, half.stem, half.head)
        self._half: Trunk = half

    def forward(self, images: Tensor) -> Tensor:
        """Search features of crops: (N, 3, H, W) BGR 0-255 -> float32."""
        return self.search(images).features

    def template(self, features: Tensor) -> Tensor:
        """See :meth:`Trunk.template`; the cells' weights are rounded to half precision."""
        return self._half.template(features)

    def search(self, images: Tensor) -> SearchFeatures:
        """Search features of crops: (N, 3, H, W) BGR 0-255 -> float32."""
        features, levels = self._half.search(images.half())
        return SearchFeatures(features.float(), tuple(level.float() for level in levels))


def with_half_trunk(net: GradNet) -> GradNet:
    """A copy of the network with its search trunk in half precision."""
    halved = deepcopy(net)
    halved.search = HalfTrunk(net.search)
    return halved


@torch.no_grad()
def scores_agree(net: GradNet, halved: GradNet) -> bool:
    """Whether half precision gives the same scores, cosines and boxes, on a textured crop of fixed seed.

    Args:
        net: in single precision.
        halved: :func:`with_half_trunk` of it.
    """
    boxes = net.box is not None
    crops = _texture(net)
    exemplar = ExemplarGraph(net)
    middle = (net.spec.search_size - net.spec.exemplar_size) // 2
    inside = slice(middle, middle + net.spec.exemplar_size)
    inputs = (crops[:, inside, inside], *(each.to(crops.device) for each in exemplar.example()[1:]))
    fixed, _, beta, *box = exemplar(*inputs)
    search = (crops, fixed, beta, *(box if boxes else ()))
    # By default PyTorch rounds convolutions to TF32 on a GPU that has it, no finer than float16.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        single = SearchGraph(net, boxes)(*search)
    half = SearchGraph(halved, boxes)(*search)
    for output, theirs, ours in zip(SearchGraph(net, boxes).outputs[1:], single[1:], half[1:], strict=True):
        allowed = SCORE_TOLERANCE * (theirs.max() - theirs.min()) if output != "edges" else EDGE_TOLERANCE
        if not bool((ours - theirs).abs().max() <= allowed):
            return False
    return boxes or _cosines_agree(net, halved, crops, fixed)


def _cosines_agree(net: GradNet, halved: GradNet, crops: Tensor, fixed: Tensor) -> bool:
    """Whether crops of the exemplar's size beside the exemplar compare the same."""
    size = net.spec.exemplar_size
    first = (net.spec.search_size - size) // 2
    cuts = torch.cat([crops[:, at : at + size, at : at + size] for at in range(first, first + 13, 4)])
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        theirs = CompareGraph(net)(cuts, fixed)
    return bool((CompareGraph(halved)(cuts, fixed) - theirs).abs().max() <= COSINE_TOLERANCE)


def _texture(net: GradNet) -> Tensor:
    """(1, X, X, 3) uint8 with structure at about twelve pixels."""
    side = net.spec.search_size
    seed = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, side // 12, side // 12, generator=seed) * 255.0
    fine = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    return fine.to(torch.uint8).permute(0, 2, 3, 1).to(net.adjust_scale.device)
