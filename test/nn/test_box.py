"""The box branch looks where the box says and answers for the right cell."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gradnet_ros.nn.box import BoxHead
from gradnet_ros.nn.losses import box_iou_loss
from support import random_network

DEPTHS, STRIDE, MARGIN = (6, 10), 8, 3
EXEMPLAR, SEARCH = 11, 15  # cells a side; the response has 9


def make_head(answering=True):
    """A small head with random weights; ``answering`` gives the last layer some too."""
    torch.manual_seed(0)
    head = BoxHead(DEPTHS, STRIDE, MARGIN)
    if answering:
        nn.init.normal_(head.edges.weight, std=0.1)
    return head


def reading_one_level():
    """A head that takes features as they are: where it looks is told by what it reads."""
    head = make_head()
    head.features = lambda levels: levels[0]
    return head


def noise(count, cells, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(count, depth, cells, cells, generator=generator) for depth in DEPTHS)


def some(levels, part):
    return tuple(level[part] for level in levels)


sizes = st.tuples(st.floats(4, 50), st.floats(4, 50))


@settings(deadline=None, max_examples=20)
@given(size=sizes)
def test_at_first_every_cell_answers_with_the_exemplars_size_around_itself(size):
    head = make_head(answering=False)
    edges = head(noise(1, SEARCH, seed=1), head.template(noise(1, EXEMPLAR), torch.tensor([size])))
    w, h = size
    expected = torch.tensor([w / 2, h / 2, w / 2, h / 2]).view(1, 4, 1, 1).expand(1, 4, 9, 9)
    torch.testing.assert_close(edges, expected)


@settings(deadline=None, max_examples=20)
@given(size=sizes)
def test_the_parts_lie_where_the_box_says(size):
    """Ramps are interpolated exactly; what is read from them is the place that was looked at."""
    axis = (torch.arange(EXEMPLAR) - (EXEMPLAR - 1) / 2) * STRIDE
    ramps = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None]  # x and y, pixels from the centre
    places = reading_one_level().template([ramps], torch.tensor([size])).parts
    assert places.shape == (1, 49, 2)
    x, y = places.view(7, 7, 2).unbind(-1)
    steps = torch.linspace(-0.7, 0.7, 7)  # the box reaches from -0.5 to 0.5 of its side
    torch.testing.assert_close(x, (steps * size[0]).expand(7, 7), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(y, (steps * size[1])[:, None].expand(7, 7), atol=1e-3, rtol=1e-4)


def test_nothing_is_seen_beyond_the_crop():
    # The crop's cells reach to 40 pixels from its centre; the first and last column lie at 63.
    ones = torch.ones(1, 1, EXEMPLAR, EXEMPLAR)
    parts = reading_one_level().template([ones], torch.tensor([[90.0, 20.0]])).parts.view(7, 7)
    torch.testing.assert_close(parts[:, 2:-2], torch.ones(7, 3))
    assert not parts[:, 0].any()
    assert not parts[:, -1].any()


def test_target_and_surroundings_are_told_apart():
    # First channel inside a box of 5 x 3 cells, second outside of it.
    features = torch.zeros(1, 2, EXEMPLAR, EXEMPLAR)
    features[:, 1] = 1
    features[:, 0, 4:7, 3:8], features[:, 1, 4:7, 3:8] = 1, 0
    head = reading_one_level()
    _, target, surround, size = head.template([features], torch.tensor([[40.0, 24.0]]))
    assert target[0, 0] > 0.85  # the edge is soft
    assert surround[0, 1] > 0.9
    torch.testing.assert_close(target.sum(), torch.tensor(1.0))
    torch.testing.assert_close(surround.sum(), torch.tensor(1.0))
    assert size.tolist() == [[40.0, 24.0]]
    # Upright is not lying.
    assert head.template([features], torch.tensor([[24.0, 40.0]])).target[0, 0] < 0.7


def test_levels_weigh_the_same_whatever_their_values():
    head = make_head()
    size = torch.tensor([[30.0, 20.0]])

    def answer(factor):
        first, second = ([level[0] * factor, level[1]] for level in (noise(1, EXEMPLAR), noise(1, SEARCH, 1)))
        return head(second, head.template(first, size))

    torch.testing.assert_close(answer(100.0), answer(1.0))
    assert not torch.allclose(answer(-1.0), answer(1.0))


@pytest.mark.parametrize("size", [(1.0, 1.0), (200.0, 200.0)])
def test_tiny_and_huge_boxes_give_finite_answers(size):
    head = make_head()
    template = head.template(noise(1, EXEMPLAR), torch.tensor([size]))
    assert all(torch.isfinite(part).all() for part in template)
    assert torch.isfinite(head(noise(1, SEARCH), template)).all()


def test_every_cell_of_the_response_reads_its_own_place():
    """Without the tower the head sees one cell: only the one that changed answers differently."""
    head = make_head()
    for convolution in head.tower:
        nn.init.zeros_(convolution.weight)
        nn.init.zeros_(convolution.bias)
    template = head.template(noise(1, EXEMPLAR), torch.tensor([[30.0, 20.0]]))
    levels, other = noise(1, SEARCH, 1), noise(1, SEARCH, 1)
    other[1][..., MARGIN + 2, MARGIN + 5] *= -1
    changed = (head(levels, template) != head(other, template)).any(1)[0]
    assert changed.nonzero().tolist() == [[2, 5]]


def test_the_tower_sees_nine_cells_away():
    """Norms rest here, for they see all cells."""
    head = make_head()
    for number in range(len(head.norms)):
        head.norms[number] = nn.Identity()
    template = head.template(noise(1, EXEMPLAR), torch.tensor([[30.0, 20.0]]))
    levels, other = noise(1, 31, 1), noise(1, 31, 1)
    other[0][..., 15, 15] *= -1
    changed = (head(levels, template) != head(other, template)).any(1)[0]  # 25 x 25, the middle is 12
    rows, columns = changed.nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 21, 3, 21)


def test_each_search_region_is_read_with_its_own_template():
    head = make_head()
    exemplars, searches = noise(3, EXEMPLAR), noise(3, SEARCH, seed=1)
    size = torch.tensor([[30.0, 20.0], [12.0, 40.0], [25.0, 25.0]])
    together = head(searches, head.template(exemplars, size))
    for n in range(3):
        one = slice(n, n + 1)
        alone = head(some(searches, one), head.template(some(exemplars, one), size[one]))
        torch.testing.assert_close(together[one], alone, rtol=1e-4, atol=1e-4)
    swapped = head(some(searches, [1, 0, 2]), head.template(exemplars, size))
    assert not torch.allclose(swapped[1], together[0], rtol=1e-2)


def answers_of(bias):
    """Of a head whose last layer answers one thing, for an exemplar of 30 x 20 pixels."""
    head = make_head(answering=False)
    with torch.no_grad():
        head.edges.bias.copy_(torch.as_tensor(bias))
    edges = head(noise(1, SEARCH), head.template(noise(1, EXEMPLAR), torch.tensor([[30.0, 20.0]])))
    assert (edges > 0).all()
    assert (edges == edges[..., :1, :1]).all()
    return edges[0, :, 0, 0]


HALF = torch.tensor([15.0, 10.0, 15.0, 10.0])


@pytest.mark.parametrize(("bias", "ratio"), [(-50.0, -2.0), (50.0, 2.0), (0.3, 0.3)])
def test_edges_are_positive_and_bounded(bias, ratio):
    torch.testing.assert_close(answers_of([bias] * 4), HALF * torch.tensor(ratio).exp())


def test_the_four_edges_are_left_top_right_bottom():
    bias = torch.tensor([0.1, 0.2, 0.3, 0.4])
    torch.testing.assert_close(answers_of(bias), HALF * bias.exp())


def test_gradients_reach_every_parameter_and_both_sides():
    head = make_head()
    exemplars = tuple(level.requires_grad_() for level in noise(2, EXEMPLAR))
    searches = tuple(level.requires_grad_() for level in noise(2, SEARCH, seed=1))
    edges = head(searches, head.template(exemplars, torch.tensor([[30.0, 20.0], [20.0, 20.0]])))
    loss, _ = box_iou_loss(edges, torch.zeros(2, 2), torch.tensor([[40.0, 20.0], [20.0, 40.0]]), STRIDE)
    loss.backward()
    for name, tensor in (*head.named_parameters(), *enumerate((*exemplars, *searches))):
        assert tensor.grad is not None, name
        assert tensor.grad.any(), name


def test_it_learns_boxes_that_differ_from_the_exemplars():
    """Four targets, all of one size in their exemplars."""
    head = make_head(answering=False)
    exemplars, searches = noise(4, EXEMPLAR), noise(4, SEARCH, seed=1)
    offsets = torch.tensor([[0.0, 0.0], [8.0, -8.0], [-16.0, 0.0], [4.0, 12.0]])
    wanted = torch.tensor([[45.0, 30.0], [30.0, 45.0], [20.0, 24.0], [24.0, 40.0]])
    optimiser = torch.optim.Adam(head.parameters(), 3e-3)
    overlaps = []
    for _ in range(50):
        edges = head(searches, head.template(exemplars, torch.full((4, 2), 30.0)))
        loss, overlap = box_iou_loss(edges, offsets, wanted, STRIDE)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        overlaps.append(float(overlap))
    assert overlaps[0] < 0.65
    assert overlaps[-1] > 0.78


def test_lite_has_the_branch_and_alexnet_has_not():
    net = random_network("lite")
    spec = net.spec
    crops = torch.rand(1, 3, spec.exemplar_size, spec.exemplar_size) * 255
    exemplar = net.search.search(crops)
    search = net.search.search(torch.rand(1, 3, spec.search_size, spec.search_size) * 255)
    torch.testing.assert_close(exemplar.features, net.search_features(crops))
    edges = net.box(search.levels, net.box.template(exemplar.levels, torch.tensor([[60.0, 40.0]])))
    assert edges.shape == (1, 4, spec.response_size, spec.response_size)

    net = random_network("alexnet")
    crops = torch.rand(1, 3, net.spec.exemplar_size, net.spec.exemplar_size) * 255
    features, levels = net.search.search(crops)
    torch.testing.assert_close(features, net.search_features(crops))
    assert levels == ()
    assert net.box is None
