"""The loop trains, saves and averages."""

import pytest
import torch
from torch import nn

from gradnet_ros.nn.checkpoint import load_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.loop import LoopConfig, schedule, update_average
from gradnet_ros.training.recipe import group_sizes, train_base, train_update
from gradnet_ros.training.shards import open_shards
from support import random_network
from training.fixture_shards import write_shards


def test_schedule_rises_then_falls():
    values = [schedule(step, 100) for step in range(100)]
    assert values[0] == pytest.approx(0.5)
    assert max(values) == pytest.approx(1.0)
    assert values[2:] == sorted(values[2:], reverse=True)
    assert values[-1] < 0.02


def test_average_moves_by_its_decay():
    average, net = nn.Linear(1, 1), nn.Linear(1, 1)
    nn.init.zeros_(average.weight)
    nn.init.ones_(net.weight)
    update_average(average, net, 0.75)
    assert average.weight.item() == pytest.approx(0.25)


def test_group_sizes_go_from_the_batch_to_one():
    assert group_sizes(8) == [8, 4, 2, 1]
    assert group_sizes(1) == [1]


@pytest.mark.slow
def test_both_stages_run_save_and_change_what_they_should(tmp_path):
    write_shards(tmp_path)
    index = open_shards(tmp_path)
    net = GradNet("lite")
    net.load_state_dict(random_network("lite").state_dict())
    start = {name: value.clone() for name, value in net.state_dict().items()}
    config = LoopConfig("base", 2, batch_size=2, workers=0, save_every=1)
    base = train_base(net, index, config, tmp_path / "base.safetensors")
    saved = load_network(tmp_path / "base.safetensors")
    assert saved.training["step"] == 2
    state = saved.net.state_dict()
    assert (state["search.head.necks.0.weight"] != start["search.head.necks.0.weight"]).any()
    assert (state["search.stem.conv.weight"] == start["search.stem.conv.weight"]).all()
    # The target's trunk starts stage 2 as a copy of the trained search trunk.
    for name, value in base.search.state_dict().items():
        torch.testing.assert_close(base.target.state_dict()[name], value, rtol=0, atol=0)

    config = LoopConfig("update", 2, batch_size=2, workers=0)
    before = {name: value.clone() for name, value in base.state_dict().items()}
    full = train_update(base, index, config, tmp_path / "lite.safetensors").state_dict()
    assert (full["encoder.first.weight"] != before["encoder.first.weight"]).any()
    for name in before:
        if name.startswith(("search.", "adjust")):
            assert (full[name] == before[name]).all(), name
