"""Scores: which frames count, how sequences are put together."""

from dataclasses import replace
from math import isnan

import numpy as np
import pytest

from gradnet_ros.evaluation.protocols import PROTOCOLS
from gradnet_ros.evaluation.results import Evaluation, SequenceResult
from gradnet_ros.evaluation.scores import combine, score_evaluation, score_sequence, score_tracker
from gradnet_ros.evaluation.sequences import Sequence


def sequence(name, count, **more):
    truth = np.tile([10.0, 10, 20, 20], (count, 1))
    return Sequence(name, None, truth, **more)


def result(of, moved=(), scores=None, lost=None, seconds=None, updates=0):
    """On the target, but ``moved`` says by how many pixels it is off in which frames."""
    boxes = np.nan_to_num(of.truth, nan=10.0)
    for frame, pixels in dict(moved).items():
        boxes[frame, 0] += pixels
    count = len(boxes)
    return SequenceResult(
        "t",
        of.name,
        boxes,
        np.full(count, np.nan) if scores is None else np.array(scores, float),
        np.zeros(count, bool) if lost is None else np.array(lost, bool),
        np.full(count, 0.02) if seconds is None else np.array(seconds, float),
        updates,
    )


def scores(of, protocol="folder", **more):
    return score_sequence(result(of, **more), of, PROTOCOLS[protocol]).scores


def test_a_perfect_tracker():
    found = scores(sequence("a", 4))
    assert found.auc == pytest.approx(20 / 21)
    assert (found.precision, found.normalised_precision, found.ao, found.sr75) == (1, 1, 1, 1)
    assert found.frames == 4
    assert (found.p50_ms, found.p99_ms, found.fps) == pytest.approx((20, 20, 50))


def test_by_hand():
    of = sequence("a", 4)
    found = scores(of, moved={1: 10, 2: 4, 3: 30})
    overlap = np.array([1, 200 / 600, 320 / 480, 0])
    assert found.ao == pytest.approx(overlap.mean())
    assert found.auc == pytest.approx(np.mean([np.mean(overlap > t) for t in np.linspace(0, 1, 21)]))
    assert found.precision == 0.75
    assert found.normalised_precision == 0.5  # 4 of 20 pixels still counts
    assert found.precision_curve[9:11] == (0.5, 0.75)
    assert (found.sr50, found.sr75) == (0.5, 0.25)


def test_frames_without_a_box_do_not_count():
    of = sequence("a", 5)
    of.truth[1] = np.nan
    of.truth[2, 2:] = (0, 20)
    of.truth[3, 2:] = (20, -1)
    found = scores(of, moved={1: 90, 2: 90, 3: 90})
    assert found.frames == 2
    assert found.auc == pytest.approx(20 / 21)
    assert found.absent == 3


def test_the_first_frame_is_the_truth_for_otb_and_nothing_for_got10k():
    of = sequence("a", 3)
    assert scores(of, "otb", moved={0: 500}).ao == 1
    found = scores(of, "got10k", moved={1: 10})
    assert found.frames == 2
    assert found.ao == pytest.approx((1 / 3 + 1) / 2)
    assert len(found.success_curve) == 101


def test_frames_that_the_benchmark_does_not_score():
    of = sequence("a", 4, scored=np.array([True, True, False, True]))
    assert scores(of, "lasot", moved={2: 500}).precision == 1


def test_a_box_that_is_none_misses():
    of = sequence("a", 2)
    answer = result(of)
    answer.boxes[1] = np.nan
    found = score_sequence(answer, of).scores
    assert found.ao == 0.5
    assert found.precision == 0.5


def test_boxes_are_cut_in_the_benchmarks_own_coordinates():
    of = sequence("a", 2, bound=(31.0, 100.0), origin=1)  # the target, from 11 to 31, just fits
    answer = result(of)
    answer.boxes[1, 2] = 40  # and this one is cut to the target
    assert score_sequence(answer, of, PROTOCOLS["got10k"]).scores.ao == 1


def test_unknown_truth_says_nothing():
    of = Sequence("a", None, np.vstack([[10, 10, 20, 20], np.full((3, 4), np.nan)]), absent=np.zeros(4, bool))
    found = scores(of, "got10k", scores=[np.nan, 0.1, 0.2, 0.3], lost=[0, 1, 1, 0])
    assert found.frames == 0
    values = (found.ao, found.auc, found.precision, found.auroc, found.lost_precision, found.lost_recall)
    assert all(isnan(value) for value in values)
    assert found.fps == pytest.approx(50)


def test_confidence_and_lost():
    of = sequence("a", 6)
    of.truth[4:] = np.nan
    found = scores(
        of,
        moved={2: 30},
        scores=[np.nan, 0.9, 0.5, 0.4, 0.1, 0.2],  # of the frames that count: right, wrong, right
        lost=[False, False, True, False, True, False],
    )
    assert found.auroc == 0.5
    assert found.lost_precision == 0.5
    assert found.lost_recall == 0.5
    assert found.absent == 2


def test_bands_are_of_all_frames_with_a_known_truth_but_first_ones():
    of = sequence("a", 6)
    of.truth[4] = np.nan  # absent
    several = [
        score_sequence(result(of, moved={2: 30}, scores=[1, 0.99, 0.3, 0.3, 0.3, np.nan]), of),
        score_sequence(result(sequence("b", 2), scores=[1, 0.99]), sequence("b", 2)),
    ]
    bands = {band.low: band for band in score_tracker(several, PROTOCOLS["folder"]).score_bands()}
    assert {low: band.frames for low, band in bands.items() if band.frames} == {0.25: 3, 0.98: 2}
    assert bands[0.25][3:] == (pytest.approx(1 / 3), pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert bands[0.98][3:] == (1, 0, 1)


def test_a_tracker_without_scores_has_no_bands():
    of = sequence("a", 3)
    found = score_sequence(result(of, scores=[np.nan] * 3), of)
    assert score_tracker([found], PROTOCOLS["folder"]).score_bands() == ()


def test_what_nobody_noted_is_not_scored():
    of = sequence("a", 6)
    of.truth[4:] = np.nan
    raw = replace(result(of), lost=None, updates=None)
    noted = result(sequence("b", 6), lost=[False, True, False, False, False, False], updates=2)
    alone = score_sequence(raw, of).scores
    assert np.isnan([alone.lost_precision, alone.lost_recall, alone.updates]).all()
    assert alone.absent == 2
    both = score_tracker(
        [score_sequence(raw, of), score_sequence(noted, sequence("b", 6))], PROTOCOLS["folder"]
    ).overall
    assert both.lost_precision == 0.0  # of the one that was noted
    assert np.isnan(both.lost_recall)


def test_times_leave_the_first_frame_out():
    found = scores(sequence("a", 4), seconds=[9, 0.01, 0.02, 0.03])
    assert found.mean_ms == pytest.approx(20)
    assert found.fps == pytest.approx(50)
    assert found.p95_ms == pytest.approx(29)


def test_sequences_are_averaged_or_pooled():
    long, short = sequence("long", 11), sequence("short", 3)
    several = (
        [score_sequence(result(long, updates=2), long, PROTOCOLS[name]) for name in ("otb", "got10k")],
        [
            score_sequence(result(short, {1: 30, 2: 30}, updates=1), short, PROTOCOLS[name])
            for name in ("otb", "got10k")
        ],
    )
    otb = combine([several[0][0], several[1][0]], PROTOCOLS["otb"])
    assert otb.ao == pytest.approx((1 + 1 / 3) / 2)
    assert otb.updates == 3
    pooled = combine([several[0][1], several[1][1]], PROTOCOLS["got10k"])
    assert pooled.ao == pytest.approx(10 / 12)
    assert (pooled.sr50, pooled.frames) == (pytest.approx(10 / 12), 12)


def test_a_sequence_without_a_frame_that_counts_has_no_part_in_averages():
    full, empty = sequence("full", 3), sequence("empty", 3, scored=np.zeros(3, bool))
    several = [score_sequence(result(each), each) for each in (full, empty)]
    assert combine(several, PROTOCOLS["folder"]).ao == 1
    assert isnan(combine(several[1:], PROTOCOLS["folder"]).ao)


def test_an_evaluation_by_attribute():
    sequences = (
        sequence("a", 3, attributes=frozenset({"blur"})),
        sequence("b", 3, attributes=frozenset({"blur", "dark"})),
        sequence("c", 3),
    )
    results = {"t": {each.name: result(each, {2: 30} if each.name == "b" else {}) for each in sequences}}
    found = score_evaluation(Evaluation("otb", sequences, {"t": {}}, results))["t"]
    assert list(found.attributes) == ["blur", "dark"]
    assert found.attributes["blur"].ao == pytest.approx(5 / 6)
    assert found.attributes["dark"].ao == pytest.approx(2 / 3)
    assert found.overall.ao == pytest.approx(8 / 9)
    assert list(found.sequences) == ["a", "b", "c"]


def test_another_number_of_boxes():
    of = sequence("a", 3)
    with pytest.raises(ValueError, match=r"a: 2 boxes of t, but 3 rows of truth"):
        score_sequence(result(sequence("a", 2)), of)
