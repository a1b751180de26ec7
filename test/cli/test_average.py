"""``gradnet average``: the mean of every tensor, and what made them."""

from copy import deepcopy

import pytest
import torch

from gradnet_ros.cli.main import main
from gradnet_ros.nn.checkpoint import load_network, save_network
from support import random_network


def write(path, network="lite", shift=0.0, unshared=False, **of):
    net = deepcopy(random_network(network))
    if unshared:
        net.unshare_head()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(shift)
    save_network(path, net, **of)
    return str(path)


def test_every_tensor_is_the_mean_and_settings_are_the_firsts(tmp_path, capsys):
    output = tmp_path / "mean.safetensors"
    files = [
        write(tmp_path / "a.safetensors", tracker={"scale_step": 1.05}, training={"stage": "a"}),
        write(tmp_path / "b.safetensors", shift=0.3, tracker={"scale_step": 1.1}, training={"stage": "b"}),
        write(tmp_path / "c.safetensors", shift=0.6),
    ]
    assert main(["average", *files, "-o", str(output)]) == 0
    assert f"wrote {output}" in capsys.readouterr().out
    mean = load_network(output)
    assert mean.tracker == {"scale_step": 1.05}
    assert mean.training == {"average": [{"stage": "a"}, {"stage": "b"}, {}]}
    states = [load_network(tmp_path / f"{name}.safetensors").net.state_dict() for name in "abc"]
    for name, value in mean.net.state_dict().items():
        torch.testing.assert_close(value, (states[0][name] + states[1][name] + states[2][name]) / 3)
        assert "adjust" not in name or float(value - states[0][name]) == pytest.approx(0.3, abs=1e-5)


def test_a_u1_of_its_own_and_batch_norms_counters_are_kept(tmp_path):
    output = tmp_path / "mean.safetensors"
    files = [write(tmp_path / f"{n}.safetensors", "alexnet", 0.1 * n, unshared=True) for n in range(2)]
    assert main(["average", *files, "-o", str(output)]) == 0
    assert load_network(output).net.updated_head is not None


@pytest.mark.parametrize("other", [{"network": "alexnet"}, {"unshared": True}], ids=str)
def test_files_of_different_networks_are_refused(tmp_path, capsys, other):
    files = [write(tmp_path / "a.safetensors"), write(tmp_path / "b.safetensors", **other)]
    assert main(["average", *files, "-o", str(tmp_path / "mean.safetensors")]) == 2
    assert "expected checkpoints of one network" in capsys.readouterr().err
    assert not (tmp_path / "mean.safetensors").exists()


def test_one_file_is_refused(tmp_path, capsys):
    file = write(tmp_path / "a.safetensors")
    assert main(["average", file, "-o", str(tmp_path / "mean.safetensors")]) == 2
    assert "give at least two checkpoints, got 1" in capsys.readouterr().err
