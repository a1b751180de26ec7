"""Labels lie where the target is; losses are the paper's."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.nn.losses import box_iou_loss, centre_labels, logistic_loss, ranking_loss, target_distance


def test_centred_labels_are_a_disc_of_two_cells():
    labels = centre_labels(torch.zeros(1, 2), 17, 8)[0, 0]
    positives = {(int(r) - 8, int(c) - 8) for r, c in (labels > 0).nonzero()}
    assert positives == {(r, c) for r in range(-2, 3) for c in range(-2, 3) if r * r + c * c <= 4}


@given(column=st.integers(-6, 6), row=st.integers(-6, 6))
def test_labels_follow_the_offset(column, row):
    distance = target_distance(torch.tensor([[8.0 * column, 8.0 * row]]), 19, 8)[0, 0]
    place = divmod(int(distance.argmin()), 19)
    assert place == (9 + row, 9 + column)
    assert distance.min() == 0


def test_logistic_loss_by_hand():
    scores = torch.tensor([[[[2.0, -1.0], [0.5, -3.0]]]])
    labels = torch.tensor([[[[1.0, -1.0], [-1.0, -1.0]]]])

    def log_loss(score, label):
        return math.log1p(math.exp(-label * score))

    expected = 0.5 * log_loss(2, 1) + 0.5 / 3 * (log_loss(-1, -1) + log_loss(0.5, -1) + log_loss(-3, -1))
    assert float(logistic_loss(scores, labels)) == pytest.approx(expected)


def test_logistic_loss_is_the_sum_over_maps():
    scores, labels = torch.randn(3, 1, 5, 5), centre_labels(torch.zeros(3, 2), 5, 8)
    single = sum(logistic_loss(scores[i : i + 1], labels[i : i + 1]) for i in range(3))
    torch.testing.assert_close(logistic_loss(scores, labels), single)


def test_a_map_without_a_target_weighs_its_negatives_with_one_half():
    scores = torch.zeros(1, 1, 4, 4)
    assert float(logistic_loss(scores, -torch.ones_like(scores))) == pytest.approx(0.5 * math.log(2))


def test_ranking_loss_falls_as_the_true_place_rises():
    targets = torch.tensor([[0.0, 1.0, 0.0]])
    low = ranking_loss(torch.tensor([[0.0, 0.0, 0.0]]), targets)
    high = ranking_loss(torch.tensor([[0.0, 3.0, 0.0]]), targets)
    assert float(low) == pytest.approx(math.log(3))
    assert float(high) < float(low)


def true_edges(offsets, sizes, cells=9, stride=8):
    """What every cell has to answer for a box."""
    axis = (torch.arange(cells) - (cells - 1) / 2) * stride
    x, y = axis[None, None, :], axis[None, :, None]
    (cx, cy), (w, h) = offsets.T[..., None, None], sizes.T[..., None, None]
    sides = (x - (cx - w / 2), y - (cy - h / 2), cx + w / 2 - x, cy + h / 2 - y)
    return torch.stack([side.expand(-1, cells, cells) for side in sides], dim=1)


def slow_box_loss(edges, offsets, sizes, stride):
    """1 - GIoU and IoU, cell by cell, each sample's cells averaged first."""
    losses, overlaps = [], []
    for edge, (cx, cy), (w, h) in zip(edges.tolist(), offsets.tolist(), sizes.tolist(), strict=True):
        cells, found = len(edge[0]), []
        for row in range(cells):
            for column in range(cells):
                x, y = ((place - (cells - 1) / 2) * stride for place in (column, row))
                if abs(x - cx) > max(0.3 * w, 0.75 * stride) or abs(y - cy) > max(0.3 * h, 0.75 * stride):
                    continue
                left, top, right, bottom = (side[row][column] for side in edge)
                a = (x - left, y - top, x + right, y + bottom)
                b = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
                shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
                union = (a[2] - a[0]) * (a[3] - a[1]) + w * h - shared
                hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
                found.append((1 - shared / union + (hull - union) / hull, shared / union))
        if found:
            losses.append(np.mean([one[0] for one in found]))
            overlaps.append(np.mean([one[1] for one in found]))
    return np.mean(losses), np.mean(overlaps)


boxes = st.lists(
    st.tuples(st.floats(-30, 30), st.floats(-30, 30), st.floats(1, 90), st.floats(1, 90)),
    min_size=1,
    max_size=3,
)


@given(boxes=boxes)
def test_perfect_boxes_cost_nothing(boxes):
    offsets, sizes = torch.tensor(boxes)[:, :2], torch.tensor(boxes)[:, 2:]
    loss, overlap = box_iou_loss(true_edges(offsets, sizes), offsets, sizes, 8)
    assert float(loss) == pytest.approx(0.0, abs=1e-3)
    assert float(overlap) == pytest.approx(1.0, abs=1e-3)


@given(boxes=boxes, seed=st.integers(0, 1000))
def test_box_loss_against_a_slow_reference(boxes, seed):
    offsets, sizes = torch.tensor(boxes)[:, :2], torch.tensor(boxes)[:, 2:]
    edges = 1.0 + 60 * torch.rand(len(boxes), 4, 9, 9, generator=torch.Generator().manual_seed(seed))
    loss, overlap = box_iou_loss(edges, offsets, sizes, 8)
    expected = slow_box_loss(edges, offsets, sizes, 8)
    assert (float(loss), float(overlap)) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_box_loss_by_hand():
    """One cell, a box of 4 x 4 right beside one of 4 x 4: the hull is 8 x 4, all of it covered."""
    edges = torch.tensor([2.0, 2.0, 2.0, 2.0]).view(1, 4, 1, 1)
    loss, overlap = box_iou_loss(edges, torch.tensor([[4.0, 0.0]]), torch.tensor([[4.0, 4.0]]), 8)
    assert (float(loss), float(overlap)) == (1.0, 0.0)
    # Two pixels nearer: 8 shared, 24 in the union, which is the hull.
    loss, overlap = box_iou_loss(edges, torch.tensor([[2.0, 0.0]]), torch.tensor([[4.0, 4.0]]), 8)
    assert (float(loss), float(overlap)) == pytest.approx((2 / 3, 1 / 3))
    # Farther away a gap costs its share of the hull: 3 x 4 of 9 x 4 pixels.
    loss, _ = box_iou_loss(edges, torch.tensor([[6.0, 0.0]]), torch.tensor([[2.0, 4.0]]), 8)
    assert float(loss) == pytest.approx(1 + 12 / 36)


def test_samples_weigh_the_same_in_the_box_loss():
    offsets = torch.zeros(2, 2)
    sizes = torch.tensor([[60.0, 60.0], [4.0, 4.0]])  # 25 cells and one
    edges = torch.full((2, 4, 9, 9), 20.0)
    together, overlap = box_iou_loss(edges, offsets, sizes, 8)
    alone = [box_iou_loss(edges[n : n + 1], offsets[n : n + 1], sizes[n : n + 1], 8) for n in range(2)]
    assert float(together) == pytest.approx(np.mean([float(one[0]) for one in alone]))
    assert float(overlap) == pytest.approx(np.mean([float(one[1]) for one in alone]))


def test_only_cells_on_the_target_have_a_say():
    edges = torch.full((1, 4, 9, 9), 10.0, requires_grad=True)
    box_iou_loss(edges, torch.tensor([[16.0, -8.0]]), torch.tensor([[30.0, 10.0]]), 8)[0].backward()
    # 9 pixels to the left and right, 6 up and down of column 6, row 3.
    rows, columns = edges.grad.abs().sum((0, 1)).nonzero().T
    assert set(rows.tolist()) == {3}
    assert set(columns.tolist()) == {5, 6, 7}


def test_a_target_beyond_the_response_has_no_say_in_the_box_loss():
    offsets, sizes = torch.tensor([[0.0, 0.0], [200.0, 0.0]]), torch.full((2, 2), 30.0)
    edges = torch.full((2, 4, 9, 9), 20.0, requires_grad=True)
    both, overlap = box_iou_loss(edges, offsets, sizes, 8)
    one, overlap_of_one = box_iou_loss(edges[:1], offsets[:1], sizes[:1], 8)
    torch.testing.assert_close((both, overlap), (one, overlap_of_one))
    none, _ = box_iou_loss(edges[1:], offsets[1:], sizes[1:], 8)
    none.backward()
    assert float(none.detach()) == 0
    assert not edges.grad.any()
