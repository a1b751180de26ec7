"""The message types that are read and written, without ROS."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
PICTURES = (IMAGE, COMPRESSED)
DETECTION = "vision_msgs/msg/Detection2D"

_VISION_MSGS = {
    "vision_msgs/msg/Point2D": "float64 x\nfloat64 y",
    "vision_msgs/msg/Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "vision_msgs/msg/BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "vision_msgs/msg/ObjectHypothesis": "string class_id\nfloat64 score",
    "vision_msgs/msg/ObjectHypothesisWithPose": (
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose"
    ),
    "vision_msgs/msg/Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\nstring id"
    ),
}
"""vision_msgs 4 (ROS 2 Humble and later), which rosbags does not know."""


@lru_cache(maxsize=1)
def typestore() -> Any:
    """The types of ROS 2 with vision_msgs, as a ``rosbags.typesys.store.Typestore``."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)  # images and headers have been the same ever since
    for name, text in _VISION_MSGS.items():
        store.register(get_types_from_msg(text, name))
    return store
