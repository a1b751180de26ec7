"""Stage 1: what it trains, and its loss against a slow reference."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from gradnet_ros.nn.correlation import cross_correlate
from gradnet_ros.nn.losses import centre_labels, logistic_loss, target_distance
from gradnet_ros.training.stages.base import BaseStage


def test_search_trunk_and_adjustment_are_trained_and_nothing_else(make_net, make_batch, grown):
    net, stage = make_net(), BaseStage()
    groups = stage.prepare(net)
    stage.step(net, make_batch(), 0).loss.backward()
    assert grown(net.search.head)
    assert grown(net.search.stem)
    assert net.adjust_scale.grad.abs() > 0
    assert net.adjust_bias.grad.abs() > 0
    for module in (net.target, net.encoder, net.box, net.search.stem.conv, net.search.stem.blocks[:3]):
        assert all(p.grad is None and not p.requires_grad for p in module.parameters())
    in_groups = {id(parameter) for made in groups for parameter in made["params"]}
    assert in_groups == {id(parameter) for parameter in net.parameters() if parameter.requires_grad}
    adjust = next(made for made in groups if any(p is net.adjust_scale for p in made["params"]))
    assert (adjust["rate"], adjust["weight_decay"]) == (50.0, 0.0)


def test_batch_norm_of_the_search_trunk_alone_learns(make_net):
    net = make_net("alexnet")
    stage = BaseStage()
    stage.prepare(net)
    stage.set_mode(net)
    assert net.search.training
    assert not net.target.training
    assert not net.encoder.training


def test_all_of_alexnets_search_trunk_is_trained(make_net, make_batch):
    net, stage = make_net("alexnet"), BaseStage()
    stage.prepare(net)
    stage.step(net, make_batch(2, network="alexnet"), 0).loss.backward()
    assert all(parameter.grad is not None for parameter in net.search.parameters())


@torch.no_grad()
def tell_apart(net, batch):
    """Adjust a random trunk's scores, which are nearly equal, to logits of every size."""
    templates = net.fixed_template(batch.exemplars.float())
    scores = cross_correlate(net.search_features(batch.searches[:, 0].float()), templates)
    net.adjust_scale.fill_(2 / float(scores.std()))
    net.adjust_bias.fill_(-2 * float(scores.mean() / scores.std()))
    return net


@torch.no_grad()
def test_the_loss_against_a_slow_reference(make_net, make_batch):
    batch = make_batch(3)
    net = tell_apart(make_net(), batch)
    spec = net.spec
    templates = [net.fixed_template(exemplar[None].float()) for exemplar in batch.exemplars]
    features = [net.search_features(search.float()) for search in batch.searches]
    own, negatives, ranking, hit = 0.0, [], 0.0, 0.0
    for t, template in enumerate(templates):
        maps = [net.adjust(cross_correlate(each, template)) for each in features]
        own += float(logistic_loss(maps[t], centre_labels(batch.offsets[t], spec.response_size, spec.stride)))
        negatives += [functional.softplus(each).mean() for r, each in enumerate(maps) if r != t]
        # The softmax is over all places of all regions.
        shares = torch.cat([each.flatten() for each in maps]).softmax(0).view(3, -1)[t]
        distance = target_distance(batch.offsets[t], spec.response_size, spec.stride).flatten()
        near = torch.exp(-0.5 * (distance / spec.stride) ** 2)
        ranking += float(-(near / near.sum() * shares.log()).sum())
        hit += float(distance[maps[t].argmax()] <= 16)
    result = BaseStage(negatives_weight=0.3, ranking_weight=0.7).step(net, batch, 0)
    expected = {
        "logistic": own / 3,
        "negatives": float(torch.stack(negatives).mean()),
        "ranking": ranking / 3,
        "hit": hit / 3,
    }
    assert result.figures == pytest.approx(expected, rel=2e-3)
    total = expected["logistic"] + 0.3 * expected["negatives"] + 0.7 * expected["ranking"]
    assert float(result.loss) == pytest.approx(total, rel=2e-3)


@torch.no_grad()
def test_samples_of_one_track_are_no_negatives_of_each_other(make_net, make_batch):
    batch = make_batch(3)
    net = tell_apart(make_net(), batch)
    batch.origins[:] = torch.tensor([4, 9, 4])
    templates = net.fixed_template(batch.exemplars.float())
    features = net.search_features(batch.searches[:, 0].float())
    maps = [[net.adjust(cross_correlate(f[None], t[None])).flatten() for f in features] for t in templates]
    regions = {0: [0, 1], 1: [0, 1, 2], 2: [1, 2]}  # that a template is held against
    negatives = [functional.softplus(maps[t][r]).mean() for t in regions for r in regions[t] if r != t]
    ranking = 0.0
    for t, against in regions.items():
        logs = torch.cat([maps[t][r] for r in against]).log_softmax(0).view(len(against), -1)
        distance = target_distance(batch.offsets[t], net.spec.response_size, net.spec.stride).flatten()
        near = torch.exp(-0.5 * (distance / net.spec.stride) ** 2)
        ranking += float(-(near / near.sum() * logs[against.index(t)]).sum()) / 3
    figures = BaseStage().step(net, batch, 0).figures
    assert figures["negatives"] == pytest.approx(float(torch.stack(negatives).mean()), rel=2e-3)
    assert figures["ranking"] == pytest.approx(ranking, rel=2e-3)


def test_a_batch_of_one_track_has_no_negatives_and_finite_gradients(make_net, make_batch):
    net, batch, stage = make_net(), make_batch(2), BaseStage()
    batch.origins[:] = 5
    stage.prepare(net)
    result = stage.step(net, batch, 0)
    result.loss.backward()
    assert result.figures["negatives"] == 0
    assert all(p.grad.isfinite().all() for p in net.search.parameters() if p.grad is not None)
    assert net.adjust_bias.grad.isfinite()


@torch.no_grad()
def test_groups_of_contrast_are_losses_of_their_own(make_net, make_batch, part_of):
    batch, stage = make_batch(4), BaseStage(contrast_group=2)
    net = tell_apart(make_net(), batch)
    whole = stage.step(net, batch, 0)
    halves = [stage.step(net, part_of(batch, start, start + 2), 0) for start in (0, 2)]
    assert float(whole.loss) == pytest.approx(sum(float(half.loss) for half in halves) / 2, rel=1e-4)
    for name, value in whole.figures.items():
        assert value == pytest.approx(sum(half.figures[name] for half in halves) / 2, rel=1e-3), name
    together = replace(stage, contrast_group=4).step(net, batch, 0)
    assert together.figures["ranking"] > whole.figures["ranking"] + 0.1  # more places to choose from
    assert together.figures["logistic"] == pytest.approx(whole.figures["logistic"], rel=1e-4)


@torch.no_grad()
def test_a_short_last_group_weighs_by_its_samples(make_net, make_batch, part_of):
    batch, stage = make_batch(3), BaseStage(contrast_group=2)
    net = tell_apart(make_net(), batch)
    whole = stage.step(net, batch, 0)
    first, last = stage.step(net, part_of(batch, 0, 2), 0), stage.step(net, part_of(batch, 2, 3), 0)
    assert float(whole.loss) == pytest.approx((2 * float(first.loss) + float(last.loss)) / 3, rel=1e-4)
    assert last.figures["negatives"] == 0


@torch.no_grad()
def test_only_the_first_view_is_used(make_net, make_batch):
    net, batch, stage = make_net(), make_batch(2, views=2), BaseStage()
    before = stage.step(net, batch, 0).figures
    batch.searches[:, 1], batch.offsets[:, 1], batch.sizes[:, 1] = 0, 0, 1
    assert stage.step(net, batch, 0).figures == before
    batch.searches[:, 0] = 0
    assert stage.step(net, batch, 0).figures != before


def test_steps_lower_the_loss(make_net, make_batch, train):
    """And not by the adjust layer alone: a bias does nothing to a softmax."""
    net = make_net()
    torch.nn.init.constant_(net.adjust_bias, -16.0)  # a random trunk's cosines are about 0.8
    results = train(BaseStage(), net, make_batch(2), 4, 1e-3)
    assert float(results[-1].loss.detach()) < float(results[0].loss.detach())
    assert results[-1].figures["ranking"] < results[0].figures["ranking"] - 0.05


def test_the_end_copies_the_search_trunk_to_the_target(make_net):
    net = make_net()
    with torch.no_grad():
        net.search.cell_logits.add_(1.0)
    encoder = {name: value.clone() for name, value in net.encoder.state_dict().items()}
    BaseStage().finish(net)
    for name, value in net.search.state_dict().items():
        assert torch.equal(net.target.state_dict()[name], value), name
    with torch.no_grad():
        net.search.cell_logits.add_(1.0)
    assert not torch.equal(net.target.cell_logits, net.search.cell_logits)  # a copy, not the same
    assert all(torch.equal(net.encoder.state_dict()[name], value) for name, value in encoder.items())


def test_pictures_show_the_response_at_its_place(make_net, make_batch):
    pictures = BaseStage().pictures(make_net(), make_batch(2))
    assert {name: picture.shape for name, picture in pictures.items()} == {"response": (2 * 241, 2 * 241, 3)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ranking_weight": -0.1}, r"ranking_weight must be in \[0, 1000\], got -0.1"),
        ({"ranking_weight": float("nan")}, "ranking_weight must be in"),
        ({"negatives_weight": 1001}, "negatives_weight must be in"),
        ({"contrast_group": 0}, "contrast_group must be at least 1, got 0"),
    ],
)
def test_settings_outside_their_bounds(settings, message):
    with pytest.raises(ValueError, match=message):
        BaseStage(**settings)
