"""The paper's trunk: an AlexNet without padding (paper section 3.2; layer table of the official code)."""

from __future__ import annotations

from torch import nn

from gradnet_ros.nn.trunk import Trunk, TrunkSpec

SPEC = TrunkSpec(
    name="alexnet",
    exemplar_size=127,
    base_size=127,
    search_size=255,
    narrow_size=191,
    stride=8,
    template_size=6,
    response_size=17,
    stem_channels=256,
    channels=256,
    cosine=False,
)
_BN_EPS = 1e-3


def _block(inputs: int, outputs: int, kernel: int, stride: int, groups: int, pool: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, groups=groups),
        nn.BatchNorm2d(outputs, eps=_BN_EPS),
        nn.ReLU(),
    ]
    if pool:
        layers.append(nn.MaxPool2d(3, 2))
    return layers


def build_trunk() -> Trunk:
    """Build the AlexNet trunk: f2 is conv1-conv2 (12x12 cells for Z), U1 is conv3-conv5 (6x6 cells)."""
    stem = nn.Sequential(*_block(3, 96, 11, 2, 1, True), *_block(96, 256, 5, 1, 2, True))
    head = nn.Sequential(
        *_block(256, 384, 3, 1, 1, False),
        *_block(384, 384, 3, 1, 2, False),
        nn.Conv2d(384, 256, 3, groups=2),
    )
    return Trunk(SPEC, stem, head)


def build_gradient_encoder() -> nn.Module:
    """Build U2: a 3x3 convolution, batch norm and tanh (official code; the factor 10,000 is GradNet's).

    Batch norm takes its statistics from the gradient at hand, in training and in tracking: the size of the
    gradient differs by factors of hundreds between a batch of objects and one frame, and means of both would
    fit neither.
    """
    channels = SPEC.stem_channels
    norm = nn.BatchNorm2d(channels, eps=_BN_EPS, track_running_stats=False)
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), norm, nn.Tanh())
