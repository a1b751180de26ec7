"""Convolutions with fewer multiplications give what PyTorch's give."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gradnet_ros.engines.winograd import RowWinograd, with_fewer_products
from support import random_network


def products(module, *inputs):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*inputs)
    return counter.get_total_flops() / 2


@settings(deadline=None, max_examples=40)
@given(
    kernel=st.integers(2, 7),
    groups=st.integers(1, 3),
    count=st.integers(1, 3),
    more=st.tuples(st.integers(0, 13), st.integers(0, 13)),
    bias=st.booleans(),
)
def test_a_convolution_of_any_size_is_pytorchs(kernel, groups, count, more, bias):
    torch.manual_seed(kernel)
    conv = nn.Conv2d(2 * groups, 3 * groups, kernel, groups=groups, bias=bias).requires_grad_(False)
    images = torch.randn(count, 2 * groups, kernel + more[0], kernel + more[1])
    mine = RowWinograd(conv)(images)
    its = conv.double()(images.double())
    assert mine.shape == its.shape
    # The worst of thousands of sums, each of a few hundred terms of size one.
    torch.testing.assert_close(mine.double(), its, rtol=0, atol=1e-4 * float(its.abs().max()))


@pytest.mark.parametrize(("kernel", "ratio"), [(3, 6 * 3 / 8), (5, 4 * 5 / 8)])
def test_it_takes_fewer_products(kernel, ratio):
    conv = nn.Conv2d(64, 64, kernel)
    images = torch.zeros(1, 64, 24 + kernel - 1, 40)  # 24 rows come out: whole tiles
    assert products(conv, images) / products(RowWinograd(conv), images) == pytest.approx(ratio)


def test_alexnet_answers_the_same_with_less_work():
    net = random_network("alexnet").requires_grad_(False)
    fast = with_fewer_products(net)
    assert not any(isinstance(module, RowWinograd) for module in net.modules())  # it was left as it was
    crops = torch.rand(2, 3, 255, 255, generator=torch.Generator().manual_seed(0)) * 255
    its, mine = net.search(crops), fast.search(crops)
    torch.testing.assert_close(mine, its, rtol=0, atol=1e-4 * float(its.std()))
    assert products(fast.search, crops) < 0.6 * products(net.search, crops)


def test_a_network_without_such_convolutions_is_left_alone():
    net = random_network("lite")
    assert with_fewer_products(net) is net
