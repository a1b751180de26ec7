"""Stage 2: template generalization, which view is learned from, and what is trained."""

from dataclasses import replace

import pytest
import torch

from gradnet_ros.nn.losses import centre_labels
from gradnet_ros.training.stages.update import UpdateStage

ALL = UpdateStage(group_sizes=(8,))


@pytest.fixture
def updates(monkeypatch):
    """What a network's ``update_template`` was given, and gave."""

    def watch(net):
        calls, real = [], net.update_template

        def spy(f2, features, labels, **options):
            calls.append((f2, features, labels, real(f2, features, labels, **options)))
            return calls[-1][-1]

        monkeypatch.setattr(net, "update_template", spy)
        return calls

    return watch


def test_target_trunk_and_encoder_are_trained_and_nothing_else(make_net, make_batch, grown):
    net = make_net()
    pretrained, new, encoder = ALL.prepare(net)
    assert [made["rate"] for made in (pretrained, new, encoder)] == [0.1, 0.1, 1.0]
    ALL.step(net, make_batch(), 0).loss.backward()
    assert grown(net.target.stem)
    assert grown(net.target.head)
    assert grown(net.encoder)
    for module in (net.search, net.box, net.target.stem.conv, net.target.stem.blocks[:3]):
        assert all(p.grad is None and not p.requires_grad for p in module.parameters())
    assert net.adjust_scale.grad is None
    in_groups = {id(p) for made in (pretrained, new, encoder) for p in made["params"]}
    assert in_groups == {id(parameter) for parameter in net.parameters() if parameter.requires_grad}


def test_an_unshared_head_is_trained_beside_the_shared_one(make_net, make_batch, grown):
    net, stage = make_net(), replace(ALL, unshared_head=True)
    groups = stage.prepare(net)
    assert torch.equal(net.updated_head.cell_logits, net.target.cell_logits)
    stage.step(net, make_batch(), 0).loss.backward()
    assert all(parameter.grad is not None for parameter in net.updated_head.parameters())
    assert grown(net.updated_head)
    assert grown(net.target.head)  # through the inner gradient
    in_groups = {id(p) for made in groups for p in made["params"]}
    assert in_groups == {id(parameter) for parameter in net.parameters() if parameter.requires_grad}
    with pytest.raises(ValueError, match="unshared_head must be true"):
        ALL.prepare(net)
    updated = net.updated_head
    stage.prepare(net)
    assert net.updated_head is updated  # what it has learned is kept


def test_no_batch_norm_learns(make_net):
    net = make_net("alexnet").train()
    ALL.set_mode(net)
    assert not any(module.training for module in net.modules())


def test_only_the_first_exemplar_makes_the_template(make_net, make_batch):
    """Exemplars 2..k change nothing."""
    net, batch = make_net(), make_batch()
    stage = replace(ALL, fused_weight=0.0)  # which holds the fixed templates of all exemplars against them
    before = stage.step(net, batch, 0).figures
    batch.exemplars[1:] = 0
    assert stage.step(net, batch, 0).figures == before
    batch.exemplars[0] = 0
    assert stage.step(net, batch, 0).figures != before


def test_no_gradient_goes_to_the_other_exemplars(make_net, make_batch):
    net, batch = make_net(), make_batch()
    ALL.prepare(net)
    exemplars = batch.exemplars.float().requires_grad_()
    ALL.step(net, replace(batch, exemplars=exemplars), 0).loss.backward()
    assert exemplars.grad[0].any()
    assert not exemplars.grad[1:].any()


def test_the_inner_gradient_is_the_sum_over_the_maps(make_net, make_batch, updates):
    net, batch = make_net(), make_batch(3, views=2)
    calls = updates(net)
    ALL.step(net, batch, 0)
    ((f2, features, labels, update),) = calls
    assert features.shape[0] == labels.shape[0] == 3
    alone = []
    for n in range(3):
        region = net.search_features(batch.searches[n, 1:].float())
        label = centre_labels(batch.offsets[n, 1:], net.spec.response_size, net.spec.stride)
        alone.append(net.update_template(f2.detach(), region, label).gradient)
    scale = float(update.gradient.detach().abs().max())
    torch.testing.assert_close(update.gradient, sum(alone), rtol=1e-3, atol=1e-4 * scale)
    assert (update.gradient - alone[0]).abs().max() > 0.1 * scale
    torch.testing.assert_close(f2, net.target_features(batch.exemplars[:1].float()))


def test_groups_are_updates_of_their_own(make_net, make_batch, part_of, updates):
    """Two groups of a batch give what two batches give, by their numbers of samples."""
    net, batch, stage = make_net(), make_batch(3), UpdateStage(group_sizes=(2,))
    calls = updates(net)
    whole = stage.step(net, batch, 0)
    assert [features.shape[0] for _, features, _, _ in calls] == [2, 1]
    first, last = (stage.step(net, part_of(batch, *part), 0) for part in ((0, 2), (2, 3)))
    for name in ("before", "after", "ranking", "fused"):
        assert whole.figures[name] == pytest.approx(
            (2 * first.figures[name] + last.figures[name]) / 3, rel=1e-3
        )
    assert float(whole.loss.detach()) == pytest.approx(
        (2 * float(first.loss.detach()) + float(last.loss.detach())) / 3, rel=1e-3
    )


def test_successive_steps_take_the_sizes_in_turn(make_net, make_batch, updates):
    net, batch = make_net(), make_batch(2)
    stage = UpdateStage(group_sizes=(2, 1), fused_weight=0.0)
    calls = updates(net)
    for number, sizes in enumerate([[2], [1, 1], [2]]):
        calls.clear()
        figures = stage.step(net, batch, number).figures
        assert [features.shape[0] for _, features, _, _ in calls] == sizes
        assert f"gradient_rms_k{sizes[0]}" in figures


def test_without_generalization_every_sample_has_its_own_update(make_net, make_batch, updates):
    net, batch = make_net(), make_batch(2)
    stage = UpdateStage(template_generalization=False, group_sizes=(2,))
    calls = updates(net)
    stage.step(net, batch, 0)
    assert [features.shape[0] for _, features, _, _ in calls] == [1, 1]
    for n, (f2, _, _, _) in enumerate(calls):
        torch.testing.assert_close(f2, net.target_features(batch.exemplars[n : n + 1].float()))


@pytest.mark.parametrize("field", ["searches", "offsets"])
def test_the_last_view_is_learned_from_and_the_first_one_tested(make_net, make_batch, field):
    net, batch = make_net(), make_batch(1, views=3)
    stage = replace(ALL, fused_weight=0.0)

    def figures(view):
        changed = getattr(batch, field).clone()
        if view is not None:
            changed[:, view] = 0 if field == "searches" else changed[:, view] - 24
        found = stage.step(net, replace(batch, **{field: changed}), 0).figures
        return found["before"], found["gradient_rms_k8"], found["after"]

    start = figures(None)
    assert figures(1) == start
    tested = figures(0)
    assert tested[:2] == start[:2]
    assert tested[2] != start[2]
    learned = figures(2)
    assert all(now != then for now, then in zip(learned, start, strict=True))


def test_one_view_is_learned_from_and_tested(make_net, make_batch):
    net, one = make_net(), make_batch(2)
    two = replace(
        one, **{name: getattr(one, name).repeat_interleave(2, 1) for name in ("searches", "offsets", "sizes")}
    )
    assert ALL.step(net, two, 0).figures == pytest.approx(ALL.step(net, one, 0).figures, rel=1e-4)


def test_the_loss_is_the_weighed_sum_of_its_figures(make_net, make_batch):
    net, batch = make_net(), make_batch(2)
    result = UpdateStage(group_sizes=(2,), ranking_weight=0.3, fused_weight=0.7).step(net, batch, 0)
    figures = result.figures
    assert set(figures) == {"before", "after", "ranking", "fused", "hit", "gradient_rms_k2"}
    assert float(result.loss.detach()) == pytest.approx(
        figures["after"] + 0.3 * figures["ranking"] + 0.7 * figures["fused"], rel=1e-5
    )
    assert figures["fused"] > 0


def test_both_ways_to_the_inner_gradient_train_alike(make_net, make_batch):
    batch, found = make_batch(2), []
    for gradient in ("autograd", "closed_form"):
        net = make_net()
        stage = replace(ALL, gradient=gradient)
        stage.prepare(net)
        result = stage.step(net, batch, 0)
        result.loss.backward()
        found.append((result.loss.detach(), net.encoder.narrow.weight.grad, net.target.cell_logits.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-3 * float(one.abs().max()))


def test_the_encoder_learns_through_the_inner_gradient(make_net, make_batch, train):
    """Alone, from no update at all: the loss after the update falls below the one before it."""
    net = make_net()
    torch.nn.init.zeros_(net.encoder.wide.weight)
    stage = UpdateStage(group_sizes=(2,), target_rate=0.0)
    before, after = zip(
        *(
            (each.figures["before"], each.figures["after"])
            for each in train(stage, net, make_batch(2), 5, 1e-3)
        ),
        strict=True,
    )
    assert after[0] == pytest.approx(before[0])
    assert before == pytest.approx([before[0]] * 5)
    assert after[-1] < 0.9 * before[-1]


def test_steps_lower_the_loss(make_net, make_batch, train):
    results = train(UpdateStage(group_sizes=(2,)), make_net(), make_batch(2, views=2), 3, 2e-3)
    assert float(results[-1].loss.detach()) < 0.95 * float(results[0].loss.detach())


def test_the_end_changes_nothing(make_net):
    net = make_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    ALL.finish(net)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_pictures_show_before_and_after(make_net, make_batch):
    pictures = ALL.pictures(make_net(), make_batch(2, views=2))
    assert {name: picture.shape for name, picture in pictures.items()} == {
        "before_and_after": (2 * 241, 3 * 241, 3)
    }
    picture = pictures["before_and_after"]
    assert (picture[:, 241:482] != picture[:, 482:]).any()


def test_places_can_follow_the_boxes(make_net, make_batch):
    net, batch = make_net(), make_batch(2)
    torch.nn.init.normal_(net.box.edges.weight, std=0.5)  # boxes that differ from cell to cell
    torch.nn.init.constant_(net.adjust_scale, 2000.0)  # scores too: a random network's hardly do
    stage = UpdateStage(group_sizes=(2,))
    stage.prepare(net)
    figures = [
        replace(stage, overlap_sharpness=sharpness).step(net, batch, 0).figures for sharpness in (0, 1e-4, 20)
    ]
    plain, nearly, sharp = figures
    assert nearly == pytest.approx(plain, rel=1e-5)
    for name in ("ranking", "fused"):
        assert sharp[name] != pytest.approx(plain[name], rel=1e-4)
    assert sharp["after"] == plain["after"]  # the paper's loss knows places only


def test_places_follow_boxes_only_where_there_are_boxes(make_net):
    with pytest.raises(ValueError, match="overlap_sharpness must be 0 for a network without a box branch"):
        UpdateStage(overlap_sharpness=5.0).prepare(make_net("alexnet"))


def test_alexnet_too(make_net, make_batch, grown):
    net, stage = make_net("alexnet"), UpdateStage(group_sizes=(2,))
    stage.prepare(net)
    stage.set_mode(net)
    stage.step(net, make_batch(2, network="alexnet"), 0).loss.backward()
    assert grown(net.target)
    assert grown(net.encoder)
    assert not grown(net.search)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"group_sizes": ()}, "group_sizes must be whole numbers of at least 1"),
        ({"group_sizes": (4, 0)}, r"group_sizes must be whole numbers of at least 1, got \(4, 0\)"),
        ({"ranking_weight": -1}, r"ranking_weight must be in \[0, 1000\], got -1"),
        ({"overlap_sharpness": -0.1}, r"overlap_sharpness must be in \[0, 1000\], got -0.1"),
        ({"fused_weight": 1001}, "fused_weight must be in"),
        ({"target_rate": float("nan")}, "target_rate must be in"),
        ({"gradient": "numeric"}, "gradient must be one of autograd, closed_form, got 'numeric'"),
    ],
)
def test_settings_outside_their_bounds(settings, message):
    with pytest.raises(ValueError, match=message):
        UpdateStage(**settings)
