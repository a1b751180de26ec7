"""What the node publishes while it is active."""

from __future__ import annotations

from typing import Any

from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Float32
from vision_msgs.msg import Detection2D

from gradnet_ros.drawing import draw_track
from gradnet_ros.ros.messages import to_detection, to_image
from gradnet_ros.ros.worker import Result

QUEUE = 10
"""Depth of ``~/detection`` and ``~/fps``: small messages, of which a slow reader may want each."""


class Outputs:
    """The lifecycle publishers ``~/detection``, ``~/fps`` and ``~/debug_image``.

    Methods may be called from any thread, and do nothing once ROS is being shut down.
    """

    def __init__(self, node: Any) -> None:
        """Create the publishers on a lifecycle node: all of them or, on an error, none.

        Raises:
            RuntimeError: a QoS override is not valid.
            rclpy.exceptions.ParameterException: a QoS override is of the wrong type.
        """
        self._node = node
        self._publishers: list[Any] = []
        try:
            self._detection = self._create(Detection2D, "~/detection", QUEUE)
            self._fps = self._create(Float32, "~/fps", QUEUE)
            # Depth 1: the newest is the only debug image that anybody wants to see.
            self._debug = self._create(Image, "~/debug_image", 1)
        except Exception:  # Whatever it is goes on to the caller; no publisher may stay behind on the graph.
            self.destroy()
            raise

    def publish_detection(self, result: Result) -> None:
        """Publish where the target is, if anybody subscribes."""
        if not self._is_wanted(self._detection):
            return
        message = to_detection(
            result.track, result.frame.message.header, result.target.id, result.target.class_id
        )
        self._send(self._detection, message)

    def publish_fps(self, fps: float) -> None:
        """Publish the rate of results, Hz, if anybody subscribes."""
        if self._is_wanted(self._fps):
            self._send(self._fps, Float32(data=float(fps)))

    def publish_debug_image(self, result: Result, line_width: int) -> None:
        """Draw and publish the debug image, if anybody subscribes."""
        if not self._is_wanted(self._debug):
            return
        drawn = draw_track(result.image.copy(), result.track, result.target.id, line_width)
        self._send(self._debug, to_image(drawn, result.frame.message.header))

    def destroy(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)

    def _create(self, kind: type, topic: str, depth: int) -> Any:
        options = QoSOverridingOptions.with_default_policies()
        publisher = self._node.create_lifecycle_publisher(
            kind, topic, QoSProfile(depth=depth), qos_overriding_options=options
        )
        self._publishers.append(publisher)
        return publisher

    def _send(self, publisher: Any, message: Any) -> None:
        try:
            publisher.publish(message)
        except RuntimeError:  # RCLError is one: a signal may shut ROS down between two lines of the worker.
            if self._is_alive():
                raise

    def _is_wanted(self, publisher: Any) -> bool:
        return self._is_alive() and publisher.get_subscription_count() > 0

    def _is_alive(self) -> bool:
        return bool(self._node.context.ok())
