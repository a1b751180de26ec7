"""Checkpoints keep everything; wrong ones say what was expected."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from gradnet_ros.nn.checkpoint import FORMAT, CheckpointError, load_network, save_network, shipped_weights
from gradnet_ros.nn.gradnet import NETWORKS, GradNet
from support import random_network


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lite.safetensors"
    save_network(path, random_network("lite"), {"update_interval": 7}, {"seed": 3})
    return path


def metadata(**changes):
    return {"format": FORMAT, "network": "lite", "tracker": "{}", "training": "{}", **changes}


def test_round_trip(file):
    checkpoint = load_network(file, "lite")
    assert checkpoint.tracker == {"update_interval": 7}
    assert checkpoint.training == {"seed": 3}
    expected = random_network("lite").state_dict()
    for name, value in checkpoint.net.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)
    assert not checkpoint.net.training


def test_half_precision_round_trip(tmp_path):
    path = tmp_path / "half.safetensors"
    save_network(path, random_network("lite"), dtype=torch.float16)
    weight = load_network(path).net.state_dict()["search.stem.conv.weight"]
    assert weight.dtype == torch.float32
    torch.testing.assert_close(
        weight, random_network("lite").state_dict()["search.stem.conv.weight"], rtol=1e-3, atol=1e-3
    )


def test_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match=r"no weights at .*none.safetensors"):
        load_network(tmp_path / "none.safetensors")


@pytest.mark.parametrize("cut", [0, 5, 1000])
def test_damaged_file(file, cut):
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(CheckpointError, match=r"expected a safetensors file"):
        load_network(file)


def test_foreign_safetensors_file(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"expected a checkpoint of format 'gradnet_ros/1', found None"):
        load_network(path)


def test_another_networks_file(file):
    with pytest.raises(CheckpointError, match=r"expected weights of network alexnet, found 'lite'"):
        load_network(file, "alexnet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("search.stem.conv.bias"), r"missing: search.stem.conv.bias \(1\)"),
        (lambda t: t.update(more=torch.zeros(1)), r"left over: more \(1\)"),
        (
            lambda t: t.update({"search.stem.conv.bias": torch.zeros(31)}),
            r"expected search.stem.conv.bias of shape \(32,\), found \(31,\)",
        ),
        (lambda t: t["search.stem.conv.bias"].fill_(torch.nan), "search.stem.conv.bias holds values"),
    ],
)
def test_tensors_that_do_not_fit(file, change, message):
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata())
    with pytest.raises(CheckpointError, match=message):
        load_network(file)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_settings_that_are_no_object(file, text):
    save_file(load_file(file), file, metadata(tracker=text))
    with pytest.raises(CheckpointError, match=r"expected (JSON|a JSON object) in metadata 'tracker'"):
        load_network(file)


def test_half_precision_keeps_what_it_cannot_hold(tmp_path):
    net = GradNet("alexnet")
    net.search.stem[1].running_var.fill_(1e6)
    save_network(tmp_path / "half.safetensors", net, dtype=torch.float16)
    read = load_network(tmp_path / "half.safetensors").net
    assert (read.search.stem[1].running_var == 1e6).all()
    assert load_file(tmp_path / "half.safetensors")["search.stem.0.weight"].dtype == torch.float16


@pytest.mark.parametrize("network", NETWORKS)
def test_weights_are_shipped_for_every_network(network):
    assert load_network(shipped_weights(network), network).net.spec.name == network


def test_networks_without_shipped_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr("gradnet_ros.nn.checkpoint.resources.files", lambda package: tmp_path)
    with pytest.raises(CheckpointError, match=r"no weights are shipped for network 'alexnet'"):
        shipped_weights("alexnet")
    with pytest.raises(CheckpointError, match=r"network must be one of alexnet, lite, got 'resnet'"):
        shipped_weights("resnet")
