"""A camera that keeps its rate, in a thread of its own."""

from __future__ import annotations

import time
from threading import Thread
from typing import Any

from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from gradnet_ros.bench.clip import Clip
from gradnet_ros.ros.messages import to_image


class Camera(Thread):
    """Publishes a clip forth and back, each image with the time at which it is sent.

    Attributes:
        rate: images a second, Hz; may be changed while running.
        sent: images so far.
        running: until it is set to false.
    """

    def __init__(self, node: Any, clip: Clip, rate: float) -> None:
        super().__init__(daemon=True)
        header = Header(frame_id="camera")
        frames = clip.play(max(1, 2 * (len(clip.frames) - 1)))
        self._messages = [to_image(frame, header) for frame in frames]
        self._publisher = node.create_publisher(Image, "image", qos_profile_sensor_data)
        self._clock = node.get_clock()
        self.rate = rate
        self.sent = 0
        self.running = True

    def run(self) -> None:
        """Publish until told to stop."""
        due = time.monotonic()
        while self.running:
            message = self._messages[self.sent % len(self._messages)]
            message.header.stamp = self._clock.now().to_msg()
            self._publisher.publish(message)
            self.sent += 1
            due = max(due + 1.0 / self.rate, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0.0))
