"""Work against counts made by hand."""

import pytest
import torch
from torch import nn

from gradnet_ros.bench.arithmetic import Operation, Work, count_work
from gradnet_ros.bench.ceilings import Ceilings
from support import random_network

FLOAT = 4


def test_a_convolution():
    layer = nn.Conv2d(8, 16, 3, padding=1, groups=4).requires_grad_(False)
    maps = torch.zeros(2, 8, 10, 12)
    work = count_work(lambda: layer(maps))
    outputs, weights = 2 * 16 * 10 * 12, 16 * 2 * 9 + 16
    assert work.flops == 2 * outputs * 2 * 9
    assert work.bytes == FLOAT * (maps.numel() + weights + outputs)
    assert work.source_bytes == FLOAT * (maps.numel() + weights)


def test_what_was_made_before_is_no_source_and_a_view_costs_nothing():
    maps, weight = torch.ones(64), torch.ones(64)
    work = count_work(lambda: (maps * weight).view(8, 8).t().sum())
    assert work.source_bytes == FLOAT * 128
    assert [operation.bytes for operation in work.operations] == [FLOAT * 192, FLOAT * 65]


def test_what_is_only_written_is_not_read():
    source, target = torch.ones(32), torch.empty(32)
    work = count_work(lambda: target.copy_(source))
    assert work.source_bytes == FLOAT * 32
    assert work.bytes == FLOAT * 64


def test_a_pass_of_the_papers_network_over_three_scales():
    net = random_network("alexnet")
    images = torch.zeros(3, 3, 255, 255)
    with torch.no_grad():
        work = count_work(lambda: net.search(images))
    assert work.flops / 2e9 == pytest.approx(8.17, rel=0.005)  # layer by layer: 3 x 2.72 GMAC
    weights = sum(each.numel() for each in net.search.parameters())
    assert work.source_bytes == pytest.approx(FLOAT * (weights + images.numel()), rel=0.02)


def test_floors():
    ceilings = Ceilings(flops=100.0, cache_bytes=10.0, memory_bytes=1.0)
    work = Work((Operation("a", 200, 5), Operation("b", 0, 30)), source_bytes=4)
    assert work.floor(ceilings) == 4.0  # memory
    assert work.layered_floor(ceilings) == 2.0 + 3.0
    work = Work((Operation("a", 500, 5),), source_bytes=4)
    assert work.floor(ceilings) == 5.0  # arithmetic
