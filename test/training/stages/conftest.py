"""What the stages' tests share: networks that may be changed, and batches of noise."""

import pytest
import torch

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.batch import Batch
from support import random_network


@pytest.fixture
def make_net():
    """A network of its own with the weights of :func:`support.random_network`."""

    def make(network="lite"):
        net = GradNet(network)
        net.load_state_dict(random_network(network).state_dict())
        return net.eval()

    return make


@pytest.fixture
def make_batch():
    """A batch of noise with targets on cells."""

    def make(count=3, views=1, network="lite", seed=0):
        spec = random_network(network).spec
        generator = torch.Generator().manual_seed(seed)

        def noise(*shape):
            return (torch.rand(*shape, generator=generator) * 255).byte()

        return Batch(
            noise(count, 3, spec.exemplar_size, spec.exemplar_size),
            20 + 60 * torch.rand(count, 2, generator=generator),
            noise(count, views, 3, spec.search_size, spec.search_size),
            8.0 * torch.randint(-5, 6, (count, views, 2), generator=generator),
            20 + 60 * torch.rand(count, views, 2, generator=generator),
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
        return Batch(
            batch.exemplars[part],
            batch.exemplar_sizes[part],
            batch.searches[part],
            batch.offsets[part],
            batch.sizes[part],
        )

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
