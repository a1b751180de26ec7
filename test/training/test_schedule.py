"""The learning rate rises, then falls; the average forgets its start."""

import pytest
import torch
from torch import nn

from gradnet_ros.training.schedule import moving_average, schedule


def test_schedule_rises_then_falls():
    values = [schedule(step, 100) for step in range(100)]
    assert values[0] == pytest.approx(0.5)
    assert max(values) == pytest.approx(1.0)
    assert values[2:] == sorted(values[2:], reverse=True)
    assert 0.01 <= values[-1] < 0.02


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_schedules_have_a_rate(steps):
    assert all(0 < schedule(step, steps) <= 1 for step in range(steps))


def constant(value):
    net = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    for tensor in (*net.parameters(), *net.buffers()):
        tensor.data.fill_(value)
    return net


def test_the_average_moves_by_its_decay():
    net = constant(0)
    average = moving_average(net, 0.75)
    average.update_parameters(net)
    for tensor in (*net.parameters(), *net.buffers()):
        tensor.data.fill_(1)
    expected = 0.0
    for count in range(1, 60):
        average.update_parameters(net)
        decay = min(0.75, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay)
        assert average.module[0].weight.item() == pytest.approx(expected)
        assert average.module[1].running_var.item() == pytest.approx(expected)
        assert average.module[1].num_batches_tracked.item() == 1
    assert expected > 0.99


def test_the_average_leaves_the_network_alone():
    net = constant(1)
    average = moving_average(net, 0.9)
    net[0].weight.data.fill_(5)
    average.update_parameters(net)
    average.update_parameters(constant(3))
    torch.testing.assert_close(net[0].weight.data, torch.tensor([[5.0]]))
