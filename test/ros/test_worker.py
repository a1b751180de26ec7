"""The worker with the fake tracker; no ROS."""

import time
from threading import Event, Thread
from types import SimpleNamespace

import numpy as np
import pytest

from gradnet_ros.ros.counters import FrameCounts
from gradnet_ros.ros.frames import Frame
from gradnet_ros.ros.history import FrameHistory
from gradnet_ros.ros.slot import LatestSlot
from gradnet_ros.ros.targets import Target
from gradnet_ros.ros.worker import StartRequest, TrackingWorker, WorkerEvents
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.track import TrackState
from ros.fake_tracker import POISON, FakeTracker

WAIT_S = 30.0
BOX = (5.0, 5.0, 4.0, 4.0)


def picture(x=5, y=5):
    image = np.zeros((32, 48, 3), np.uint8)
    image[y : y + 4, x : x + 4] = 255
    return image


class Bench:
    """Plays the intake and the node."""

    def __init__(self, catch_up_seconds=WAIT_S, start=True):
        self.tracker = FakeTracker()
        self.slot, self.history, self.counts = LatestSlot(), FrameHistory(1e6, 1e6), FrameCounts()
        self.results, self.shown, self.done, self.troubles = [], [], [], []
        events = WorkerEvents(
            found=self.results.append,
            shown=self.shown.append,
            done=self.done.append,
            trouble=lambda kind, text: self.troubles.append((kind, text)),
        )
        self.worker = TrackingWorker(
            self.tracker, self.convert, self.slot, self.history, self.counts, events, catch_up_seconds
        )
        self.number = 0
        self.gate = Event()
        self.gate.set()
        self.converting = Event()
        if start:
            self.worker.start()

    def convert(self, message):
        self.converting.set()
        assert self.gate.wait(WAIT_S)
        if isinstance(message.image, str):
            raise ValueError(message.image)
        return message.image

    def frame(self, image=None, stamp=None):
        """A frame as the intake would make and treat it."""
        self.number += 1
        image = picture() if image is None else image
        frame = Frame(
            SimpleNamespace(image=image, data=b"x"), self.number if stamp is None else stamp, self.number
        )
        self.counts.add("received")
        if self.worker.wants_frames:
            if self.slot.put(frame) is not None:
                self.counts.add("dropped")
        else:
            self.counts.add("idle")
        self.history.add(frame)
        return frame

    def start(self, name="t", box=BOX, frame=None):
        image = frame.message.image if frame else None
        self.worker.request_start(
            StartRequest(Target(name, "cup"), box, after=self.number, frame=frame, image=image)
        )

    def wait(self, condition):
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.001)

    def settle(self):
        self.wait(
            lambda: self.counts.totals().pending == 0 and not (self.worker.waiting and self.number == 0)
        )


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.gate.set()
    made.tracker.may_learn.set()
    made.worker.close()
    assert made.counts.totals().pending == 0


def follow(bench, name="t"):
    """Start a target and have one result."""
    bench.start(name)
    bench.frame()
    bench.settle()
    bench.wait(lambda: bench.worker.target is not None)


def test_nothing_is_tracked_without_a_target(bench):
    bench.frame()
    assert bench.counts.totals().idle == 1
    assert bench.results == []


def test_target_is_taken_from_the_next_frame_and_followed(bench):
    bench.frame()
    follow(bench)
    bench.frame(picture(20, 10))
    bench.settle()
    first, second = bench.results
    assert (first.track.box, first.frame.number) == (BOX, 2)
    assert second.track.box == (20.0, 10.0, 4.0, 4.0)
    assert first.target == Target("t", "cup")
    assert bench.counts.totals().tracked == 2
    assert bench.shown == bench.results
    bench.wait(lambda: bench.done == bench.results)


def test_frame_from_before_the_request_is_not_started_on():
    bench = Bench(start=False)
    bench.worker.request_start(StartRequest(Target("old", ""), BOX, after=0))
    bench.frame(picture(20, 10))  # waits in the slot when the next request comes
    bench.start("new")
    bench.worker.start()
    bench.settle()
    assert bench.results == []
    bench.frame()
    bench.settle()
    bench.wait(lambda: bench.results)
    assert [(r.target.id, r.frame.number) for r in bench.results] == [("new", 2)]
    bench.worker.close()


def test_new_target_replaces_the_old_one(bench):
    follow(bench, "a")
    bench.start("b", (1.0, 2.0, 8.0, 8.0))
    bench.frame()
    bench.settle()
    assert [r.target.id for r in bench.results] == ["a", "b"]
    assert bench.results[1].track.box == (1.0, 2.0, 8.0, 8.0)


def test_failed_start_keeps_the_old_target(bench):
    follow(bench, "a")
    bench.start("b", (500.0, 5.0, 4.0, 4.0))
    bench.frame(picture(9, 9))
    bench.settle()
    assert [(r.target.id, r.track.box[0]) for r in bench.results] == [("a", 5.0), ("a", 9.0)]
    ((kind, text),) = bench.troubles
    assert kind == "init"
    assert "'b' was not taken: box centre must lie inside" in text
    assert not bench.worker.waiting


def test_failed_start_without_a_target_leaves_the_frame_idle(bench):
    bench.start("b", (500.0, 5.0, 4.0, 4.0))
    bench.frame()
    bench.settle()
    assert bench.counts.totals().idle == 1
    assert not bench.worker.wants_frames


def test_bad_frame_is_passed_over_and_a_start_waits_for_a_good_one(bench):
    bench.start()
    bench.frame("no pixels")
    bench.settle()
    assert bench.troubles == [("bad", "no pixels")]
    assert bench.worker.waiting
    bench.frame()
    bench.settle()
    assert len(bench.results) == 1
    assert bench.counts.totals().bad == 1


def test_failing_tracker_is_reported_and_the_worker_lives_on(bench):
    follow(bench)
    poison = picture()
    poison[0, 0, 0] = POISON
    bench.frame(poison)
    bench.settle()
    bench.wait(lambda: bench.troubles)
    assert bench.troubles == [("failed", "tracking failed: RuntimeError: poisoned")]
    bench.frame()
    bench.settle()
    assert len(bench.results) == 2


@pytest.mark.parametrize("kept", [True, False])
def test_failing_start_is_not_tried_again(bench, kept):
    follow(bench, "a")
    poison = picture()
    poison[0, 0, 0] = POISON
    frame = bench.frame(poison)
    bench.settle()
    bench.start("b", frame=frame if kept else None)
    bench.frame(poison)
    bench.wait(lambda: not bench.worker.waiting)
    bench.settle()
    bench.frame()
    bench.settle()
    assert bench.results[-1].target.id == "a"
    assert {kind for kind, _ in bench.troubles} == {"failed"}


def test_lost_is_reported(bench):
    follow(bench)
    bench.frame(np.zeros((32, 48, 3), np.uint8))
    bench.settle()
    assert bench.worker.track.state is TrackState.LOST


def test_stop_forgets_the_target(bench):
    follow(bench)
    assert bench.worker.request_stop().id == "t"
    assert bench.worker.request_stop() is None
    bench.frame()
    bench.settle()
    assert len(bench.results) == 1
    assert bench.worker.track is None


def test_no_result_after_a_stop_though_the_frame_was_in_work(bench):
    follow(bench)
    bench.gate.clear()
    bench.converting.clear()
    bench.frame()
    assert bench.converting.wait(WAIT_S)
    bench.worker.request_stop()
    bench.gate.set()
    bench.settle()
    assert len(bench.results) == 1
    assert bench.counts.totals().idle == 1


def test_start_right_after_a_stop(bench):
    follow(bench, "a")
    bench.worker.request_stop()
    follow(bench, "b")
    bench.frame()
    bench.settle()
    assert [r.target.id for r in bench.results] == ["a", "b", "b"]
    assert bench.troubles == []


def test_start_that_overtakes_a_stop_in_work(bench):
    follow(bench, "a")
    bench.gate.clear()
    bench.converting.clear()
    bench.frame()
    assert bench.converting.wait(WAIT_S)
    bench.worker.request_stop()
    bench.start("b")
    bench.frame()
    bench.gate.set()
    bench.settle()
    bench.frame()
    bench.settle()
    assert [r.target.id for r in bench.results] == ["a", "b", "b"]
    assert bench.troubles == []


def test_settings_change_between_frames(bench):
    follow(bench)
    config = TrackerConfig(window_influence=0.4)
    bench.worker.request_settings(config)
    bench.wait(lambda: bench.tracker.config == config)
    bench.frame()
    bench.settle()
    assert len(bench.results) == 2


def test_newest_frame_wins_while_the_tracker_is_busy(bench):
    follow(bench)
    bench.gate.clear()
    bench.converting.clear()
    bench.frame()
    assert bench.converting.wait(WAIT_S)
    for _ in range(5):
        bench.frame()
    bench.gate.set()
    bench.settle()
    assert [r.frame.number for r in bench.results] == [1, 2, 7]
    assert bench.counts.totals().dropped == 4


def test_old_frame_is_started_on_and_caught_up_from(bench):
    frames = [bench.frame(picture(5 + step, 5)) for step in range(10)]
    bench.start(frame=frames[2], box=(7.0, 5.0, 4.0, 4.0))
    bench.wait(lambda: bench.results)
    (result,) = bench.results
    assert result.frame is frames[-1]
    assert result.track.box[0] == 14.0
    assert bench.tracker.seen == 8  # the frame itself and each one since
    assert bench.worker.from_history == 1
    assert bench.counts.totals().idle == 10


def test_start_on_the_newest_frame_gives_its_result_at_once(bench):
    frame = bench.frame()
    bench.start(frame=frame)
    bench.wait(lambda: bench.results)
    assert (bench.results[0].frame, bench.results[0].track.box) == (frame, BOX)


def test_catching_up_without_time_jumps_to_the_newest():
    bench = Bench(catch_up_seconds=0.0)
    frames = [bench.frame(picture(5 + step, 5)) for step in range(10)]
    bench.start(frame=frames[0])
    bench.wait(lambda: bench.results)
    assert bench.results[0].frame is frames[-1]
    assert bench.tracker.seen == 2
    bench.worker.close()


def test_slow_start_on_an_old_frame_skips_no_frames():
    bench = Bench(catch_up_seconds=1.0)
    bench.tracker.init_seconds = 1.0
    frames = [bench.frame(picture(5 + step, 5)) for step in range(10)]
    bench.start(frame=frames[0])
    bench.wait(lambda: bench.results)
    assert (bench.results[0].frame, bench.tracker.seen) == (frames[-1], 10)
    bench.worker.close()


def test_slow_start_on_a_new_frame_does_not_count_for_a_later_catch_up():
    bench = Bench(catch_up_seconds=1.0)
    frames = [bench.frame(picture(5 + step, 5)) for step in range(10)]
    bench.tracker.init_seconds = 1.0
    follow(bench)
    bench.wait(lambda: bench.done)
    bench.tracker.init_seconds = 0.0
    bench.start(frame=frames[0])
    bench.wait(lambda: len(bench.results) == 2)
    assert (bench.results[1].frame.number, bench.tracker.seen) == (11, 11)
    bench.worker.close()


def test_bad_frames_are_skipped_when_catching_up(bench):
    frames = [bench.frame(image) for image in (picture(5), "no pixels", picture(7))]
    bench.start(frame=frames[0])
    bench.wait(lambda: bench.results)
    assert bench.results[0].track.box[0] == 7.0
    assert bench.counts.totals().bad == 0


def test_frames_that_come_while_catching_up_are_counted_once(bench):
    frames = [bench.frame(picture(5 + step, 5)) for step in range(4)]
    bench.gate.clear()
    bench.converting.clear()
    bench.start(frame=frames[0])
    assert bench.converting.wait(WAIT_S)
    late = [bench.frame(picture(12 + step, 5)) for step in range(3)]
    bench.gate.set()
    bench.settle()
    bench.wait(lambda: bench.results)
    assert bench.results[-1].frame is late[-1]
    totals = bench.counts.totals()
    assert (totals.idle, totals.dropped, totals.tracked) == (4, 2, 1)
    assert bench.worker.from_history == 0


def test_failed_start_on_an_old_frame_keeps_the_old_target(bench):
    follow(bench, "a")
    frame = bench.frame(picture(6))
    bench.settle()
    bench.start("b", box=(-500.0, 0.0, 4.0, 4.0), frame=frame)
    bench.wait(lambda: not bench.worker.waiting)
    bench.frame(picture(9))
    bench.settle()
    assert bench.results[-1].target.id == "a"
    assert bench.results[-1].track.box[0] == 9.0


def test_stop_while_catching_up_publishes_nothing(bench):
    frames = [bench.frame(picture(5 + step)) for step in range(4)]
    bench.gate.clear()
    bench.converting.clear()
    bench.start(frame=frames[0])
    assert bench.converting.wait(WAIT_S)
    bench.worker.request_stop()
    bench.gate.set()
    follow(bench, "b")
    assert [r.target.id for r in bench.results] == ["b"]


def follow_and_learn(bench):
    """Have one result; every further frame updates the template, once ``may_learn`` is set."""
    bench.tracker.configure(TrackerConfig(update_interval=1))
    follow(bench)
    bench.wait(lambda: len(bench.done) == 1)
    bench.tracker.may_learn.clear()


def test_result_is_published_before_the_tracker_learns_from_the_frame(bench):
    follow_and_learn(bench)
    bench.frame(picture(9))
    assert bench.tracker.learning.wait(WAIT_S)
    assert [r.track.box[0] for r in bench.results] == [5.0, 9.0]
    assert bench.shown == bench.results
    assert bench.results[1].track.updated
    assert bench.counts.totals().tracked == 2
    assert (bench.tracker.template_updates, len(bench.done)) == (0, 1)
    bench.tracker.may_learn.set()
    bench.wait(lambda: bench.done == bench.results)
    assert bench.tracker.template_updates == 1


def test_newest_frame_wins_while_the_tracker_learns(bench):
    follow_and_learn(bench)
    bench.frame()
    assert bench.tracker.learning.wait(WAIT_S)
    for _ in range(5):
        bench.frame()
    assert len(bench.results) == 2
    bench.tracker.may_learn.set()
    bench.settle()
    assert [r.frame.number for r in bench.results] == [1, 2, 7]
    assert bench.counts.totals().dropped == 4


def test_stop_while_the_tracker_learns(bench):
    follow_and_learn(bench)
    bench.frame()
    assert bench.tracker.learning.wait(WAIT_S)
    assert bench.worker.request_stop().id == "t"
    bench.tracker.may_learn.set()
    bench.frame()
    follow(bench, "b")
    assert [r.target.id for r in bench.results] == ["t", "t", "b"]
    assert bench.troubles == []


@pytest.mark.parametrize("error", [RuntimeError("no memory"), ValueError("no memory")])
def test_failure_to_learn_is_reported_and_the_frame_was_tracked(bench, error):
    follow_and_learn(bench)
    bench.tracker.may_learn.set()
    bench.tracker.learn_error = error
    bench.frame(picture(9))
    bench.wait(lambda: bench.troubles)
    bench.tracker.learn_error = None
    assert bench.troubles == [("failed", f"tracking failed: {type(error).__name__}: no memory")]
    bench.frame(picture(11))
    bench.settle()
    assert [r.track.box[0] for r in bench.results] == [5.0, 9.0, 11.0]
    totals = bench.counts.totals()
    assert (totals.tracked, totals.bad) == (3, 0)
    bench.wait(lambda: bench.done == [bench.results[0], bench.results[2]])


def test_catching_up_learns_from_every_frame_and_from_the_last_one_late(bench):
    bench.tracker.configure(TrackerConfig(update_interval=4))
    frames = [bench.frame(picture(5 + step, 5)) for step in range(8)]  # the 4th and the 8th update
    bench.tracker.may_learn.clear()
    bench.start(frame=frames[0])
    assert bench.tracker.learning.wait(WAIT_S)
    assert (bench.results, bench.tracker.seen) == ([], 4)
    bench.tracker.learning.clear()
    bench.tracker.may_learn.set()
    bench.wait(lambda: bench.done)
    assert (bench.tracker.template_updates, bench.tracker.seen) == (2, 8)
    assert bench.done == bench.results


def test_newest_frame_reached_is_published_before_the_tracker_learns_from_it(bench):
    bench.tracker.configure(TrackerConfig(update_interval=4))
    frames = [bench.frame(picture(5 + step, 5)) for step in range(4)]
    bench.tracker.may_learn.clear()
    bench.start(frame=frames[0])
    assert bench.tracker.learning.wait(WAIT_S)
    assert [r.frame for r in bench.results] == [frames[-1]]
    assert (bench.worker.from_history, bench.tracker.template_updates, bench.done) == (1, 0, [])


def test_close_does_not_wait_for_the_end_of_a_catch_up():
    bench = Bench()
    frames = [bench.frame(picture(5 + step, 5)) for step in range(10)]
    bench.gate.clear()
    bench.start(frame=frames[0])
    assert bench.converting.wait(WAIT_S)
    closing = Thread(target=bench.worker.close)
    closing.start()
    bench.wait(lambda: bench.worker.target is None)
    bench.gate.set()
    closing.join(WAIT_S)
    assert not closing.is_alive()
    assert bench.tracker.seen == 2  # the frame that was started on, and the one in work
    assert (bench.results, bench.counts.totals().pending) == ([], 0)


def test_close_ends_the_thread_and_accounts_for_what_waits():
    bench = Bench()
    follow(bench)
    bench.gate.clear()
    bench.converting.clear()
    bench.frame()
    assert bench.converting.wait(WAIT_S)
    bench.frame()
    bench.gate.set()
    bench.worker.close()
    bench.worker.close()
    assert bench.counts.totals().pending == 0
    bench.frame()
    assert bench.counts.totals().pending == 0
