"""Pieces of sequences."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.fakes import DrifterSpec
from evaluation.layouts import write_folder
from gradnet_ros.evaluation.runner import run_tracker
from gradnet_ros.evaluation.segments import cut_segments
from gradnet_ros.evaluation.sequences import Sequence, read_folder
from gradnet_ros.video import pictures_in


def sequence(count, without=(), **more):
    truth = np.arange(1.0, count + 1)[:, None] + np.array([0.0, 1, 20, 30])
    truth[list(without)] = np.nan
    return Sequence("a", None, truth, **more)


def places(segments):
    return [(each.name, each.first, len(each.truth)) for each in segments]


def test_pieces_are_spread_from_start_to_end():
    assert places(cut_segments([sequence(200)], 3, 60)) == [
        ("a@0", 0, 60),
        ("a@70", 70, 60),
        ("a@140", 140, 60),
    ]


@pytest.mark.parametrize(("count", "found"), [(10, ("a@0", 0, 10)), (119, ("a@0", 0, 60))])
def test_where_no_two_fit_there_is_one(count, found):
    assert places(cut_segments([sequence(count)], 3, 60)) == [found]


def test_a_piece_starts_where_there_is_a_box_and_needs_a_second_frame():
    assert places(cut_segments([sequence(120, without=[60, 61])], 2, 60)) == [
        ("a@0", 0, 60),
        ("a@62", 62, 58),
    ]
    assert places(cut_segments([sequence(120, without=range(60, 119))], 2, 60)) == [("a@0", 0, 60)]
    assert cut_segments([sequence(8, without=range(8))], 2, 4) == []


@given(st.integers(1, 300), st.integers(1, 9), st.integers(2, 80), st.sets(st.integers(0, 299)))
def test_pieces_hold_what_the_whole_holds_there_and_do_not_overlap(length, count, frames, gone):
    whole = sequence(
        length,
        without=[each for each in gone if each < length],
        absent=np.arange(length) % 3 == 0,
        scored=np.arange(length) % 5 != 0,
    )
    end = 0
    for each in cut_segments([whole], count, frames):
        there = slice(each.first, each.first + len(each.truth))
        assert each.first >= end
        end = there.stop
        assert end <= length
        assert 2 <= len(each.truth) <= frames
        assert np.isfinite(each.truth[0]).all()
        for mine, theirs in (
            (each.truth, whole.truth),
            (each.absent, whole.absent),
            (each.scored, whole.scored),
        ):
            np.testing.assert_array_equal(mine, theirs[there])
        assert each.whole_name == "a"


@pytest.mark.parametrize("kind", ["folder", "pictures"])
def test_it_plays_its_own_frames(tmp_path, kind):
    write_folder(tmp_path, (9,))
    (whole,) = read_folder(tmp_path)
    if kind == "pictures":
        whole = Sequence(whole.name, tuple(pictures_in(whole.source)), whole.truth)
    frames = list(whole.frames())
    _, piece = cut_segments([whole], 2, 4)
    assert piece.first == 5
    piece = pickle.loads(pickle.dumps(piece))  # as it goes to other processes
    np.testing.assert_array_equal(list(piece.frames()), frames[5:9])
    np.testing.assert_array_equal(piece.pick([2])[2], frames[7])
    assert len(run_tracker(DrifterSpec().make(), piece).boxes) == 4


def test_a_whole_sequence_is_its_own():
    assert sequence(4).whole_name == "a"


@pytest.mark.parametrize(
    ("count", "frames", "message"),
    [(0, 60, "segments must be at least 1, got 0"), (1, 1, "segment frames must be at least 2, got 1")],
)
def test_bounds(count, frames, message):
    with pytest.raises(ValueError, match=message):
        cut_segments([sequence(9)], count, frames)
