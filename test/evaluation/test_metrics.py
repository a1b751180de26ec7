"""OTB scores by definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.evaluation.metrics import (
    OTB_THRESHOLDS,
    PRECISION_PIXELS,
    centre_errors,
    clip_boxes,
    error_curve,
    normalised_errors,
    overlaps,
    success_curve,
    valid_rows,
)

BOX = st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(1, 60), st.floats(1, 60))


def test_a_perfect_tracker_scores_20_of_21():
    assert len(OTB_THRESHOLDS) == 21
    assert success_curve(np.ones(7), OTB_THRESHOLDS).mean() == pytest.approx(20 / 21)


def test_the_threshold_is_strict():
    assert success_curve(np.array([0.5]), OTB_THRESHOLDS).mean() == pytest.approx(10 / 21)
    assert success_curve(np.array([0.0]), OTB_THRESHOLDS).mean() == 0


@given(first=BOX, second=BOX)
def test_overlap_by_hand(first, second):
    (ax, ay, aw, ah), (bx, by, bw, bh) = first, second
    width = max(0.0, min(ax + aw, bx + bw) - max(ax, bx))
    height = max(0.0, min(ay + ah, by + bh) - max(ay, by))
    expected = width * height / (aw * ah + bw * bh - width * height)
    found = overlaps(np.array([first]), np.array([second]))[0]
    assert found == pytest.approx(expected)
    assert 0 <= found <= 1
    assert overlaps(np.array([first]), np.array([first]))[0] == pytest.approx(1)


def test_centre_error_is_otbs():
    errors = centre_errors(np.array([[0, 0, 11, 11.0]]), np.array([[3, 4, 11, 11.0]]))
    assert errors[0] == pytest.approx(5)
    assert error_curve(np.array([20.0, 20.1]), np.array([PRECISION_PIXELS])).tolist() == [0.5]


def test_rows_without_a_box():
    boxes = np.array([[1, 2, 3, 4], [np.nan] * 4, [1, 2, 0, 4], [1, 2, 3, -1]])
    assert valid_rows(boxes).tolist() == [True, False, False, False]


def test_an_overlap_is_never_above_one_by_rounding():
    boxes = np.random.default_rng(0).uniform(0.1, 99, (20000, 4))
    assert overlaps(boxes, boxes).max() == 1


@given(box=BOX)
def test_a_box_is_cut_to_the_image_as_got10k_cuts_it(box):
    x, y, w, h = clip_boxes(np.array([box]), (40, 30))[0]
    assert (x, y) == (min(max(box[0], 0), 40), min(max(box[1], 0), 30))
    assert (w, h) == (min(box[2], 40 - x), min(box[3], 30 - y))


def test_normalised_error_by_hand():
    found, truth = np.array([[10, 20, 8, 8.0]]), np.array([[14, 20, 8, 16.0]])
    # Centres are 4 apart in x (half the width) and 4 in y (a quarter of the height).
    assert normalised_errors(found, truth)[0] == pytest.approx(np.hypot(0.5, 0.25))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_curves_fall_and_rise(values):
    success = success_curve(np.array(values), OTB_THRESHOLDS)
    assert (np.diff(success) <= 0).all()
    errors = error_curve(60 * np.array(values), np.arange(51.0))
    assert (np.diff(errors) >= 0).all()
    assert errors[20] == np.mean([60 * value <= 20 for value in values])


def test_without_a_frame_a_curve_says_nothing():
    assert np.isnan(success_curve(np.empty(0), OTB_THRESHOLDS)).all()
