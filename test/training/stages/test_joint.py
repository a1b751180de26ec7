"""The stage that trains trunk and boxes together: its loss is that of both, and both move the trunk."""

import pytest
import torch

from gradnet_ros.training.stages.base import BaseStage
from gradnet_ros.training.stages.box import BoxStage
from gradnet_ros.training.stages.joint import JointStage


def test_what_stage_1_trains_and_the_box_branch_are_trained(make_net, make_batch, grown):
    net, stage = make_net(), JointStage(box_rate=4.0)
    groups = stage.prepare(net)
    stage.step(net, make_batch(), 0).loss.backward()
    for module in (net.search.head, net.search.stem, net.box.necks, net.box.tower):
        assert grown(module)
    assert net.adjust_scale.grad.abs() > 0
    for module in (net.target, net.encoder, net.search.stem.conv, net.search.stem.blocks[:3]):
        assert all(p.grad is None and not p.requires_grad for p in module.parameters())
    in_groups = [id(parameter) for made in groups for parameter in made["params"]]
    assert len(in_groups) == len(set(in_groups))
    assert set(in_groups) == {id(parameter) for parameter in net.parameters() if parameter.requires_grad}
    assert {id(p) for p in groups[-1]["params"]} == {id(p) for p in net.box.parameters()}
    assert groups[-1]["rate"] == 4.0


@torch.no_grad()
def test_the_loss_is_that_of_both_stages(make_net, make_batch):
    net, batch = make_net(), make_batch()
    base = BaseStage(ranking_weight=0.7, negatives_weight=0.3).step(net, batch, 0)
    box = BoxStage().step(net, batch, 0)
    joint = JointStage(ranking_weight=0.7, negatives_weight=0.3, box_weight=1.5).step(net, batch, 0)
    torch.testing.assert_close(joint.loss, base.loss + 1.5 * box.loss)
    assert joint.figures == pytest.approx({**base.figures, **box.figures})


@torch.no_grad()
def test_some_steps_see_the_middle_of_the_crops(make_net, make_batch):
    """There, labels have as many cells as the response, and lie where the target is."""
    net, batch = make_net(), make_batch()
    rim = (net.spec.search_size - net.spec.narrow_size) // 2
    stage = JointStage(sides=(net.spec.search_size, net.spec.narrow_size))
    whole, narrow = (stage.step(net, batch, number) for number in (0, 1))
    torch.testing.assert_close(whole.loss, JointStage().step(net, batch, 1).loss)
    features = net.search_features(batch.searches[:, 0, :, rim:-rim, rim:-rim].float())
    base = stage.contrast(net, net.fixed_template(batch.exemplars.float()), features, batch)
    box = BoxStage(sides=(net.spec.narrow_size,)).step(net, batch, 0)
    torch.testing.assert_close(narrow.loss, base.loss + 5.0 * box.loss)
    assert abs(float(narrow.loss - whole.loss)) > 1e-3


def test_boxes_move_the_trunk(make_net, make_batch):
    net, batch = make_net(), make_batch(2)
    JointStage().prepare(net)
    trunk = net.search.stem.blocks[5]
    gradients = []
    for weight in (0.0, 1.0):
        net.zero_grad()
        JointStage(0.0, 0.0, box_weight=weight).step(net, batch, 0).loss.backward()
        gradients.append(trunk.project.weight.grad.clone())
    assert float((gradients[1] - gradients[0]).norm()) > 1e-3 * float(gradients[0].norm())


def test_steps_lower_both_losses(make_net, make_batch, train):
    net = make_net()
    torch.nn.init.constant_(net.adjust_bias, -16.0)  # a random trunk's cosines are about 0.8
    torch.nn.init.zeros_(net.box.edges.weight)  # as it starts
    results = train(JointStage(box_rate=10.0), net, make_batch(2), 6, 3e-4)
    assert float(results[-1].loss.detach()) < float(results[0].loss.detach()) - 0.05
    assert results[-1].figures["ranking"] < results[0].figures["ranking"] - 0.02
    assert results[-1].figures["iou"] > results[0].figures["iou"] + 0.01


def test_pictures_show_response_and_boxes(make_net, make_batch):
    pictures = JointStage().pictures(make_net(), make_batch(2))
    assert {name: picture.shape for name, picture in pictures.items()} == {
        "response": (2 * 241, 2 * 241, 3),
        "boxes": (241, 2 * 241, 3),
    }


def test_a_network_without_the_branch_is_refused(make_net):
    with pytest.raises(ValueError, match="network 'alexnet' has no box branch"):
        JointStage().prepare(make_net("alexnet"))


def test_sides_without_a_response_are_refused(make_net):
    with pytest.raises(ValueError, match=r"sides must be among 241, 225, .*, 97, got 96"):
        JointStage(sides=(96,)).prepare(make_net())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"box_weight": -0.1}, r"box_weight must be in \[0, 1000\], got -0.1"),
        ({"box_rate": float("nan")}, "box_rate must be in"),
        ({"contrast_group": 0}, "contrast_group must be at least 1, got 0"),
    ],
)
def test_settings_outside_their_bounds(settings, message):
    with pytest.raises(ValueError, match=message):
        JointStage(**settings)
