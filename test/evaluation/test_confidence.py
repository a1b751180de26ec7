"""Whether a tracker knows when it is right, by counting."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.evaluation.confidence import auroc, decisions


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
