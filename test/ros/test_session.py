"""The session with the fake tracker: what it refuses at once, and what the diagnostics say of it."""

from time import monotonic, sleep

import cv2
import pytest

pytest.importorskip("rclpy")
from sensor_msgs.msg import CompressedImage

from gradnet_ros.ros.diagnostics import Level, judge
from gradnet_ros.ros.images import to_bgr
from gradnet_ros.ros.reporter import collect
from gradnet_ros.ros.session import Session, SessionSettings
from gradnet_ros.ros.targets import Target
from gradnet_ros.tracking.config import TrackerConfig
from ros.fake_tracker import FakeTracker
from ros.graph import BOX_SIZE, picture

WAIT_S = 30.0
BOX = (50.0, 40.0, BOX_SIZE, BOX_SIZE)


@pytest.fixture
def tracker():
    return FakeTracker()


@pytest.fixture
def session(tracker):
    settings = SessionSettings(
        history_seconds=60.0, history_megabytes=10.0, catch_up_seconds=60.0, jump_back_seconds=1.0
    )
    made = Session(tracker, settings, lambda _: None, lambda _: None, lambda *_: None)
    yield made
    tracker.may_learn.set()
    made.close()


def start(session, stamp, frame_id=""):
    return session.start_target(stamp, frame_id, BOX, Target("t", "cup"))


def health(session):
    return collect("active", "", 2.0, None, session, None)


@pytest.mark.parametrize("stamp", [0, 1])
def test_box_of_another_camera_is_refused(session, stamp):
    session.receive(picture((50, 40), 1))
    with pytest.raises(
        ValueError, match=r"^frame_id must be 'camera', that of the image, or empty, got 'rear'$"
    ):
        start(session, stamp, "rear")
    assert not session.worker.waiting
    assert "'t' is taken from" in start(session, stamp, "camera")


def test_target_is_not_taken_from_another_camera_that_comes_between(session):
    session.receive(picture((50, 40), 1))
    start(session, 0, "camera")
    other = picture((50, 40), 2)
    other.header.frame_id = "rear"
    session.receive(other)
    deadline = monotonic() + WAIT_S
    while session.worker.waiting and monotonic() < deadline:
        sleep(0.01)
    assert session.worker.target is None
    assert "'t' was not taken: frame_id must be 'rear'" in health(session).init.text


def test_frame_id_is_nothing_to_compare_with_where_the_image_has_none(session):
    message = picture((50, 40), 1)
    message.header.frame_id = ""
    session.receive(message)
    assert "'t' is taken from" in start(session, 1, "camera")


def compressed(stamp, corrupt=False):
    raw = picture((50, 40), stamp)
    data = b"no picture" if corrupt else cv2.imencode(".png", to_bgr(raw))[1].tobytes()
    return CompressedImage(header=raw.header, format="png", data=data)


def test_target_for_the_next_image_is_taken_though_the_newest_is_corrupt(session):
    session.receive(compressed(1, corrupt=True))
    assert "'t' is taken from the next image" in start(session, 0)
    session.receive(compressed(2))
    deadline = monotonic() + WAIT_S
    while session.worker.track is None and monotonic() < deadline:
        sleep(0.01)
    assert session.worker.track.box == BOX


def test_box_that_no_image_can_hold_is_refused_though_the_newest_is_corrupt(session):
    session.receive(compressed(1, corrupt=True))
    with pytest.raises(ValueError, match="box width and height must be at least 2 pixels"):
        session.start_target(0, "", (50.0, 40.0, 1.0, 9.0), Target("t", ""))
    assert not session.worker.waiting


def test_target_on_its_way_from_an_older_image_waits_for_its_first_result(session, tracker):
    tracker.configure(TrackerConfig(update_interval=2))
    for stamp in range(1, 6):
        session.receive(picture((50, 40), stamp))
    assert health(session).state == "IDLE"
    tracker.may_learn.clear()
    start(session, 1)
    assert tracker.learning.wait(WAIT_S)  # from the second image, before the third
    found = health(session)
    assert (found.target_id, found.state) == ("t", "WAITING")
    assert judge(found) == (Level.OK, "following 't': WAITING")
