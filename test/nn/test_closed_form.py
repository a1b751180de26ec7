"""The closed-form inner gradient against autograd, first and second order, and its pieces one by one."""

from copy import deepcopy
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.nn.closed_form import (
    box_iou_gradient,
    logistic_loss_gradient,
    normalise,
    template_gradient,
    template_vjp,
    vjp,
)
from gradnet_ros.nn.correlation import cross_correlate
from gradnet_ros.nn.gradnet import NETWORKS
from gradnet_ros.nn.losses import box_iou_loss, logistic_loss
from support import need_weights, random_network

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-9}
"""Largest difference, relative to the largest entry."""
WEIGHTS = [("lite", "random"), ("lite", "shipped"), ("alexnet", "random"), ("alexnet", "shipped")]


def assert_close(found, expected, name, scale=None):
    largest = scale or float(expected.abs().max())
    worst = float((found - expected).abs().max())
    assert worst <= TOLERANCE[expected.dtype] * largest, f"{name}: off by {worst / largest:.1e}"


@cache
def trainable(network, weights, dtype):
    """A network to take gradients of; do not change it."""
    if weights == "shipped":
        need_weights(network)
        net = load_network(shipped_weights(network)).net
    else:
        net = random_network(network)
    return deepcopy(net).to(dtype).requires_grad_(True)


def case(net, k, seed=0, positives=0.05, spread=1.0, response=None):
    """A target feature, k search regions and labels for ``net``; all random, the feature a real one."""
    spec, dtype = net.spec, net.adjust_scale.dtype
    response = response or spec.response_size
    random = torch.Generator().manual_seed(seed)
    side = response + spec.template_size - 1
    exemplar = torch.rand(1, 3, spec.exemplar_size, spec.exemplar_size, generator=random) * 255
    with torch.no_grad():
        f2 = net.target_features(exemplar.to(dtype))
    features = torch.randn(k, spec.channels, side, side, generator=random).to(dtype)
    features = spread * (functional.normalize(features, dim=1) if spec.cosine else 0.1 * features)
    labels = torch.where(torch.rand(k, 1, response, response, generator=random) < positives, 1.0, -1.0)
    return f2.requires_grad_(), features.requires_grad_(), labels


def both_orders(net, f2, features, labels, gradient):
    """The inner gradient, and the gradient of a function of it with respect to all that it is made of."""
    g = net.update_template(f2, features, labels, create_graph=True, gradient=gradient).gradient
    probe = torch.randn(g.shape, generator=torch.Generator().manual_seed(1)).to(g.dtype)
    unit = g / (1e-30 + g.detach().abs().max())
    function = (unit * probe).sum() + (unit**2).sum()
    made_of = {"f2": f2, "search features": features}
    made_of |= {n: p for n, p in net.target.named_parameters() if not n.startswith("stem.")}
    if net.spec.cosine:
        made_of |= {"adjust_scale": net.adjust_scale, "adjust_bias": net.adjust_bias}
    # Some cannot matter: the bias of the last convolution, when all logits are far from zero.
    found = torch.autograd.grad(function, made_of.values(), allow_unused=True, materialize_grads=True)
    return {"inner gradient": g.detach(), **dict(zip(made_of, found, strict=True))}


def compare(net, *inputs):
    expected = both_orders(net, *inputs, "autograd")
    found = both_orders(net, *inputs, "closed_form")
    for name, value in expected.items():
        assert_close(found[name], value, name)
    return expected


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("k", [1, 2, 8])
@pytest.mark.parametrize(("network", "weights"), WEIGHTS)
def test_both_orders_equal_autograd(network, weights, k, dtype):
    net = trainable(network, weights, dtype)
    expected = compare(net, *case(net, k))
    assert all(value.any() for value in expected.values())  # nothing was compared with nothing


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    network=st.sampled_from(NETWORKS),
    k=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
    positives=st.sampled_from([0.0, 0.01, 0.5, 1.0]),
    spread=st.floats(0.01, 30.0),
)
def test_both_orders_equal_autograd_for_any_labels_and_features(network, k, seed, positives, spread):
    net = trainable(network, "random", torch.float64)
    compare(net, *case(net, k, seed, positives, spread, response=7))


def test_batch_statistics_are_differentiated_too():
    net = deepcopy(trainable("alexnet", "random", torch.float64)).train()
    inputs = case(net, 2)
    expected = both_orders(net, *inputs, "autograd")
    found = both_orders(net, *inputs, "closed_form")
    scale = max(float(value.abs().max()) for value in expected.values())
    for name, value in expected.items():
        # Before a batch norm a bias does nothing: its gradient is rounding errors.
        nothing = name in ("head.0.bias", "head.3.bias")
        assert_close(found[name], value, name, scale=scale if nothing else None)


@pytest.mark.parametrize("network", NETWORKS)
def test_memory_layout_does_not_matter(network):
    net = deepcopy(trainable(network, "random", torch.float32)).to(memory_format=torch.channels_last)
    f2, features, labels = case(net, 2)
    last = features.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    compare(net, f2, last, labels)


@pytest.mark.parametrize(("network", "weights"), WEIGHTS)
def test_forward_is_the_heads_own(network, weights):
    net = trainable(network, weights, torch.float32)
    f2, _, _ = case(net, 1)
    assert torch.equal(vjp(net.target.head, f2).output, net.target.head(f2))
    assert torch.equal(template_vjp(net.target, f2).output, net.template(f2))


@pytest.mark.parametrize("network", NETWORKS)
def test_tracking_needs_no_autograd(network):
    net = trainable(network, "random", torch.float32)
    f2, features, labels = case(net, 1)
    expected = net.update_template(f2, features, labels, gradient="autograd")
    with torch.inference_mode():
        inputs = f2.detach().clone(), features.detach().clone(), labels
        update = net.update_template(*inputs)
        assert update.gradient.is_inference()
        with pytest.raises(RuntimeError):
            net.update_template(*inputs, gradient="autograd")
    for name, value in expected._asdict().items():
        assert_close(getattr(update, name), value.detach(), name)


# --- the pieces ---


def assert_goes_back(function, linked, inputs, parameters=()):
    """Output, pullback and the pullback's own gradients equal autograd's."""
    inputs = inputs.double().requires_grad_()
    expected, (output, pullback) = function(inputs), linked(inputs)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
    random = torch.Generator().manual_seed(0)
    gradient = torch.randn(output.shape, generator=random, dtype=torch.float64).requires_grad_()
    (by_autograd,) = torch.autograd.grad(expected, inputs, gradient, create_graph=True)
    found = pullback(gradient)
    torch.testing.assert_close(found, by_autograd, rtol=1e-9, atol=1e-12)
    made_of = (inputs, gradient, *parameters)
    probe = torch.randn(found.shape, generator=random, dtype=torch.float64)
    second = [
        torch.autograd.grad((value * probe).sum(), made_of, allow_unused=True, materialize_grads=True)
        for value in (found, by_autograd)
    ]
    for one, other in zip(*second, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


def random_batch(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    groups=st.integers(1, 3),
    per_group=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 1)),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
    size=st.tuples(st.integers(5, 8), st.integers(5, 8)),
)
def test_convolution(seed, groups, per_group, kernel, stride, padding, dilation, bias, size):
    inputs, outputs = (groups * count for count in per_group)
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias, dtype=torch.float64)
    batch = random_batch(seed, 2, inputs, *size)
    assert_goes_back(layer, lambda x: vjp(layer, x), batch, [layer.weight])


def test_rectifiers_also_where_they_bend():
    layer = nn.ReLU()
    batch = random_batch(0, 2, 3, 5, 5)
    batch[0, 0, 0, 0] = 0.0
    assert_goes_back(layer, lambda x: vjp(layer, x), batch)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_batch_norm(training, affine):
    layer = nn.BatchNorm2d(3, eps=1e-3, affine=affine, dtype=torch.float64)
    layer.running_mean.copy_(torch.tensor([0.5, -1.0, 2.0]))
    layer.running_var.copy_(torch.tensor([0.1, 1.0, 7.0]))
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    layer.train(training)
    weight = [layer.weight] if affine else []
    assert_goes_back(layer, lambda x: vjp(layer, x), random_batch(0, 1, 3, 4, 5), weight)


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_group_norm(groups, layout):
    layer = nn.GroupNorm(groups, 6, dtype=torch.float64)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    batch = random_batch(0, 2, 6, 4, 5).contiguous(memory_format=layout)
    assert_goes_back(layer, lambda x: vjp(layer, x), batch, [layer.weight])


def test_running_statistics_are_counted_once():
    layer = nn.BatchNorm2d(3)
    vjp(layer, torch.randn(1, 3, 4, 4))
    assert layer.num_batches_tracked == 1


def test_unit_length():
    assert_goes_back(lambda x: functional.normalize(x, dim=1), normalise, random_batch(0, 2, 3, 4, 4))


def test_unit_length_of_nothing():
    batch = random_batch(0, 1, 3, 2, 2)
    batch[0, :, 0, 0] = 0.0
    batch.requires_grad_()
    gradient = random_batch(1, 1, 3, 2, 2)
    (expected,) = torch.autograd.grad(functional.normalize(batch, dim=1), batch, gradient)
    found = normalise(batch).pullback(gradient)
    torch.testing.assert_close(found, expected)
    # Autograd's own second order is not a number here.
    (second,) = torch.autograd.grad(found.square().sum(), batch)
    assert second.isfinite().all()


def test_layers_in_a_row():
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 2, 1))).double()
    assert_goes_back(layers, lambda x: vjp(layers, x), random_batch(0, 2, 3, 6, 6), [layers[0].weight])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    spread=st.floats(0.1, 2.0),
    offset=st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
    size=st.tuples(st.floats(3, 60), st.floats(3, 60)),
)
def test_box_iou_gradient(seed, spread, offset, size):
    """Boxes that overlap, lie inside, around and clear of the target."""
    edges = (20.0 * (spread * random_batch(seed, 2, 4, 7, 7)).exp()).requires_grad_()
    offsets, sizes = (torch.tensor([each, each[::-1]], dtype=torch.float64) for each in (offset, size))
    loss, _ = box_iou_loss(edges, offsets, sizes, 8)
    (expected,) = torch.autograd.grad(loss, edges)
    found = box_iou_gradient(edges.detach(), offsets, sizes, 8)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert found.any()


@pytest.mark.parametrize("k", [1, 3])
def test_template_gradient(k):
    template = random_batch(0, 1, 4, 3, 2).requires_grad_()
    features, errors = random_batch(1, k, 4, 7, 8), random_batch(2, k, 1, 5, 7)
    (expected,) = torch.autograd.grad(cross_correlate(features, template), template, errors)
    torch.testing.assert_close(template_gradient(features, errors), expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), positives=st.floats(0.0, 1.0), spread=st.floats(0.01, 100.0))
def test_logistic_loss_gradient(seed, positives, spread):
    scores = (spread * random_batch(seed, 2, 1, 5, 6)).requires_grad_()
    labels = torch.where(random_batch(seed + 1, 2, 1, 5, 6).sigmoid() < positives, 1.0, -1.0)
    (expected,) = torch.autograd.grad(logistic_loss(scores, labels), scores)
    torch.testing.assert_close(logistic_loss_gradient(scores, labels), expected, rtol=1e-12, atol=1e-15)


def test_layers_that_nobody_knows_are_refused():
    with pytest.raises(TypeError, match="no closed-form gradient for layers of type Tanh"):
        vjp(nn.Tanh(), torch.zeros(1, 1, 1, 1))
    for layer in (nn.Conv2d(1, 1, 3, padding="same"), nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")):
        with pytest.raises(TypeError, match="no closed-form gradient for a convolution padded by"):
            vjp(layer, torch.zeros(1, 1, 5, 5))
