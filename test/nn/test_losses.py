"""Labels lie where the target is; losses are the paper's."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.nn.losses import centre_labels, logistic_loss, ranking_loss, target_distance


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
