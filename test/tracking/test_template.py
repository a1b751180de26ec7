"""The adaptive template takes the paper's step, and keeps it apart from what it starts from."""

import pytest
import torch

from gradnet_ros.nn.losses import centre_labels
from gradnet_ros.tracking.template import GradientGuidedTemplate
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
    return f2, features, centre_labels(torch.zeros(1, 2), spec.response_size, spec.stride)


def test_there_is_no_template_before_the_first_step(net, lesson):
    assert GradientGuidedTemplate(net, lesson[0]).kernel is None


def test_a_step_is_the_papers_update_and_the_running_mean(net, lesson):
    f2, features, labels = lesson
    template = GradientGuidedTemplate(net, f2)
    template.teach(features, labels, 1.0, False)
    first = net.update_template(f2, features, labels, gradient="autograd")
    torch.testing.assert_close(template.kernel, first.beta, rtol=1e-4, atol=1e-5)
    template.teach(features, labels, 0.6, False)
    second = net.update_template(first.h2, features, labels, gradient="autograd")
    hidden = 0.4 * first.h2 + 0.6 * second.h2
    torch.testing.assert_close(template.kernel, net.template(hidden), rtol=1e-4, atol=1e-5)


def test_from_the_first_feature_the_same_frame_teaches_the_same_again(net, lesson):
    f2, features, labels = lesson
    template = GradientGuidedTemplate(net, f2)
    template.teach(features, labels, 1.0, True)
    once = template.kernel
    template.teach(features, labels, 1.0, True)
    torch.testing.assert_close(template.kernel, once)
    template.teach(features, labels, 1.0, False)
    assert not torch.allclose(template.kernel, once)
