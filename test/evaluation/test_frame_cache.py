"""Frames that are kept between two runs."""

import numpy as np
import pytest

from gradnet_ros.evaluation.frame_cache import FrameCache, cached
from gradnet_ros.evaluation.segments import cut_segments
from gradnet_ros.evaluation.sequences import Sequence

SIDE = 100
BYTES = SIDE * SIDE * 3


@pytest.fixture
def decoded(monkeypatch):
    """Names of the sequences whose frames were decoded, in order."""
    started = []

    def frames(self):
        started.append(self.name)
        for number in range(int(self.source.name)):
            yield np.full((SIDE, SIDE, 3), number, np.uint8)

    monkeypatch.setattr(Sequence, "frames", frames)
    return started


def sequence(tmp_path, name, count):
    return Sequence(name, tmp_path / str(count), np.ones((count, 4)))


def numbers(found):
    return [int(frame[0, 0, 0]) for frame in found.frames()]


def test_what_fits_is_decoded_once(tmp_path, decoded):
    cache = FrameCache(10 * BYTES / 1e6)
    first, second, third = (
        cached(sequence(tmp_path, name, count), cache) for name, count in (("a", 6), ("b", 6), ("c", 4))
    )
    for _ in range(2):
        assert [numbers(each) for each in (first, second, third)] == [
            [*range(6)],
            [*range(6)],
            [*range(4)],
        ]
    assert decoded == ["a", "b", "c", "b"]


def test_no_memory_keeps_nothing(tmp_path, decoded):
    each = cached(sequence(tmp_path, "a", 3), FrameCache(0))
    assert numbers(each) == numbers(each) == [0, 1, 2]
    assert decoded == ["a", "a"]


def test_an_interrupted_run_is_not_kept(tmp_path, decoded):
    each = cached(sequence(tmp_path, "a", 3), FrameCache(1))
    next(each.frames())
    assert numbers(each) == [0, 1, 2]
    assert decoded == ["a", "a"]


def test_the_first_frames_alone(tmp_path, decoded):
    each = cached(sequence(tmp_path, "a", 9), FrameCache(4 * BYTES / 1e6), max_frames=4)
    assert each.truth.shape == (4, 4)
    assert numbers(each) == numbers(each) == [0, 1, 2, 3]
    assert decoded == ["a"]


def test_a_whole_sequence_is_not_cut_to_its_truth(tmp_path, decoded):
    short = Sequence("a", tmp_path / "5", np.ones((3, 4)))
    assert len(numbers(cached(short, FrameCache(1)))) == 5


def test_a_piece_stays_a_piece(tmp_path, decoded):
    (_, piece) = cut_segments([sequence(tmp_path, "a", 9)], 2, 4)
    each = cached(piece, FrameCache(1))
    assert (each.name, each.whole_name) == ("a@5", "a")
    assert numbers(each) == numbers(each) == [5, 6, 7, 8]
    assert decoded == ["a@5"]


def test_a_negative_size():
    with pytest.raises(ValueError, match=r"at least 0 MB, got -1"):
        FrameCache(-1)
