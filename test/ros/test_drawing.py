import numpy as np
import pytest

pytest.importorskip("rclpy")
from std_msgs.msg import Header

from gradnet_ros.ros.drawing import COLOURS, annotate, to_image
from gradnet_ros.ros.images import to_bgr
from gradnet_ros.tracking.track import Track, TrackState


@pytest.mark.parametrize("state", TrackState)
@pytest.mark.parametrize("box", [(30.0, 40.0, 20.0, 10.0), (-50.0, -50.0, 100.0, 90.0)])
def test_box_is_drawn_in_the_colour_of_its_state_on_a_copy(state, box):
    image = np.zeros((120, 160, 3), np.uint8)
    drawn = annotate(image, Track(box, 0.5, state, 1.0, False), "cup", 2)
    assert not image.any()
    assert drawn.shape == image.shape
    assert (drawn == COLOURS[state]).all(axis=2).any()


def test_image_message_there_and_back():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    message = to_image(pixels, Header(frame_id="camera"))
    assert (message.width, message.height, message.step, message.encoding) == (5, 7, 15, "bgr8")
    assert message.header.frame_id == "camera"
    np.testing.assert_array_equal(to_bgr(message), pixels)
