import numpy as np
import pytest

pytest.importorskip("rclpy")
from hypothesis import given
from hypothesis import strategies as st
from std_msgs.msg import Header
from vision_msgs.msg import BoundingBox2D

from gradnet_ros.ros.images import to_bgr
from gradnet_ros.ros.messages import from_bbox, to_bbox, to_detection, to_image
from gradnet_ros.tracking.track import Track, TrackState

numbers = st.floats(-1e4, 1e4)


def track(state=TrackState.TRACKED):
    return Track((10.0, 20.0, 30.0, 40.0), 0.75, state, 1.0, False)


def test_bbox_is_centre_and_size():
    bbox = to_bbox((10.0, 20.0, 30.0, 40.0))
    assert (bbox.center.position.x, bbox.center.position.y) == (25.0, 40.0)
    assert (bbox.size_x, bbox.size_y, bbox.center.theta) == (30.0, 40.0, 0.0)


@given(st.tuples(numbers, numbers, numbers, numbers))
def test_bbox_there_and_back(box):
    assert from_bbox(to_bbox(box)) == pytest.approx(box, abs=1e-6)


def test_rotated_box_is_refused():
    bbox = BoundingBox2D(size_x=10.0, size_y=10.0)
    bbox.center.theta = 0.1
    with pytest.raises(ValueError, match=r"theta must be 0, got 0\.1"):
        from_bbox(bbox)


def test_detection_carries_header_id_and_hypothesis():
    header = Header(frame_id="camera")
    header.stamp.sec = 7
    detection = to_detection(track(), header, "t1", "cup")
    assert (detection.header, detection.id) == (header, "t1")
    (result,) = detection.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("cup", 0.75)


def test_uncertain_target_still_has_a_hypothesis():
    assert len(to_detection(track(TrackState.UNCERTAIN), Header(), "t1", "").results) == 1


def test_lost_target_has_its_last_box_and_no_hypothesis():
    detection = to_detection(track(TrackState.LOST), Header(), "t1", "cup")
    assert len(detection.results) == 0
    assert (detection.bbox.size_x, detection.bbox.center.position.x) == (30.0, 25.0)


def test_image_message_there_and_back():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    message = to_image(pixels, Header(frame_id="camera"))
    assert (message.width, message.height, message.step, message.encoding) == (5, 7, 15, "bgr8")
    assert message.header.frame_id == "camera"
    np.testing.assert_array_equal(to_bgr(message), pixels)
