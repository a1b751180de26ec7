"""Whether a tracker knows when it is right, by counting."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.evaluation.confidence import BAND_EDGES, auroc, decisions, score_bands


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_auroc_is_the_share_of_pairs_in_order(rows):
    scores, right = np.array([row[0] / 6 for row in rows]), np.array([row[1] for row in rows])
    pairs = [(a, b) for a in scores[right] for b in scores[~right]]
    found = auroc(scores, right)
    if not pairs:
        assert isnan(found)
    else:
        assert found == pytest.approx(np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs]))


def test_auroc_of_perfect_blind_and_inverted_scores():
    right = np.array([True, True, False, False])
    assert auroc(np.array([0.9, 0.8, 0.2, 0.1]), right) == 1
    assert auroc(np.full(4, 0.5), right) == 0.5
    assert auroc(np.array([0.1, 0.2, 0.8, 0.9]), right) == 0


def test_decisions_by_hand():
    said = np.array([True, True, True, False, False])
    true = np.array([True, False, False, True, False])
    assert decisions(said, true) == (pytest.approx(1 / 3), 0.5)


def test_decisions_where_there_was_nothing_to_decide():
    nothing, some = np.zeros(3, bool), np.ones(3, bool)
    assert all(isnan(value) for value in decisions(nothing, nothing))
    precision, recall = decisions(nothing, some)
    assert isnan(precision)
    assert recall == 0


def test_score_bands_by_hand():
    scores = np.array([0.0, 0.05, 0.1, 0.3, 0.98, 1.0, 1.0])
    overlap = np.array([0.0, 0.2, 0.21, 0.5, 0.51, 0.9, 0.6])
    bands = score_bands(scores, overlap)
    assert [band.frames for band in bands] == [2, 1, 1, 0, 0, 0, 0, 3]
    assert bands[0][:2] == (0.0, 0.1)
    assert bands[0][3:] == (0.0, 1.0, pytest.approx(0.1))
    assert bands[1][3:] == (0.0, 0.0, pytest.approx(0.21))
    assert bands[2].right == 0.0  # an overlap of 0.5 is not above it
    assert bands[7][3:] == (1.0, 0.0, pytest.approx(0.67))
    assert isnan(bands[3].right)
    assert isnan(bands[3].off)
    assert isnan(bands[3].overlap)


@given(st.lists(st.tuples(st.floats(-0.5, 1.5), st.floats(0, 1)), min_size=1, max_size=40))
def test_every_frame_is_in_one_band(rows):
    scores, overlap = (np.array(column) for column in zip(*rows, strict=True))
    bands = score_bands(scores, overlap)
    assert [band.low for band in bands] == list(BAND_EDGES[:-1])
    assert sum(band.frames for band in bands) == len(rows)
    mean = sum(band.frames * band.overlap for band in bands if band.frames) / len(rows)
    assert mean == pytest.approx(overlap.mean(), abs=1e-9)
    for band in bands:
        last = band.high == 1.0
        inside = [(score >= band.low or band.low == 0) and (score < band.high or last) for score in scores]
        assert band.frames == sum(inside)
