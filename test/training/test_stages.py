"""What each stage trains, and template generalization."""

from functools import partial

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
    update_step(net, batch, 3).loss.backward()
    assert grown(net.target)
    assert grown(net.encoder)
    assert not grown(net.search)


def test_only_the_first_exemplar_makes_the_template(net, batch):
    """Template generalization: exemplars 2..k change nothing."""
    other = Batch(batch.exemplars.clone(), batch.searches, batch.offsets)
    other.exemplars[1:] = 0
    assert update_step(net, batch, 3).figures == update_step(net, other, 3).figures
    other.exemplars[0] = 0
    assert update_step(net, batch, 3).figures != update_step(net, other, 3).figures


def test_without_generalization_every_exemplar_counts(net, batch):
    other = Batch(batch.exemplars.clone(), batch.searches, batch.offsets)
    other.exemplars[2] = 0
    found = [update_step(net, b, 1).figures["before"] for b in (batch, other)]
    assert found[0] != found[1]


def test_groups_are_updates_of_their_own(net, batch):
    """Two groups of a batch give what two batches give."""
    both = update_step(net, batch, 2).figures
    parts = [
        Batch(batch.exemplars[part], batch.searches[part], batch.offsets[part])
        for part in (slice(0, 2), slice(2, 3))
    ]
    first, second = (update_step(net, part, 2).figures for part in parts)
    for name in ("before", "after", "ranking"):
        assert both[name] == pytest.approx((2 * first[name] + second[name]) / 3, rel=1e-4)
    with pytest.raises(ValueError, match="group_size must be at least 1, got 0"):
        update_step(net, batch, 0)


def test_training_can_learn_from_a_batch(net, batch):
    """A few steps on one batch lower both losses: the gradients point the right way."""
    steps = ((base_step, net.search.head), (partial(update_step, group_size=3), net.target.head))
    for step, parameters in steps:
        optimiser = torch.optim.Adam(parameters.parameters(), 1e-3)
        losses = []
        for _ in range(6):
            result = step(net, batch)
            optimiser.zero_grad()
            result.loss.backward()
            optimiser.step()
            losses.append(float(result.loss.detach()))
        assert losses[-1] < losses[0]
