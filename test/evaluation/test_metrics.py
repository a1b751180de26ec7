"""OTB scores by definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.evaluation.metrics import (
    OTB_THRESHOLDS,
    centre_errors,
    overlaps,
    precision,
    success_auc,
    valid_rows,
)

BOX = st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(1, 60), st.floats(1, 60))


def test_a_perfect_tracker_scores_20_of_21():
    assert len(OTB_THRESHOLDS) == 21
    assert success_auc(np.ones(7)) == pytest.approx(20 / 21)


def test_the_threshold_is_strict():
    assert success_auc(np.array([0.5])) == pytest.approx(10 / 21)
    assert success_auc(np.array([0.0])) == 0


@given(first=BOX, second=BOX)
def test_overlap_by_hand(first, second):
    (ax, ay, aw, ah), (bx, by, bw, bh) = first, second
    width = max(0.0, min(ax + aw, bx + bw) - max(ax, bx))
    height = max(0.0, min(ay + ah, by + bh) - max(ay, by))
    expected = width * height / (aw * ah + bw * bh - width * height)
    found = overlaps(np.array([first]), np.array([second]))[0]
    assert found == pytest.approx(expected)
    assert 0 <= found <= 1 + 1e-12
    assert overlaps(np.array([first]), np.array([first]))[0] == pytest.approx(1)


def test_centre_error_is_otbs():
    errors = centre_errors(np.array([[0, 0, 11, 11.0]]), np.array([[3, 4, 11, 11.0]]))
    assert errors[0] == pytest.approx(5)
    assert precision(np.array([20.0, 20.1])) == 0.5


def test_rows_without_a_box():
    boxes = np.array([[1, 2, 3, 4], [np.nan] * 4, [1, 2, 0, 4], [1, 2, 3, -1]])
    assert valid_rows(boxes).tolist() == [True, False, False, False]
