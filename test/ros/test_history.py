from types import SimpleNamespace

import pytest

from gradnet_ros.ros.frames import Frame
from gradnet_ros.ros.history import FrameHistory

SECOND = 1_000_000_000


def frame(stamp_s, number=0, size=1000):
    return Frame(SimpleNamespace(data=bytes(size)), round(stamp_s * SECOND), number)


def filled(*stamps, seconds=10.0, megabytes=1.0, size=1000):
    history = FrameHistory(seconds, megabytes)
    for stamp in stamps:
        history.add(frame(stamp, size=size))
    return history


def stamps_of(history):
    return [kept.stamp / SECOND for kept in history.after(0)]


def test_finds_the_frame_with_exactly_this_stamp():
    assert filled(1, 2, 3).find(2 * SECOND).stamp == 2 * SECOND


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [
        (0.5, r"0\.500000000 s is too old: the oldest kept image is 1\.000000000 s, 0\.500000000 s later"),
        (9, r"newer than any image: the newest is 3\.000000000 s, 6\.000000000 s earlier"),
        (2.2, r"exactly the stamp 2\.200000000 s; the nearest is 2\.000000000 s"),
    ],
)
def test_says_why_there_is_no_such_frame(stamp, reason):
    with pytest.raises(LookupError, match=reason):
        filled(1, 2, 3).find(round(stamp * SECOND))


def test_empty_history_says_so():
    with pytest.raises(LookupError, match="no stamped image"):
        filled().find(SECOND)


def test_age_is_bounded():
    assert stamps_of(filled(1, 2, 3, 4, 5, seconds=2.0)) == [3, 4, 5]


def test_memory_is_bounded():
    history = filled(1, 2, 3, 4, megabytes=0.0025)
    assert stamps_of(history) == [3, 4]
    assert history.megabytes == pytest.approx(0.002)


def test_newest_is_kept_whatever_the_bounds():
    history = filled(1, 2, seconds=0.0, megabytes=0.0)
    assert stamps_of(history) == [2]


def test_tighter_bounds_apply_at_once():
    history = filled(1, 2, 3)
    history.configure(0.5, 1.0)
    assert stamps_of(history) == [3]


def test_unstamped_frames_replace_all():
    history = filled(1, 2, 0)
    assert history.newest().stamp == 0
    assert history.frame_count == 1
    history.add(frame(5))
    assert stamps_of(history) == [5]
    assert history.megabytes == pytest.approx(0.001)


def test_after_is_strict():
    assert [kept.stamp for kept in filled(1, 2, 3).after(2 * SECOND)] == [3 * SECOND]


def test_clear_frees_everything():
    history = filled(1, 2)
    history.clear()
    assert (history.newest(), history.frame_count, history.megabytes) == (None, 0, 0.0)
