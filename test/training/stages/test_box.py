"""The stage of the box branch: nothing else is trained, and the pictures show both boxes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from gradnet_ros.nn.box import BoxTemplate
from gradnet_ros.nn.box_fit import start_fit
from gradnet_ros.nn.losses import box_iou_loss
from gradnet_ros.training.stages.box import BoxStage


def test_the_box_branch_alone_is_trained(make_net, make_batch, grown):
    net, stage = make_net(), BoxStage()
    (made,) = stage.prepare(net)
    stage.step(net, make_batch(2), 0).loss.backward()
    assert all(parameter.grad is not None for parameter in net.box.parameters())
    assert grown(net.box.necks)
    resting = [p for name, p in net.named_parameters() if not name.startswith("box.")]
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in resting)
    assert {id(p) for p in made["params"]} == {id(p) for p in net.box.parameters()}


def test_the_loss_is_that_of_the_first_views_boxes(make_net, make_batch):
    net, batch = make_net(), make_batch(2, views=2)
    result = BoxStage().step(net, batch, 0)
    exemplars = net.search.search(batch.exemplars.float()).levels
    searches = net.search.search(batch.searches[:, 0].float()).levels
    edges = net.box(searches, net.box.template(exemplars, batch.exemplar_sizes))
    loss, iou = box_iou_loss(edges, batch.offsets[:, 0], batch.sizes[:, 0], net.spec.stride)
    torch.testing.assert_close(result.loss, loss)
    assert result.figures == {"iou": pytest.approx(float(iou))}
    changed = replace(batch, searches=batch.searches.clone())
    changed.searches[:, 1] = 0
    torch.testing.assert_close(BoxStage().step(net, changed, 0).loss, loss)


@torch.no_grad()
def test_some_steps_see_the_middle_of_the_crops(make_net, make_batch):
    net, batch = make_net(), make_batch(2)
    spec, rim = net.spec, (net.spec.search_size - net.spec.narrow_size) // 2
    template = net.box.template(net.search.search(batch.exemplars.float()).levels, batch.exemplar_sizes)
    narrow = batch.searches[:, 0, :, rim:-rim, rim:-rim].float()
    assert narrow.shape[-1] == spec.narrow_size
    edges = net.box(net.search.search(narrow).levels, template)
    expected, _ = box_iou_loss(edges, batch.offsets[:, 0], batch.sizes[:, 0], spec.stride)
    stage = BoxStage(sides=(spec.search_size, spec.narrow_size))
    whole, odd, even = (stage.step(net, batch, number).loss for number in (0, 1, 2))
    torch.testing.assert_close(odd, expected)
    torch.testing.assert_close(whole, even)
    assert abs(float(odd - whole)) > 1e-4
    torch.testing.assert_close(BoxStage().step(net, batch, 1).loss, whole)
    torch.testing.assert_close(BoxStage(sides=(spec.narrow_size,)).step(net, batch, 0).loss, expected)


def fitted_loss(net, batch, steps, of):
    """The loss of boxes whose templates took some of the tracker's steps, each target by itself."""
    losses, stride = [], net.spec.stride
    for n in range(len(batch)):
        levels = net.search.search(batch.exemplars[n : n + 1].float()).levels
        template = net.box.template(levels, batch.exemplar_sizes[n : n + 1])
        places = batch.rehearsal_offsets[n].tolist(), batch.rehearsal_sizes[n].tolist()
        fit = start_fit(net, batch.rehearsals[n].float(), [each.detach() for each in template], *places, of)
        for _ in range(steps):
            with torch.no_grad():
                template = BoxTemplate(*fit.step())
        edges = net.box(net.search.search(batch.searches[n, :1].float()).levels, template)
        losses.append(box_iou_loss(edges, batch.offsets[n, :1], batch.sizes[n, :1], stride)[0])
    return torch.stack(losses).mean()


@torch.no_grad()
def test_templates_are_fitted_as_the_tracker_does_by_any_number_of_its_steps(make_net, make_batch):
    net, batch, stage = make_net(), make_batch(2, rehearsals=4), BoxStage(fit_steps=3)
    expected = [float(fitted_loss(net, batch, steps, of=3)) for steps in range(4)]
    assert min(abs(one - other) for one, other in pairwise(sorted(expected))) > 1e-4
    losses = [float(stage.step(net, batch, number).loss) for number in range(20)]
    seen = [
        steps
        for loss in losses
        for steps, each in enumerate(expected)
        if loss == pytest.approx(each, abs=2e-5)
    ]
    assert len(seen) == 20
    assert set(seen) == {0, 1, 2, 3}
    torch.manual_seed(1)  # a validation sees what it saw before
    assert [float(stage.step(net, batch, number).loss) for number in range(4)] == losses[:4]


def test_the_branch_is_trained_through_fitted_templates(make_net, make_batch, grown):
    net, stage = make_net(), BoxStage(fit_steps=1, sides=(177,))
    stage.prepare(net)
    number = next(each for each in range(99) if np.random.default_rng(each).integers(2))
    stage.step(net, make_batch(2, rehearsals=2), number).loss.backward()
    assert grown(net.box.necks)
    assert grown(net.box.parts)
    assert grown(net.box.tower)


@pytest.mark.parametrize("steps", [-1, 101])
def test_as_many_steps_as_the_tracker_may_take(steps):
    with pytest.raises(ValueError, match=rf"fit_steps must be in \[0, 100\], got {steps}"):
        BoxStage(fit_steps=steps)


@pytest.mark.parametrize("rehearsals", [0, 3])
def test_a_fit_without_enough_rehearsals_is_refused(make_net, make_batch, rehearsals):
    with pytest.raises(ValueError, match=f"rehearsals must be 2, 4, 6 or 8 .*, got {rehearsals}"):
        BoxStage(fit_steps=1).step(make_net(), make_batch(2, rehearsals=rehearsals), 0)


@pytest.mark.parametrize("side", [185, 257, 81, -15])
def test_sides_without_a_response_around_the_same_middle_are_refused(make_net, side):
    net = make_net()
    BoxStage(sides=(241, 225, 97)).prepare(net)
    with pytest.raises(ValueError, match=f"sides must be among 241, 225, .*, 97, got {side}"):
        BoxStage(sides=(241, side)).prepare(net)


def test_steps_lower_the_loss(make_net, make_batch, train):
    net = make_net()
    torch.nn.init.zeros_(net.box.edges.weight)  # as it starts
    results = train(BoxStage(), net, make_batch(2), 6, 3e-3)
    assert float(results[-1].loss.detach()) < float(results[0].loss.detach()) - 0.02
    assert results[-1].figures["iou"] > results[0].figures["iou"] + 0.02


def test_batch_norm_rests(make_net):
    net = make_net().train()
    BoxStage().set_mode(net)
    assert not any(module.training for module in net.modules())


def test_a_network_without_the_branch_is_refused(make_net):
    with pytest.raises(ValueError, match="network 'alexnet' has no box branch"):
        BoxStage().prepare(make_net("alexnet"))


def test_pictures_show_the_true_box_and_the_one_found(make_net, make_batch):
    net, batch = make_net(), make_batch(2)
    torch.nn.init.zeros_(net.box.edges.weight)  # what is found has the exemplar's size
    batch.searches[:] = 0
    batch.offsets[:, 0] = torch.tensor([[0.0, 0.0], [-24.0, 40.0]])
    batch.sizes[:, 0] = torch.tensor([[60.0, 40.0], [30.0, 50.0]])
    batch.exemplar_sizes[:] = torch.tensor([[30.0, 80.0], [40.0, 20.0]])
    picture = BoxStage().pictures(net, batch)["boxes"]
    assert picture.shape == (241, 2 * 241, 3)
    for number, crop in enumerate(np.split(picture, 2, axis=1)):
        x, y = 120 + batch.offsets[number, 0].numpy()
        true, found_size = batch.sizes[number, 0].tolist(), batch.exemplar_sizes[number].tolist()
        for colour, (w, h) in ((1, true), (0, found_size)):  # RGB
            rows, columns = np.nonzero(crop[..., colour])
            found = columns.min(), rows.min(), columns.max(), rows.max()
            assert found == pytest.approx((x - w / 2, y - h / 2, x + w / 2, y + h / 2), abs=1)


def test_the_end_changes_nothing(make_net):
    net = make_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    BoxStage().finish(net)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
