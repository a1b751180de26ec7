"""Between the tracker's arrays and boxes and ROS messages."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from vision_msgs.msg import BoundingBox2D, Detection2D, ObjectHypothesisWithPose

from gradnet_ros.ros.bbox import from_centre, to_centre
from gradnet_ros.tracking.track import Box, Track, TrackState


def to_bbox(box: Box) -> Any:
    """``vision_msgs/BoundingBox2D`` of a box ``(x, y, w, h)``: centre and full size, pixels, no rotation."""
    message = BoundingBox2D()
    (
        message.center.position.x,
        message.center.position.y,
        message.size_x,
        message.size_y,
    ) = to_centre(box)
    return message


def from_bbox(message: Any) -> Box:
    """Box ``(x, y, w, h)`` in pixels of a ``vision_msgs/BoundingBox2D``; nothing is checked but the rotation.

    Raises:
        ValueError: the box is rotated.
    """
    if message.center.theta != 0.0:
        raise ValueError(
            f"a rotated box cannot be tracked: center.theta must be 0, got {message.center.theta}"
        )
    position = message.center.position
    return from_centre((position.x, position.y, message.size_x, message.size_y))


def to_detection(track: Track, header: Any, target_id: str, class_id: str) -> Any:
    """``vision_msgs/Detection2D`` of a track.

    A lost target has no hypothesis: ``results`` is empty, and ``bbox`` is where it was last thought to be.

    Args:
        track: what the tracker said.
        header: ``std_msgs/Header`` of the image.
        target_id: name of the target.
        class_id: what the target is; may be empty.
    """
    message = Detection2D()
    message.header = header
    message.id = target_id
    message.bbox = to_bbox(track.box)
    if track.state is not TrackState.LOST:
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id = class_id
        hypothesis.hypothesis.score = float(track.score)
        message.results = [hypothesis]
    return message


def to_image(image: NDArray[np.uint8], header: Any) -> Any:
    """``sensor_msgs/Image`` (bgr8) of an H x W x 3 uint8 BGR array, with the given ``std_msgs/Header``."""
    message = Image()
    message.header = header
    message.height, message.width = image.shape[:2]
    message.encoding = "bgr8"
    message.step = message.width * 3
    # An array.array passes the message's setter as it is; other sequences are checked value by value.
    data = array("B")
    data.frombytes(np.ascontiguousarray(image).data.cast("B"))
    message.data = data
    return message
