"""AlexNet learns lite's features where lite has them."""

import pytest
import torch

from gradnet_ros.nn.checkpoint import save_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.stages import distil
from gradnet_ros.training.stages.distil import DistilStage
from support import need_weights, random_network


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "lite.safetensors"
    save_network(path, random_network("lite"))
    return str(path)


@pytest.fixture
def stage(teacher):
    torch.manual_seed(0)
    return DistilStage(teacher)


@pytest.fixture
def maps(stage, make_net, make_batch, monkeypatch):
    """What a step compares for given pictures: name -> (N, channels, h, w) of student and teacher."""
    net, found, real = make_net("alexnet"), {}, distil._inner

    def inner(features, edge):
        found["late" if features.shape[1] == 128 else "early"] = real(features, edge)
        return real(features, edge)

    monkeypatch.setattr(distil, "_inner", inner)
    net.search.stem.register_forward_hook(lambda _module, _inputs, output: found.update(stem=output))
    net.search.head.register_forward_hook(lambda _module, _inputs, output: found.update(head=output))

    @torch.no_grad()
    def compute(images):
        batch = make_batch(images.shape[0], network="alexnet")
        batch.searches[:, 0] = images
        stage.step(net, batch, 0)
        return [(found["stem"], found["early"]), (found["head"], found["late"])]

    return compute


def test_student_and_teacher_have_as_many_cells(maps):
    for student, teacher in maps(torch.zeros(1, 3, 255, 255)):
        assert student.shape[-2:] == teacher.shape[-2:]


@pytest.mark.parametrize("place", [(123, 123), (91, 147), (163, 83)])
def test_a_spot_is_seen_in_the_same_cell(maps, place):
    """The middle of what a spot changes is the spot's place, in cells, for both."""
    images = torch.full((2, 3, 255, 255), 127.0)
    x, y = place
    images[1, :, y - 3 : y + 4, x - 3 : x + 4] = 255
    for pair, first in zip(maps(images), (19, 43), strict=True):
        for features in pair:
            change = (features[1] - features[0]).square().sum(0)
            axis = torch.arange(change.shape[0])
            found = [float((change.sum(sum_over) * axis).sum() / change.sum()) for sum_over in (0, 1)]
            assert found == pytest.approx([(x - first) / 8, (y - first) / 8], abs=0.45)


def test_eight_pixels_are_one_cell_for_both(maps):
    scene = torch.randint(0, 256, (1, 3, 255, 263), generator=torch.Generator().manual_seed(0)).float()
    images = torch.cat([scene[..., :255], scene[..., 8:]])
    for student, teacher in maps(images):
        torch.testing.assert_close(student[1, ..., :-1], student[0, ..., 1:], rtol=1e-3, atol=1e-3)
        # The teacher pads, so that cells near its rim see another rim after the shift.
        middle = slice(10, -10) if teacher.shape[1] == 128 else slice(6, -6)
        here, there = teacher[1, :, middle, :-1], teacher[0, :, middle, 1:]
        columns = slice(10, -10)
        difference = (here - there)[..., columns].norm() / here[..., columns].norm()
        unmoved = (teacher[1] - teacher[0])[:, middle, columns].norm() / here[..., columns].norm()
        assert difference < 0.2 * unmoved


def test_the_map_keeps_all_angles_and_is_always_the_same(stage):
    torch.testing.assert_close(stage._map @ stage._map.T, torch.eye(128), atol=1e-5, rtol=0)
    assert torch.equal(stage._map, DistilStage()._map)


def test_a_student_that_answers_as_the_teacher_costs_nothing(stage, make_net, make_batch, monkeypatch):
    net, batch = make_net("alexnet"), make_batch(2, network="alexnet")
    teacher = stage._teacher
    crop = batch.searches[:, 0, :, 3:252, 3:252].float()
    with torch.no_grad():
        wanted = torch.einsum("nchw,cd->ndhw", teacher(crop)[:, :, 5:27, 5:27], stage._map)
        monkeypatch.setattr(net.search.head, "forward", lambda stem: wanted)
        figures = stage.step(net, batch, 0).figures
        assert figures["squared"] == pytest.approx(0, abs=1e-5)
        assert figures["cosine"] == pytest.approx(1, abs=1e-5)
        assert figures["centred_cosine"] == pytest.approx(1, abs=1e-4)
        # Two times as long: the same direction, one length away.
        monkeypatch.setattr(net.search.head, "forward", lambda stem: 2 * wanted)
        figures = stage.step(net, batch, 0).figures
        assert figures["squared"] == pytest.approx(1, abs=1e-4)
        assert figures["cosine"] == pytest.approx(1, abs=1e-5)


def test_the_loss_is_the_weighed_sum_of_its_figures(teacher, make_net, make_batch):
    stage = DistilStage(teacher, centred_weight=0.3, hint_weight=2.0)
    result = stage.step(make_net("alexnet"), make_batch(1, network="alexnet"), 0)
    figures = result.figures
    assert set(figures) == {"squared", "cosine", "centred_cosine", "hint_cosine"}
    expected = figures["squared"] + 0.3 * (1 - figures["centred_cosine"]) + 2 * (1 - figures["hint_cosine"])
    assert float(result.loss.detach()) == pytest.approx(expected, rel=1e-5)


def test_search_trunk_and_auxiliary_layer_are_trained(stage, make_net, make_batch, grown):
    net = make_net("alexnet")
    groups = stage.prepare(net)
    stage.set_mode(net)
    assert net.search.training
    assert not net.target.training
    before = {name: value.clone() for name, value in stage._teacher.state_dict().items()}
    stage.step(net, make_batch(1, network="alexnet"), 0).loss.backward()
    assert all(parameter.grad is not None for parameter in net.search.parameters())
    assert grown(stage.auxiliary)
    assert not grown(net.target)
    assert not grown(net.encoder)
    assert all(parameter.grad is None for parameter in stage._teacher.parameters())
    assert not stage._teacher.training
    assert all(torch.equal(value, before[name]) for name, value in stage._teacher.state_dict().items())
    in_groups = {id(parameter) for made in groups for parameter in made["params"]}
    assert in_groups == {id(p) for module in (net.search, stage.auxiliary) for p in module.parameters()}


def test_only_the_first_view_is_used(stage, make_net, make_batch):
    net, batch = make_net("alexnet"), make_batch(1, views=2, network="alexnet")
    with torch.no_grad():
        before = stage.step(net, batch, 0).figures
        batch.searches[:, 1] = 0
        batch.exemplars[:] = 0
        assert stage.step(net, batch, 0).figures == before


def test_steps_lower_the_loss(stage, make_net, make_batch, train):
    results = train(stage, make_net("alexnet"), make_batch(1, network="alexnet"), 5, 1e-4)
    assert float(results[-1].loss.detach()) < 0.8 * float(results[0].loss.detach())
    assert results[-1].figures["cosine"] > results[0].figures["cosine"]
    assert results[-1].figures["hint_cosine"] > results[0].figures["hint_cosine"]


def test_it_starts_near_the_teachers_length(stage, make_batch):
    """From PyTorch's own start the squared distance is above 40."""
    torch.manual_seed(0)
    net = GradNet("alexnet")
    stage.prepare(net)
    stage.set_mode(net)
    figures = stage.step(net, make_batch(1, network="alexnet"), 0).figures
    assert figures["squared"] < 5


def test_lite_is_refused(make_net):
    with pytest.raises(ValueError, match="distil is for alexnet, got 'lite'"):
        DistilStage().prepare(make_net("lite"))


def test_the_shipped_weights_teach_where_no_others_are_named():
    need_weights()
    assert DistilStage()._teacher.spec.name == "lite"


def test_the_end_copies_the_search_trunk_to_the_target(stage, make_net):
    net = make_net("alexnet")
    with torch.no_grad():
        net.search.head[-1].bias.add_(1.0)
    stage.finish(net)
    for name, value in net.search.state_dict().items():
        assert torch.equal(net.target.state_dict()[name], value), name
    with torch.no_grad():
        net.search.head[-1].bias.add_(1.0)
    assert not torch.equal(net.target.head[-1].bias, net.search.head[-1].bias)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"centred_weight": -1}, r"centred_weight must be in \[0, 1000\], got -1"),
        ({"hint_weight": float("nan")}, "hint_weight must be in"),
    ],
)
def test_settings_outside_their_bounds(settings, message):
    with pytest.raises(ValueError, match=message):
        DistilStage(**settings)


def test_afterwards_sums_of_cosines_are_logits():
    """A perfect match of all 36 cells is a clear yes, none a clear no."""
    net = GradNet("alexnet")
    DistilStage().finish(net)
    perfect, none = (net.adjust(torch.tensor(score)) for score in (36.0, 0.0))
    assert perfect > 5
    assert none < -5


@pytest.mark.parametrize("restart", [True, False])
def test_what_was_learned_is_kept_where_it_is_asked_for(teacher, make_net, restart):
    net = make_net("alexnet")
    before = net.search.stem[0].weight.detach().clone()
    DistilStage(teacher, restart=restart).prepare(net)
    assert torch.equal(net.search.stem[0].weight, before) is not restart
