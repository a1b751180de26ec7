"""The image subscription: its topic, its QoS, and who publishes there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.qos import (
    HistoryPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from gradnet_ros.ros.compat import create_subscription


@dataclass(frozen=True)
class Publishers:
    """Who publishes on the images' topic.

    Attributes:
        count: how many there are.
        incompatible: those of them whose QoS does not fit.
        other_type: message type of one that sends no such images, as ``package/msg/Type``, or empty: what it
            sends never arrives, and the middleware says nothing.
    """

    count: int
    incompatible: int
    other_type: str


class ImageInput:
    """Subscribes to ``image``, or with the compressed transport to what image_transport makes of it.

    Attributes:
        topic: the topic as it is on the wire.
        type: what is taken there, ``sensor_msgs/msg/Image`` or ``CompressedImage``.
        incompatible_policy: QoS policy of a publisher that does not fit, as the middleware last said.
    """

    def __init__(
        self,
        node: Any,
        transport: str,
        on_image: Callable[[Any], None],
        on_incompatible_qos: Callable[[str], None],
    ) -> None:
        """Subscribe.

        Args:
            node: the node.
            transport: ``raw`` or ``compressed``.
            on_image: called with every message.
            on_incompatible_qos: called with a text when a publisher's QoS does not fit.

        Raises:
            RuntimeError: a QoS override is not valid.
        """
        self._node = node
        self._on_incompatible_qos = on_incompatible_qos
        self.incompatible_policy = ""
        # A remapping of `image` is to carry over: the transport's name is appended to the remapped one.
        base = node.resolve_topic_name("image")
        self.topic = base if transport == "raw" else node.resolve_topic_name(f"{base}/{transport}")
        # Sensor data, of which only the newest counts.
        qos = QoSProfile(depth=1, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.BEST_EFFORT)
        kind = Image if transport == "raw" else CompressedImage
        self.type = f"sensor_msgs/msg/{kind.__name__}"
        self._subscription = create_subscription(
            node,
            self._note_policy,
            kind,
            "image" if transport == "raw" else self.topic,
            on_image,
            qos,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def publishers(self) -> Publishers:
        """Who publishes on the topic now."""
        wanted = self._subscription.qos_profile
        found = self._node.get_publishers_info_by_topic(self.topic)
        fits = [qos_check_compatible(each.qos_profile, wanted)[0] for each in found]
        others = [each.topic_type for each in found if each.topic_type != self.type]
        return Publishers(len(found), fits.count(QoSCompatibility.ERROR), others[0] if others else "")

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _note_policy(self, policy: str) -> None:
        self.incompatible_policy = policy
        self._on_incompatible_qos(f"a publisher of {self.topic} offers a QoS that does not fit: {policy}")
