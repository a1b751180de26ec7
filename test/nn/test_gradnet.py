"""Geometry of both networks, and the gradient step against finite differences."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.nn.correlation import cross_correlate
from gradnet_ros.nn.gradnet import INNER_GRADIENTS, NETWORKS, GradNet
from gradnet_ros.nn.losses import centre_labels, logistic_loss
from support import need_weights, random_network, texture


def double_network(network):
    """The random network in double precision, where differences can be trusted."""
    net = GradNet(network).double().eval().requires_grad_(False)
    net.load_state_dict(
        {name: value.double() for name, value in random_network(network).state_dict().items()}
    )
    return net


@pytest.mark.parametrize("network", NETWORKS)
def test_every_size_is_what_the_spec_says(network):
    net = random_network(network)
    spec = net.spec
    exemplar = torch.rand(1, 3, spec.exemplar_size, spec.exemplar_size) * 255
    search = torch.rand(2, 3, spec.search_size, spec.search_size) * 255
    features = net.search_features(search)
    template = net.fixed_template(exemplar)
    f2 = net.target_features(exemplar)
    assert features.shape[:2] == (2, spec.channels)
    assert template.shape == (1, spec.channels, spec.template_size, spec.template_size)
    assert f2.shape[:2] == (1, spec.stem_channels)
    assert net.template(f2).shape == template.shape
    scores = net.gradnet_logits(features, net.template(f2))
    assert scores.shape == (2, 1, spec.response_size, spec.response_size)


def test_the_papers_layer_table():
    net = random_network("alexnet")
    assert net.target_features(torch.rand(1, 3, 127, 127)).shape[-1] == 12
    assert net.search.stem(torch.rand(1, 3, 255, 255)).shape[-1] == 28
    assert net.search_features(torch.rand(1, 3, 255, 255)).shape[-1] == 22
    assert net.search_features(torch.rand(1, 3, 239, 239)).shape[-1] == 20  # score 15x15 in training
    assert sum(p.numel() for p in net.search.parameters()) == pytest.approx(2.34e6, rel=0.01)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(5.26e6, rel=0.01)


def test_alexnet_moves_by_one_cell_a_stride():
    net = random_network("alexnet")
    scene = torch.rand(1, 3, 255, 263) * 255
    first, second = net.search_features(scene[..., :255]), net.search_features(scene[..., 8:])
    torch.testing.assert_close(second[..., :-1], first[..., 1:], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (0, -3), (-4, 4)])
def test_lite_finds_a_place_to_the_cell(down, right):
    need_weights()
    net = load_network(shipped_weights("lite")).net
    spec = net.spec
    scene = torch.from_numpy(texture(np.random.default_rng(0), 400, 400, 12)).permute(2, 0, 1)[None].float()

    def cut(size, x, y):
        half = size // 2
        return scene[..., y - half : y + half + 1, x - half : x + half + 1]

    template = net.fixed_template(cut(spec.exemplar_size, 200, 200))
    region = cut(spec.search_size, 200 - spec.stride * right, 200 - spec.stride * down)
    scores = cross_correlate(net.search_features(region), template)[0, 0]
    middle = spec.response_size // 2
    assert divmod(int(scores.argmax()), spec.response_size) == (middle + down, middle + right)


@pytest.mark.parametrize("gradient", INNER_GRADIENTS)
@pytest.mark.parametrize("network", NETWORKS)
def test_inner_gradient_against_finite_differences(network, gradient):
    net = double_network(network)
    spec = net.spec
    torch.manual_seed(0)
    exemplar = torch.rand(1, 3, spec.exemplar_size, spec.exemplar_size, dtype=torch.float64) * 255
    search = torch.rand(1, 3, spec.search_size, spec.search_size, dtype=torch.float64) * 255
    features, f2 = net.search_features(search), net.target_features(exemplar)
    labels = centre_labels(torch.zeros(1, 2), spec.response_size, spec.stride)
    update = net.update_template(f2, features, labels, gradient=gradient)

    def loss(target):
        return float(logistic_loss(net.gradnet_logits(features, net.template(target)), labels))

    assert float(update.loss) == pytest.approx(loss(f2))
    for seed in range(3):
        direction = torch.randn(f2.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        step = 1e-5
        slope = (loss(f2 + step * direction) - loss(f2 - step * direction)) / (2 * step)
        along = float((update.gradient * direction).sum())
        assert slope == pytest.approx(along, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("network", NETWORKS)
def test_update_is_the_papers_equations(network):
    net = double_network(network)
    spec = net.spec
    f2 = net.target_features(torch.rand(1, 3, spec.exemplar_size, spec.exemplar_size).double() * 255)
    features = net.search_features(torch.rand(2, 3, spec.search_size, spec.search_size).double() * 255)
    labels = centre_labels(torch.zeros(2, 2), spec.response_size, spec.stride)
    update = net.update_template(f2, features, labels)
    torch.testing.assert_close(update.h2, f2 + net.encoder(net.gradient_scale * update.gradient))
    torch.testing.assert_close(update.beta, net.template(update.h2))
    assert not update.h2.requires_grad
    # The inner gradient is the sum over the regions (template generalization).
    parts = [net.update_template(f2, features[i : i + 1], labels[i : i + 1]).gradient for i in range(2)]
    torch.testing.assert_close(update.gradient, parts[0] + parts[1], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_template_kept_with_its_way_back_serves_the_next_step(network):
    net, spec = random_network(network), random_network(network).spec
    side = spec.response_size + spec.template_size - 1
    labels = centre_labels(torch.zeros(1, 2), spec.response_size, spec.stride)
    f2 = net.target_features(torch.rand(1, 3, spec.exemplar_size, spec.exemplar_size) * 255)
    template = net.linked_template(f2)
    for _ in range(2):
        features = torch.rand(1, spec.channels, side, side)
        step = net.update_feature(f2, template, features, labels)
        update = net.update_template(f2, features, labels)
        for name, value in step._asdict().items():
            # Correlation takes another way where no gradient is recorded: equal up to rounding.
            torch.testing.assert_close(value, getattr(update, name), rtol=1e-3, atol=1e-5)
        f2 = torch.lerp(f2, step.h2, 0.6)
        template = net.linked_template(f2)
        assert torch.equal(template.output, net.template(f2))


@pytest.mark.parametrize("gradient", INNER_GRADIENTS)
def test_training_reaches_u2_and_f2_through_the_gradient(gradient):
    net = GradNet("lite")
    net.load_state_dict(random_network("lite").state_dict())
    spec = net.spec
    f2 = net.target_features(torch.rand(1, 3, spec.exemplar_size, spec.exemplar_size) * 255)
    with torch.no_grad():
        features = net.search_features(torch.rand(2, 3, spec.search_size, spec.search_size) * 255)
    labels = centre_labels(torch.zeros(2, 2), spec.response_size, spec.stride)
    update = net.update_template(f2, features, labels, create_graph=True, gradient=gradient)
    logistic_loss(net.gradnet_logits(features, update.beta), labels).backward()
    for part in (net.target.stem, net.target.head, net.encoder):
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    assert all(p.grad is None for p in net.search.parameters())


def test_unknown_network_is_refused():
    with pytest.raises(ValueError, match="network must be one of alexnet, lite, got 'resnet'"):
        GradNet("resnet")


@pytest.mark.parametrize("gradient", INNER_GRADIENTS)
def test_no_graph_is_kept_unless_asked_for(gradient):
    net = deepcopy(random_network("alexnet")).requires_grad_(True)
    f2 = torch.rand(1, 256, 12, 12, requires_grad=True)
    labels = centre_labels(torch.zeros(1, 2), 17, 8)
    update = net.update_template(f2, torch.rand(1, 256, 22, 22), labels, gradient=gradient)
    assert not any(value.requires_grad for value in (update.h2, update.gradient, update.loss))


def test_unknown_inner_gradient_is_refused():
    net = random_network("lite")
    with pytest.raises(ValueError, match="gradient must be one of autograd, closed_form, got 'numeric'"):
        net.update_template(torch.zeros(1), torch.zeros(1), torch.zeros(1), gradient="numeric")


def test_lite_encoder_answers_nothing_with_nothing_and_bounds_the_rest():
    encoder = random_network("lite").encoder
    gradient = torch.randn(1, 232, 19, 19, generator=torch.Generator().manual_seed(0))
    assert encoder(torch.zeros_like(gradient)).abs().max() == 0
    small, large = encoder(1e-3 * gradient), encoder(1e3 * gradient)
    assert small.abs().max() < 0.05 * encoder(gradient).abs().max()
    torch.testing.assert_close(large, encoder(1e6 * gradient), rtol=1e-3, atol=1e-4)
    assert large.abs().max() <= encoder.reach.abs().max()
