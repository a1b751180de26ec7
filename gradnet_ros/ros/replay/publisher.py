"""Puts pictures of a bag, and their time, on the graph."""

from __future__ import annotations

import time
from typing import Any

from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from gradnet_ros.bags.pictures import Picture
from gradnet_ros.bags.types import IMAGE, typestore
from gradnet_ros.ros.stamps import NANOSECONDS

DEPTH = 10
"""Pictures kept for a subscriber that asked for reliable ones."""


class PicturePublisher:
    """Publishes pictures and ``/clock``.

    Args:
        node: the node that publishes.
        topic: where the pictures go.
        type_name: of the pictures, as in the bag.
    """

    def __init__(self, node: Any, topic: str, type_name: str) -> None:
        self._type = type_name
        qos = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.RELIABLE)
        self._pictures = node.create_publisher(Image if type_name == IMAGE else CompressedImage, topic, qos)
        self._clock = node.create_publisher(Clock, "/clock", 1)

    @property
    def subscribers(self) -> int:
        """Who listens to the pictures."""
        return int(self._pictures.get_subscription_count())

    def tell_time(self, now: int) -> None:
        """Publish a time, ns, on ``/clock``."""
        clock = Clock()
        clock.clock.sec, clock.clock.nanosec = divmod(now, NANOSECONDS)
        self._clock.publish(clock)

    def show(self, picture: Picture) -> int:
        """Publish a picture, at the time of its recording; returns when, ns of ``time.time_ns``."""
        # Serialised as the bag has it: no message is built of megabytes that are bytes already.
        data = bytes(typestore().serialize_cdr(picture.message, self._type))
        self.tell_time(picture.recorded)
        began = time.time_ns()
        self._pictures.publish(data)
        return began
