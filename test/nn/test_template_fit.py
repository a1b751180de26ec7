"""Gains of a template's channels: what descent on them is, and what it does."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_ros.nn.correlation import cross_correlate
from gradnet_ros.nn.losses import centre_labels, logistic_loss
from gradnet_ros.nn.template_fit import FLOOR, RATE, channel_scores, fit_gains, fit_template
from support import random_network

OFFSETS = [(0.0, 0.0), (8.0, -12.0), (-9.0, 20.0), (16.0, 3.0)]
STRIDE, ADJUST = 8, (0.2, -1.5)


def random_case(seed=0, views=4, channels=10, cells=9, side=3):
    random = torch.Generator().manual_seed(seed)

    def noise(*shape):
        return torch.randn(shape, generator=random, dtype=torch.float64)

    return noise(views, channels, cells + side - 1, cells + side - 1), noise(1, channels, side, side)


def error(features, template, adjust=ADJUST):
    """The mean loss over the views."""
    scores = adjust[0] * cross_correlate(features, template) + adjust[1]
    labels = centre_labels(torch.tensor(OFFSETS), scores.shape[-1], STRIDE).to(scores.dtype)
    return logistic_loss(scores, labels) / len(features)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), views=st.integers(1, 4), channels=st.integers(1, 12))
def test_channels_add_up_to_the_score(seed, views, channels):
    features, template = random_case(seed, views, channels)
    scores = channel_scores(features, template)
    assert scores.shape == (views, channels, 9, 9)
    torch.testing.assert_close(scores.sum(1, keepdim=True), cross_correlate(features, template))


def test_the_steps_are_adams_on_the_gains():
    """Against torch's, with the gradient by autograd through the correlation."""
    features, template = random_case()
    moved = torch.zeros(1, 10, 1, 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([moved], lr=RATE, eps=FLOOR)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=6)
    for _ in range(6):
        optimiser.zero_grad()
        error(features, template * (1 + moved)).backward()
        optimiser.step()
        schedule.step()
    gains = fit_gains(channel_scores(features, template), OFFSETS, STRIDE, ADJUST, 6)
    torch.testing.assert_close(gains, 1 + moved.detach(), rtol=1e-6, atol=1e-9)
    assert (moved.abs() > 0.2).any()


@pytest.mark.parametrize("name", ["alexnet", "lite"])
@torch.no_grad()
def test_a_fitted_template_finds_its_target_better(name):
    net = random_network(name)
    random, spec = torch.Generator().manual_seed(0), net.spec
    crops = torch.rand(4, 3, spec.search_size, spec.search_size, generator=random) * 255
    features = net.search_features(crops)
    side = spec.template_size
    template = features[:1, :, 5 : 5 + side, 5 : 5 + side].clone() / side**2
    before = template.clone()
    adjust = float(net.adjust_scale), float(net.adjust_bias)
    errors = [float(error(features, template, adjust))]
    for steps in (1, 10, 40):
        fitted = fit_template(net, crops, template, OFFSETS, steps)
        errors.append(float(error(features, fitted, adjust)))
    assert errors == sorted(errors, reverse=True)
    assert errors[3] < 0.95 * errors[0]
    assert torch.equal(template, before)
    ratio = (fitted / template).flatten(2)
    torch.testing.assert_close(ratio, ratio[..., :1].expand_as(ratio), rtol=1e-3, atol=1e-3)
