"""Shares of places, and hits."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.nn.losses import target_distance
from gradnet_ros.training.stages.places import hits, prefer, soft_place

offsets = st.tuples(st.floats(-72, 72), st.floats(-72, 72))


@given(offset=offsets)
def test_the_share_is_largest_nearest_to_the_target(offset):
    distance = target_distance(torch.tensor([offset]), 19, 8)
    share = soft_place(distance, 8)
    assert share.shape == (1, 1, 19, 19)
    assert float(share.sum()) == pytest.approx(1.0, rel=1e-5)
    assert float(distance.flatten()[share.argmax()]) == pytest.approx(float(distance.min()), abs=1e-3)


def test_the_deviation_is_one_cell():
    share = soft_place(target_distance(torch.zeros(1, 2), 19, 8), 8)[0, 0]
    for right, down in ((1, 0), (0, 2), (3, -1)):
        expected = math.exp(-0.5 * (right**2 + down**2))
        assert float(share[9 + down, 9 + right] / share[9, 9]) == pytest.approx(expected, rel=1e-4)


def test_every_map_sums_to_one_by_itself():
    distance = target_distance(torch.tensor([[0.0, 0.0], [100.0, 40.0]]), 19, 8)
    shares = soft_place(distance, 8)
    assert shares.sum((1, 2, 3)).tolist() == pytest.approx([1, 1])
    torch.testing.assert_close(shares[1:], soft_place(distance[1:], 8))


def test_a_target_far_away_has_shares_too():
    share = soft_place(target_distance(torch.tensor([[512.0, 512.0]]), 19, 8), 8)
    assert float(share.sum()) == pytest.approx(1.0)
    assert int(share.argmax()) == 19 * 19 - 1


def test_cells_with_better_boxes_are_preferred():
    places = soft_place(target_distance(torch.tensor([[0.0, 0.0], [24.0, -8.0]]), 19, 8), 8)
    overlaps = torch.rand(2, 19, 19, generator=torch.Generator().manual_seed(0))
    shares = prefer(places, overlaps, 5.0)
    assert shares.sum((1, 2, 3)).tolist() == pytest.approx([1, 1])
    first, second = (1, 0, 7, 11), (1, 0, 8, 12)
    gain = math.exp(5 * float(overlaps[1, 7, 11] - overlaps[1, 8, 12]))
    assert float(shares[first] / shares[second]) == pytest.approx(
        gain * float(places[first] / places[second]), rel=1e-4
    )
    torch.testing.assert_close(prefer(places, overlaps, 0.0), places)
    torch.testing.assert_close(prefer(places, torch.full_like(overlaps, 0.7), 5.0), places)


def test_a_peak_within_the_radius_is_a_hit():
    distance = target_distance(torch.tensor([[0.0, 0.0]] * 4), 19, 8)
    scores = torch.zeros(4, 1, 19, 19)
    scores[0, 0, 9, 9] = 1  # on the target
    scores[1, 0, 9, 11] = 1  # 16 pixels away
    scores[2, 0, 11, 10] = 1  # 18
    scores[3, 0, 0, 0] = 1
    assert hits(scores, distance).tolist() == [1, 1, 0, 0]
    assert hits(scores, distance, radius=18.0).tolist() == [1, 1, 1, 0]
    assert hits(-scores - 1, distance).tolist() == [0, 0, 0, 0]  # the first of equal ones is the corner
