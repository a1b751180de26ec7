"""The size stage: its cuts, its loss against a slow reference, and that a response learns to see size."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.nn.correlation import template_cosines
from gradnet_ros.training.stages.base import BaseStage
from gradnet_ros.training.stages.size import SizeStage, cut_sizes, growth


def blob(offset, size, side=255):
    """A picture with a bright ellipse."""
    axis = torch.arange(side) - (side - 1) / 2
    across, down = (axis - offset[0]) / (size[0] / 2), (axis - offset[1]) / (size[1] / 2)
    inside = across[None, :] ** 2 + down[:, None] ** 2 <= 1
    return inside.float().expand(1, 3, -1, -1)


def box_of(picture):
    """(x, y) of a bright shape's centre from the picture's, and its w, h."""
    bright = picture[0] > 0.5
    rows, columns = torch.nonzero(bright.any(1))[:, 0], torch.nonzero(bright.any(0))[:, 0]
    middle = (picture.shape[-1] - 1) / 2
    centre = [float(line[0] + line[-1]) / 2 - middle for line in (columns, rows)]
    return centre, [float(line[-1] - line[0]) + 1 for line in (columns, rows)]


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(st.floats(-30, 30), st.floats(-30, 30)),
    st.tuples(st.floats(20, 60), st.floats(20, 60)),
    st.floats(-0.2, 0.2),
)
def test_a_cut_has_the_target_in_its_middle_at_its_size(offset, size, grow):
    (cut,) = cut_sizes(blob(offset, size), torch.tensor([offset]), torch.tensor([grow]), 127)[0]
    centre, found = box_of(cut)
    assert centre == pytest.approx([0, 0], abs=1.1)
    assert found == pytest.approx([length * np.exp(grow) for length in size], abs=2.1)


def test_cuts_against_opencv():
    picture = np.random.default_rng(0).integers(0, 256, (255, 255, 3)).astype(np.float32)
    picture = cv2.GaussianBlur(picture, (0, 0), 2)
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None]
    offset, grow = (12.25, -7.5), 0.13
    (cut,) = cut_sizes(tensor, torch.tensor([offset]), torch.tensor([grow]), 127)[0]
    zoom = np.exp(grow)
    shift = 63 - zoom * (127 + np.array(offset))
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    expected = cv2.warpAffine(picture, matrix, (127, 127), flags=cv2.INTER_LINEAR)
    np.testing.assert_allclose(cut.permute(1, 2, 0).numpy(), expected, atol=1.5)


def test_growth_is_the_log_ratio_of_sizes(make_batch):
    batch = make_batch(2, network="alexnet")
    batch = replace(batch, sizes=1.2 * batch.exemplar_sizes[:, None])
    torch.testing.assert_close(growth(batch), torch.full((2,), float(np.log(1.2))))


def test_the_head_alone_is_trained(make_net, make_batch, grown):
    net, stage = make_net("alexnet"), SizeStage()
    groups = stage.prepare(net)
    stage.step(net, make_batch(2, network="alexnet"), 0).loss.backward()
    assert all(parameter.grad is not None for parameter in net.search.head.parameters())
    assert net.adjust_scale.grad.abs() > 0
    for module in (net.search.stem, net.target, net.encoder):
        assert all(p.grad is None and not p.requires_grad for p in module.parameters())
    in_groups = {id(parameter) for made in groups for parameter in made["params"]}
    assert in_groups == {id(parameter) for parameter in net.parameters() if parameter.requires_grad}


def test_the_whole_trunk_can_be_trained(make_net, make_batch):
    net, stage = make_net("alexnet"), SizeStage(whole_trunk=True)
    stage.prepare(net)
    stage.step(net, make_batch(2, network="alexnet"), 0).loss.backward()
    assert all(parameter.grad is not None for parameter in net.search.parameters())


def test_batch_norm_rests(make_net):
    net = make_net("alexnet").train()
    SizeStage().set_mode(net)
    assert not any(module.training for module in net.modules())


@torch.no_grad()
def test_the_loss_against_a_slow_reference(make_net, make_batch):
    net = make_net("alexnet")
    net.adjust_scale.fill_(1e-6)
    batch = make_batch(3, network="alexnet")
    batch = replace(
        batch, sizes=batch.exemplar_sizes[:, None] * torch.tensor([0.95, 1.0, 1.04])[:, None, None]
    )
    stage = SizeStage(size_weight=3.0, size_sharpness=40.0, sizes=3, size_reach=0.15, size_deviation=0.06)
    result = stage.step(net, batch, 0)
    losses, errors = [], []
    for n, t in enumerate(np.log([0.95, 1.0, 1.04])):
        template = net.fixed_template(batch.exemplars[n : n + 1].float())
        scores, wrongs = [], []
        for grow in (-0.15, 0.0, 0.15):
            region, offset = batch.searches[n, :1].float(), batch.offsets[n, :1]
            cut = cut_sizes(region, offset, torch.tensor([grow]), 127)[0]
            features = net.search_features(cut)
            assert features.shape == template.shape
            scores.append(40.0 * float(template_cosines(features, template)))
            wrongs.append(t + grow)
        shares = np.exp(-0.5 * (np.array(wrongs) / 0.06) ** 2)
        shares = shares / shares.sum()
        losses.append(-(shares * torch.tensor(scores).double().log_softmax(0).numpy()).sum())
        errors.append(abs(wrongs[int(np.argmax(scores))]))
    base = BaseStage().step(net, batch, 0)
    assert result.figures["size_ranking"] == pytest.approx(np.mean(losses), rel=1e-3)
    assert result.figures["size_error"] == pytest.approx(np.mean(errors), rel=1e-4)
    assert float(result.loss) == pytest.approx(float(base.loss) + 3 * np.mean(losses), rel=1e-3)
    assert {name: result.figures[name] for name in base.figures} == pytest.approx(base.figures)


def test_steps_teach_the_size(make_batch, train):
    """The samples' exemplars are what their search regions show: the right size can be seen."""
    net = load_network(shipped_weights("alexnet"), "alexnet").net
    batch = make_batch(4, network="alexnet")
    batch = replace(
        batch,
        exemplars=batch.searches[:, 0, :, 64:191, 64:191],
        offsets=torch.zeros_like(batch.offsets),
        sizes=batch.exemplar_sizes[:, None],
    )
    results = train(SizeStage(size_weight=10.0), net, batch, 8, 3e-4)
    assert results[-1].figures["size_ranking"] < 0.8 * results[0].figures["size_ranking"]


def test_the_end_copies_the_search_trunk_to_the_target(make_net):
    net = make_net("alexnet")
    SizeStage().finish(net)
    assert all(
        torch.equal(net.target.state_dict()[name], value) for name, value in net.search.state_dict().items()
    )


def test_a_network_with_a_box_branch_is_refused(make_net):
    with pytest.raises(ValueError, match="network 'lite' has a box branch for sizes"):
        SizeStage().prepare(make_net())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ranking_weight": -1}, "ranking_weight must be in"),
        ({"size_weight": 1001}, r"size_weight must be in \[0, 1000\], got 1001"),
        ({"size_sharpness": -1.0}, r"size_sharpness must be in \[0, 1000\], got -1.0"),
        ({"sizes": 4}, r"sizes must be odd and in \[3, 15\], got 4"),
        ({"sizes": 1}, r"sizes must be odd and in \[3, 15\], got 1"),
        ({"size_reach": 0.0}, r"size_reach must be in \(0, 1\], got 0.0"),
        ({"size_deviation": float("nan")}, r"size_deviation must be in \(0, 1\], got nan"),
    ],
)
def test_settings_outside_their_bounds(given, message):
    with pytest.raises(ValueError, match=message):
        SizeStage(**given)
