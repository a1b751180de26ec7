"""One tracker against another."""

from dataclasses import replace
from math import isnan, sqrt

import numpy as np
import pytest

from gradnet_ros.evaluation.differences import auc_differences
from gradnet_ros.evaluation.results import Evaluation, SequenceResult
from gradnet_ros.evaluation.scores import score_evaluation
from gradnet_ros.evaluation.segments import cut_segments
from gradnet_ros.evaluation.sequences import Sequence


def sequence(name, count=20):
    return Sequence(name, None, np.tile([10.0, 10, 20, 20], (count, 1)))


def result(tracker, of, right):
    """On the target in the first ``right`` frames, and nowhere near it in the others."""
    boxes = of.truth.copy()
    boxes[right:, 0] += 1000
    count = len(boxes)
    return SequenceResult(
        tracker, of.name, boxes, np.ones(count), np.zeros(count, bool), np.full(count, 0.01), 0
    )


def differences(sequences, **right):
    """Trackers by the number of frames that each gets right in every sequence."""
    results = {
        tracker: {of.name: result(tracker, of, count) for of, count in zip(sequences, counts, strict=True)}
        for tracker, counts in right.items()
    }
    evaluation = Evaluation("folder", tuple(sequences), {tracker: {} for tracker in right}, results)
    return auc_differences(evaluation, score_evaluation(evaluation))


def test_the_first_against_every_other_by_hand():
    of = [sequence(name) for name in "abcd"]
    to_second, to_third = differences(of, x=(10, 12, 14, 20), y=(8, 12, 13, 15), z=(20, 20, 20, 20))
    gains = np.array([2, 0, 1, 5]) / 20 * (20 / 21)
    assert (to_second.tracker, to_second.other, to_second.sequences) == ("x", "y", 4)
    assert to_second.auc == pytest.approx(gains.mean())
    assert to_second.error == pytest.approx(gains.std(ddof=1) / sqrt(4))
    assert to_third.other == "z"
    assert to_third.auc < 0
    assert str(to_second) == f"AUC of x less that of y: +{gains.mean():.4f} +- {to_second.error:.4f}"


def test_segments_of_one_sequence_count_as_one_where_trust_is_concerned():
    alone = [sequence(name) for name in "abcdef"]
    by_two = cut_segments([sequence(name, 40) for name in "abc"], 2, 20)
    right = {"x": (9, 9, 12, 12, 20, 20), "y": (8, 8, 12, 12, 15, 15)}
    (apart,), (together,) = differences(alone, **right), differences(by_two, **right)
    assert together.auc == pytest.approx(apart.auc)
    assert (apart.sequences, together.sequences) == (6, 3)
    of_three = np.array([1, 0, 5]) / 20 * (20 / 21)
    assert together.error == pytest.approx(of_three.std(ddof=1) / sqrt(3))
    assert together.error > apart.error


def test_one_sequence_has_no_error():
    (found,) = differences([sequence("a")], x=(9,), y=(8,))
    assert isnan(found.error)
    assert str(found).endswith("+0.0476")


def test_what_no_frame_counts_in_has_no_part():
    kept, unknown = sequence("a"), sequence("b")
    unknown = replace(unknown, scored=np.zeros(20, bool))
    (found,) = differences([kept, unknown], x=(9, 3), y=(8, 9))
    assert found.sequences == 1
    assert differences([unknown], x=(9,), y=(8,)) == []
    assert differences([kept], x=(9,)) == []
