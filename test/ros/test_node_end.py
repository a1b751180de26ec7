"""How the node's process ends, in this process: what a signal at the wrong moment does to the executor."""

import pytest

pytest.importorskip("rclpy")
import rclpy
from rclpy.executors import SingleThreadedExecutor

from gradnet_ros.ros import tracker_node
from ros.fake_tracker import make_fake

pytestmark = pytest.mark.integration


class Interrupted(SingleThreadedExecutor):
    """Fails in the middle of its work, as when a signal has shut ROS down between two lines."""

    ends_ros = True

    def spin(self):
        if self.ends_ros:
            rclpy.shutdown()
        raise RuntimeError("failed to initialize wait set: the given context is not valid")


def test_signal_inside_the_executor_is_a_usual_end(monkeypatch):
    monkeypatch.setattr(tracker_node, "SingleThreadedExecutor", Interrupted)
    assert tracker_node.main([], factory=make_fake) == 0


def test_other_errors_of_the_executor_are_not_hidden(monkeypatch):
    monkeypatch.setattr(tracker_node, "SingleThreadedExecutor", Interrupted)
    monkeypatch.setattr(Interrupted, "ends_ros", False)
    with pytest.raises(RuntimeError, match="wait set"):
        tracker_node.main([], factory=make_fake)
    assert not rclpy.ok()
