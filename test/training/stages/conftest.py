"""What the stages' tests share: networks that may be changed, and batches of made pictures."""

from dataclasses import fields

import pytest
import torch
from torch import nn
from torch.nn import functional

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.batch import Batch
from support import random_network


@pytest.fixture
def make_net():
    """A network of its own with random weights, to be changed at will."""

    def make(network="lite"):
        net = GradNet(network)
        net.load_state_dict(random_network(network).state_dict())
        torch.manual_seed(1)
        for trunk in (net.search, net.target):
            for module in trunk.modules():
                # PyTorch's own start is so small that all pictures look alike to a deep trunk.
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        return net.eval()

    return make


@pytest.fixture
def make_batch():
    """A batch of random textures with targets on cells."""

    def make(count=3, views=1, network="lite", seed=0, rehearsals=0):
        spec = random_network(network).spec
        generator = torch.Generator().manual_seed(seed)

        def pictures(number, side):
            # Fine noise looks alike to a random network wherever it is.
            coarse = 255 * torch.rand(number, 3, 9, 9, generator=generator)
            return functional.interpolate(coarse, (side, side), mode="bilinear").byte()

        def crops(number):
            return (
                pictures(count * number, spec.search_size).unflatten(0, (count, number)),
                8.0 * torch.randint(-5, 6, (count, number, 2), generator=generator),
                20 + 60 * torch.rand(count, number, 2, generator=generator),
            )

        return Batch(
            pictures(count, spec.exemplar_size),
            20 + 60 * torch.rand(count, 2, generator=generator),
            *crops(views),
            torch.arange(count),
            *(crops(rehearsals) if rehearsals else (torch.empty(count, 0),) * 3),
        )

    return make


@pytest.fixture
def grown():
    """Whether any parameter of a module has a gradient that is not zero."""

    def test(module):
        return any(p.grad is not None and bool(p.grad.any()) for p in module.parameters())

    return test


@pytest.fixture
def part_of():
    """Some samples of a batch."""

    def take(batch, start, stop):
        part = slice(start, stop)
        return Batch(*(getattr(batch, field.name)[part] for field in fields(Batch)))

    return take


@pytest.fixture
def train():
    """Results of some of the optimiser's steps on one batch, as the loop takes them."""

    def run(stage, net, batch, steps, learning_rate):
        groups = [{"rate": 1.0, **group} for group in stage.prepare(net)]
        stage.set_mode(net)
        for group in groups:
            group["lr"] = learning_rate * group["rate"]
        optimiser = torch.optim.AdamW(groups, weight_decay=1e-4)
        results = []
        for _ in range(steps):
            result = stage.step(net, batch, 0)
            optimiser.zero_grad()
            result.loss.backward()
            optimiser.step()
            results.append(result)
        return results

    return run
