"""What each stage trains, and template generalization."""

import pytest
import torch

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.pairs import Batch
from gradnet_ros.training.stages import base_step, update_step
from support import random_network


@pytest.fixture
def net():
    net = GradNet("lite")
    net.load_state_dict(random_network("lite").state_dict())
    return net


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return Batch(
        (torch.rand(3, 3, 145, 145) * 255).byte(),
        (torch.rand(3, 3, 241, 241) * 255).byte(),
        torch.tensor([[0.0, 0.0], [24.0, -16.0], [-40.0, 8.0]]),
    )


def grown(module):
    return any(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


def test_the_base_trains_the_search_trunk_and_the_adjustment(net, batch):
    result = base_step(net, batch)
    result.loss.backward()
    assert grown(net.search)
    assert net.adjust_scale.grad is not None
    assert not grown(net.target)
    assert not grown(net.encoder)
    assert set(result.figures) == {"logistic", "negatives", "ranking", "hit"}


def test_the_update_trains_target_and_encoder_only(net, batch):
    update_step(net, batch).loss.backward()
    assert grown(net.target)
    assert grown(net.encoder)
    assert not grown(net.search)


def test_only_the_first_exemplar_makes_the_template(net, batch):
    """Template generalization: exemplars 2..k change nothing."""
    other = Batch(batch.exemplars.clone(), batch.searches, batch.offsets)
    other.exemplars[1:] = 0
    assert update_step(net, batch).figures == update_step(net, other).figures
    other.exemplars[0] = 0
    assert update_step(net, batch).figures != update_step(net, other).figures


def test_without_generalization_every_exemplar_counts(net, batch):
    other = Batch(batch.exemplars.clone(), batch.searches, batch.offsets)
    other.exemplars[2] = 0
    found = [update_step(net, b, generalise=False).figures["before"] for b in (batch, other)]
    assert found[0] != found[1]


def test_training_can_learn_from_a_batch(net, batch):
    """A few steps on one batch lower both losses: the gradients point the right way."""
    for step, parameters in ((base_step, net.search.head), (update_step, net.target.head)):
        optimiser = torch.optim.Adam(parameters.parameters(), 1e-3)
        losses = []
        for _ in range(6):
            result = step(net, batch)
            optimiser.zero_grad()
            result.loss.backward()
            optimiser.step()
            losses.append(float(result.loss.detach()))
        assert losses[-1] < losses[0]
