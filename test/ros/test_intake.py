from types import SimpleNamespace

import pytest

from gradnet_ros.ros.counters import FrameCounts
from gradnet_ros.ros.history import FrameHistory
from gradnet_ros.ros.intake import Intake
from gradnet_ros.ros.slot import LatestSlot

SECOND = 1_000_000_000


class Setup:
    """An intake with its ends open."""

    def __init__(self, wanted=True):
        self.wanted = wanted
        self.slot, self.history, self.counts = LatestSlot(), FrameHistory(10.0, 1.0), FrameCounts()
        self.troubles, self.good = [], 0
        self.intake = Intake(
            self.slot,
            self.history,
            self.counts,
            wanted=lambda: self.wanted,
            on_trouble=lambda kind, text: self.troubles.append((kind, text)),
            on_good=self._count_good,
            jump_back=1.0,
        )

    def _count_good(self):
        self.good += 1

    def receive(self, stamp_s, frame_id="", **changes):
        nanoseconds = round(stamp_s * SECOND)
        stamp = SimpleNamespace(sec=nanoseconds // SECOND, nanosec=nanoseconds % SECOND)
        values = {"width": 2, "height": 1, "step": 2, "encoding": "mono8", "data": b"ab"}
        header = SimpleNamespace(stamp=stamp, frame_id=frame_id)
        self.intake.receive(SimpleNamespace(header=header, **{**values, **changes}), 5.0)

    def fates(self):
        totals = self.counts.totals()
        return {
            name: count
            for name in ("tracked", "dropped", "out_of_order", "bad", "idle", "pending")
            if (count := getattr(totals, name))
        }


def test_wanted_frame_waits_in_the_slot_and_in_the_history():
    setup = Setup()
    setup.receive(1)
    assert setup.fates() == {"pending": 1}
    assert setup.slot.take() is setup.history.newest()


def test_frame_that_replaces_another_counts_it_as_dropped():
    setup = Setup()
    setup.receive(1)
    setup.receive(2)
    assert setup.fates() == {"dropped": 1, "pending": 1}
    assert setup.slot.take().number == 2


def test_unwanted_frame_is_idle_but_kept():
    setup = Setup(wanted=False)
    setup.receive(1)
    assert setup.fates() == {"idle": 1}
    assert (setup.slot.take(), setup.history.frame_count, setup.good) == (None, 1, 1)


def test_bad_frame_is_counted_and_not_kept():
    setup = Setup()
    setup.receive(1, data=b"a")
    assert setup.fates() == {"bad": 1}
    assert setup.history.newest() is None
    ((kind, text),) = setup.troubles
    assert (kind, "1 bytes of data" in text) == ("bad", True)


@pytest.mark.parametrize("stamp", [5.0, 4.999999999, 4.5])
def test_stamp_that_is_not_newer_is_out_of_order(stamp):
    setup = Setup()
    setup.receive(5)
    setup.receive(stamp)
    assert setup.fates() == {"pending": 1, "out_of_order": 1}
    assert setup.slot.take().stamp == 5 * SECOND


def test_big_jump_back_begins_a_new_stream():
    setup = Setup()
    setup.receive(5)
    setup.receive(4)
    assert setup.fates() == {"dropped": 1, "pending": 1}
    assert [frame.stamp for frame in setup.history.after(0)] == [4 * SECOND]
    assert setup.troubles[0][0] == "restart"
    setup.receive(4.1)
    assert setup.fates() == {"dropped": 2, "pending": 1}


@pytest.mark.parametrize(
    ("cameras", "changes"),
    [
        (["left", "left"], []),
        (["", "left", "", "left"], []),
        (["left", "right", "right"], ["from 'left' to 'right'"]),
        (["left", "right", "left"], ["from 'left' to 'right'", "from 'right' to 'left'"]),
    ],
)
def test_change_of_camera_is_told(cameras, changes):
    setup = Setup()
    for number, camera in enumerate(cameras):
        setup.receive(1 + number, camera)
    assert [kind for kind, _ in setup.troubles] == ["camera"] * len(changes)
    for (_, text), change in zip(setup.troubles, changes, strict=True):
        assert change in text
    assert setup.fates()["pending"] == 1


def test_unstamped_frames_are_taken_in_their_order():
    setup = Setup(wanted=False)
    for _ in range(3):
        setup.receive(0)
    assert setup.fates() == {"idle": 3}


def test_bad_frame_from_the_future_does_not_shut_out_the_rest():
    setup = Setup(wanted=False)
    setup.receive(1)
    setup.receive(1000, width=0)
    setup.receive(2)
    assert setup.fates() == {"idle": 2, "bad": 1}


def test_description_is_of_the_last_good_image():
    setup = Setup()
    setup.receive(1)
    setup.receive(2, encoding="nonsense")
    assert setup.intake.description == ("mono8", "2x1")
    assert (setup.intake.last_arrival, setup.intake.number) == (5.0, 1)
