"""U1 of the updated template, not shared: where gradients go, what checkpoints keep, what stays as it was."""

from copy import deepcopy

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from gradnet_ros.nn.checkpoint import CheckpointError, load_network, save_network
from gradnet_ros.nn.losses import centre_labels
from gradnet_ros.tracking.template import GradientGuidedTemplate
from gradnet_ros.training.batch import Batch
from gradnet_ros.training.stages.update import UpdateStage
from support import random_network


@pytest.fixture(params=["lite", "alexnet"])
def net(request):
    """A network whose second head differs from the first."""
    net = deepcopy(random_network(request.param))
    net.unshare_head()
    with torch.no_grad():
        for parameter in net.updated_head.parameters():
            parameter.mul_(1.2)
    return net


@pytest.fixture
def lesson(net):
    torch.manual_seed(1)
    spec = net.spec
    f2 = net.target_features(torch.rand(1, 3, spec.exemplar_size, spec.exemplar_size) * 255)
    features = net.search_features(torch.rand(1, 3, spec.search_size, spec.search_size) * 255)
    return f2, features, centre_labels(torch.zeros(1, 2), spec.response_size, spec.stride)


def metadata_of(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


@pytest.mark.parametrize("gradient", ["closed_form", "autograd"])
def test_gradients_reach_the_second_head_only_through_the_updated_template(net, lesson, gradient):
    net.requires_grad_(True)
    second = list(net.updated_head.parameters())
    update = net.update_template(*lesson, create_graph=True, gradient=gradient)
    # The cells' weights, or for alexnet every layer but those whose ReLUs are all shut.
    reached = torch.autograd.grad(update.beta.square().sum(), second, retain_graph=True, allow_unused=True)
    assert any(each is not None and each.abs().sum() > 0 for each in reached)
    for value in (update.h2, update.gradient, update.loss):
        others = torch.autograd.grad(value.square().sum(), second, retain_graph=True, allow_unused=True)
        assert all(each is None for each in others)


def test_the_second_head_changes_nothing_but_the_updated_template(net, lesson):
    shared = deepcopy(net)
    shared.updated_head = None
    own, other = net.update_template(*lesson), shared.update_template(*lesson)
    torch.testing.assert_close(own.h2, other.h2)
    torch.testing.assert_close(own.gradient, other.gradient)
    assert not torch.allclose(own.beta, other.beta, rtol=1e-3)
    torch.testing.assert_close(other.beta, shared.template(other.h2))


def test_before_training_the_second_head_is_the_first():
    net = deepcopy(random_network("lite"))
    h2 = torch.randn(1, net.spec.stem_channels, 19, 19)
    net.unshare_head()
    torch.testing.assert_close(net.updated_template(h2), net.template(h2), rtol=0, atol=0)
    assert not any(name.startswith("updated_head.stem") for name in net.state_dict())


def test_tracking_takes_the_gradient_by_the_first_head_and_the_template_by_the_second(net, lesson):
    f2, features, labels = lesson
    template = GradientGuidedTemplate(net, f2)
    template.teach(features, labels, 1.0, False)
    first = net.update_template(f2, features, labels, gradient="autograd")
    # Two ways to the gradient: rounding adds up, and kernels are of the order of one.
    torch.testing.assert_close(template.kernel, first.beta, rtol=1e-4, atol=1e-4)
    template.teach(features, labels, 0.6, False)
    second = net.update_template(first.h2, features, labels, gradient="autograd")
    hidden = 0.4 * first.h2 + 0.6 * second.h2
    torch.testing.assert_close(template.kernel, net.updated_template(hidden), rtol=1e-4, atol=1e-4)


def test_round_trip(net, tmp_path):
    path = tmp_path / "net.safetensors"
    save_network(path, net)
    loaded = load_network(path, net.spec.name).net
    assert loaded.updated_head is not None
    for name, value in net.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=0, atol=0)


def test_a_shared_head_leaves_no_trace_in_a_checkpoint(tmp_path):
    path = tmp_path / "net.safetensors"
    save_network(path, random_network("lite"))
    assert set(metadata_of(path)) == {"format", "network", "tracker", "training"}
    assert not any(name.startswith("updated_head") for name in load_file(path))
    assert load_network(path).net.updated_head is None


def test_what_a_checkpoint_says_of_its_heads_is_checked(tmp_path):
    path = tmp_path / "net.safetensors"
    save_network(path, random_network("lite"))
    metadata, tensors = metadata_of(path), load_file(path)
    save_file(tensors, path, {**metadata, "updated_head": "twice"})
    with pytest.raises(CheckpointError, match="expected updated_head 'unshared' or none, found 'twice'"):
        load_network(path)
    save_file(tensors, path, {**metadata, "updated_head": "unshared"})
    with pytest.raises(CheckpointError, match=r"missing: updated_head\."):
        load_network(path)


def test_the_stage_trains_both_heads():
    net = deepcopy(random_network("lite"))
    stage = UpdateStage(unshared_head=True, group_sizes=(2,))
    groups = stage.prepare(net)
    trained = {parameter for each in groups for parameter in each["params"]}
    assert set(net.updated_head.parameters()) <= trained
    torch.manual_seed(0)
    batch = Batch(
        (torch.rand(2, 3, 145, 145) * 255).byte(),
        torch.full((2, 2), 40.0),
        (torch.rand(2, 1, 3, 241, 241) * 255).byte(),
        torch.zeros(2, 1, 2),
        torch.full((2, 1, 2), 40.0),
        torch.arange(2),
        *(torch.empty(2, 0),) * 3,
    )
    stage.step(net, batch, 0).loss.backward()
    for head in (net.target.head, net.updated_head.head):
        assert any(each.grad is not None and each.grad.abs().sum() > 0 for each in head.parameters())


def test_the_stage_keeps_a_trained_second_head_and_refuses_to_drop_it(net):
    before = [parameter.clone() for parameter in net.updated_head.parameters()]
    UpdateStage(unshared_head=True).prepare(net)
    assert all(map(torch.equal, before, net.updated_head.parameters()))
    with pytest.raises(ValueError, match="unshared_head must be true for a network whose U1 is not shared"):
        UpdateStage().prepare(net)
    shared = deepcopy(random_network("lite"))
    UpdateStage().prepare(shared)
    assert shared.updated_head is None
