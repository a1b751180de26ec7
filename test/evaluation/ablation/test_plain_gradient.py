"""Plain gradient descent on the template: the right gradient, a step that is safe, the tracker's protocol."""

from copy import deepcopy

import pytest
import torch

from gradnet_ros.evaluation.ablation.plain_gradient import PlainGradientTemplate, curvature_bound
from gradnet_ros.nn.correlation import cross_correlate
from gradnet_ros.nn.losses import centre_labels, logistic_loss
from support import random_network


@pytest.fixture(params=["lite", "alexnet"])
def net(request):
    return random_network(request.param)


@pytest.fixture
def lesson(net):
    torch.manual_seed(1)
    spec = net.spec
    f2 = net.target_features(torch.rand(1, 3, spec.exemplar_size, spec.exemplar_size) * 255)
    features = net.search_features(torch.rand(1, 3, spec.search_size, spec.search_size) * 255)
    return f2, features, centre_labels(torch.tensor([[16.0, -8.0]]), spec.response_size, spec.stride)


def loss_of(net, beta, features, labels):
    return logistic_loss(net.gradnet_logits(features, beta), labels)


def test_a_step_goes_along_autograds_gradient(net, lesson):
    net = deepcopy(net).double()  # beside alexnet's large beta a step is small
    f2, features, labels = (each.double() for each in lesson)
    beta = net.template(f2).requires_grad_()
    (gradient,) = torch.autograd.grad(loss_of(net, beta, features, labels), beta)
    gain = net.adjust_scale if net.spec.cosine else torch.tensor(1.0)
    step = 2.0 / curvature_bound(features, gain, net.spec.template_size)
    template = PlainGradientTemplate(net, f2, steps=1, factor=2.0)
    template.teach(features, labels, 1.0, False)
    torch.testing.assert_close(template.kernel, beta - step * gradient, rtol=1e-9, atol=1e-12)
    assert not torch.allclose(template.kernel, beta, rtol=1e-7, atol=1e-9)


def test_at_factor_one_every_further_step_lowers_the_samples_loss(net, lesson):
    f2, features, labels = lesson
    losses = [float(loss_of(net, net.template(f2), features, labels))]
    for steps in (1, 2, 8):
        template = PlainGradientTemplate(net, f2, steps, factor=1.0)
        template.teach(features, labels, 1.0, False)
        losses.append(float(loss_of(net, template.kernel, features, labels)))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 1e-4 * abs(losses[0])


@pytest.mark.parametrize("samples", [1, 5])
@pytest.mark.parametrize("gain", [0.3, 1.0, 20.0])
def test_the_bound_is_above_the_curvature(gain, samples):
    torch.manual_seed(0)
    features = torch.randn(1, 2, 7, 6, dtype=torch.float64).repeat(samples, 1, 1, 1)
    labels = torch.full((samples, 1, 5, 4), -1.0)
    labels[:, 0, 2, 1] = 1.0

    def loss(beta):
        return logistic_loss(gain * cross_correlate(features, beta.expand(samples, -1, -1, -1)), labels)

    hessian = torch.autograd.functional.hessian(loss, torch.zeros(1, 2, 3, 3, dtype=torch.float64))
    highest = float(torch.linalg.eigvalsh(hessian.reshape(18, 18)).max())
    bound = float(curvature_bound(features, torch.tensor(gain), 3))
    assert highest <= bound < 20 * highest


def test_the_running_template_and_the_first(net, lesson):
    f2, features, labels = lesson
    template = PlainGradientTemplate(net, f2, 2, 1.0)
    assert template.kernel is None
    template.teach(features, labels, 1.0, False)
    once = template.kernel
    template.teach(features, labels, 1.0, False)
    twice = template.kernel
    template.teach(features, labels, 0.0, False)
    torch.testing.assert_close(template.kernel, twice)
    template.teach(features, labels, 1.0, True)
    torch.testing.assert_close(template.kernel, once)
    assert not torch.equal(once, twice)


def test_no_steps_leave_the_template_where_it_starts(net, lesson):
    f2, features, labels = lesson
    template = PlainGradientTemplate(net, f2, 0, 1.0)
    template.teach(features, labels, 0.6, False)
    torch.testing.assert_close(template.kernel, net.template(f2), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("steps", "factor", "message"),
    [(-1, 1.0, "steps must be at least 0, got -1"), (1, 0.0, "factor must be above 0, got 0.0")],
)
def test_bounds(steps, factor, message):
    net = random_network("lite")
    with pytest.raises(ValueError, match=message):
        PlainGradientTemplate(net, torch.zeros(1, 40, 19, 19), steps, factor)
