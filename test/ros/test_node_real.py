"""The node with the real tracker and the weights that come with the package."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")
from std_msgs.msg import Header

from gradnet_ros.ros.messages import to_image
from ros.graph import EVERY_IMAGE, REAL_NODE, centre, stamp_of

pytestmark = pytest.mark.integration
SIDE = 40


class Scene:
    """A textured square that wanders over a textured background, always the same."""

    def __init__(self):
        random = np.random.default_rng(3)
        self.background = cv2.GaussianBlur(random.integers(0, 120, (240, 320, 3), np.uint8), (0, 0), 5)
        self.patch = cv2.resize(random.integers(100, 256, (5, 5, 3), np.uint8), (SIDE, SIDE))

    def place(self, step):
        return 100 + step, 90 + step // 2

    def send(self, graph, step):
        x, y = self.place(step)
        pixels = self.background.copy()
        pixels[y : y + SIDE, x : x + SIDE] = self.patch
        message = to_image(pixels, Header(frame_id="camera"))
        stamp = graph.now()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
        graph.images.publish(message)
        return stamp


@pytest.mark.slow
def test_real_tracker_follows(run):
    _, graph = run(*EVERY_IMAGE, "-p", "device:=cpu", command=REAL_NODE)
    graph.wait(lambda: graph.last("lifecycle") == "active", "the network to be loaded", timeout=100)
    scene = Scene()
    graph.wait(
        lambda: int(graph.last("frames_received")) > 0,
        "an image to arrive",
        meanwhile=lambda: scene.send(graph, 0),
    )
    graph.settled()
    assert graph.init((*scene.place(0), SIDE, SIDE), target_id="t").success
    for step in range(30):
        stamp = scene.send(graph, step)
        graph.wait(lambda s=stamp: graph.detections and stamp_of(graph.detections[-1]) == s, f"step {step}")
        expected = tuple(value + SIDE / 2 for value in scene.place(step))
        assert centre(graph.detections[-1]) == pytest.approx(expected, abs=SIDE / 4)
        assert len(graph.detections[-1].results) == 1
    values = graph.settled()
    assert (values["network"], values["device"], values["state"]) == ("lite", "cpu", "TRACKED")
    assert int(values["template_updates"]) > 0
    assert graph.set_parameter("tracker.scale_count", 1) == (True, "")
    graph.wait(
        lambda: stamp_of(graph.detections[-1]) > stamp,
        "tracking to go on",
        meanwhile=lambda: scene.send(graph, 30),
    )
    assert not graph.init((400, 400, SIDE, SIDE)).success
