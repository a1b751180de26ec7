"""The other side of the node's topics and services."""

from __future__ import annotations

import time
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from vision_msgs.msg import Detection2D

from gradnet_interfaces.srv import InitTarget  # type: ignore[attr-defined, unused-ignore]
from gradnet_ros.ros.messages import to_bbox
from gradnet_ros.ros.stamps import to_nanoseconds
from gradnet_ros.tracking.track import Box

ANSWER_S = 30.0
"""What a service may take, s."""


class Observer:
    """Notes what the node publishes and how long its answers take.

    Attributes:
        node: the ROS node that it listens with.
        values: of the node's last diagnostics.
        latencies: from a detection's stamp to its arrival here, s.
        answers: from a service's call to its answer, s.
    """

    def __init__(self) -> None:
        self.node = rclpy.create_node("bench")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.values: dict[str, str] = {}
        self.latencies: list[float] = []
        self.answers: list[float] = []
        self._client: Any = self.node.create_client(InitTarget, "tracker_node/init_target")
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.node.create_subscription(Detection2D, "tracker_node/detection", self._on_detection, 10)

    def clear(self) -> None:
        """Forget durations."""
        self.latencies.clear()
        self.answers.clear()

    def spin(self, seconds: float) -> None:
        """Listen for a while, s."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.005)

    def init(self, box: Box) -> str:
        """Give a target and note how long the answer takes.

        Returns:
            Why it was refused; empty if it was not.

        Raises:
            TimeoutError: no answer.
        """
        request = InitTarget.Request(target_id="bench", bbox=to_bbox(box))
        began = time.monotonic()
        future = self._client.call_async(request)
        self._executor.spin_until_future_complete(future, timeout_sec=ANSWER_S)
        response = future.result()
        if response is None:
            raise TimeoutError(f"the node did not answer within {ANSWER_S:g} s")
        self.answers.append(time.monotonic() - began)
        return "" if response.success else str(response.message)

    def count(self, name: str) -> int:
        """A count of frames from the diagnostics."""
        return int(self.values.get(f"frames_{name}", "0"))

    def await_image(self, timeout: float) -> None:
        """Wait until the node has taken an image.

        Args:
            timeout: how long at most, s.

        Raises:
            TimeoutError: it takes none.
        """
        end = time.monotonic() + timeout
        while self.count("received") == 0:
            if time.monotonic() > end:
                raise TimeoutError(f"the node took no image within {timeout:g} s")
            self.spin(0.1)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self.node.destroy_node()

    def _on_diagnostics(self, array: Any) -> None:
        for status in array.status:
            if status.name == "tracker_node: tracking":
                self.values = {item.key: item.value for item in status.values}

    def _on_detection(self, detection: Any) -> None:
        now = self.node.get_clock().now().nanoseconds
        self.latencies.append((now - to_nanoseconds(detection.header.stamp)) / 1e9)
