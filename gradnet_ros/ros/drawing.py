"""The debug image: what was seen, with what was found drawn on it."""

from __future__ import annotations

from array import array
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from gradnet_ros.tracking.track import Track, TrackState

COLOURS = {
    TrackState.TRACKED: (80, 200, 0),
    TrackState.UNCERTAIN: (0, 190, 255),
    TrackState.LOST: (60, 60, 230),
}
"""BGR colour of the box by state: green, amber, red."""


def annotate(image: NDArray[np.uint8], track: Track, label: str, line_width: int) -> NDArray[np.uint8]:
    """Copy an image and draw a track on it.

    Args:
        image: H x W x 3 uint8 BGR; not changed.
        track: what was found in it.
        label: written at the box before the score.
        line_width: width of the box's line in pixels.
    """
    drawn = image.copy()
    x, y, w, h = track.box
    corner, opposite = (round(x), round(y)), (round(x + w), round(y + h))
    colour = COLOURS[track.state]
    cv2.rectangle(drawn, corner, opposite, colour, line_width, cv2.LINE_AA)
    text = f"{label} {track.score:.2f} {track.state.value}"
    scale = max(0.4, image.shape[0] / 1000)
    (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    # Kept inside the image when the box reaches out of it.
    left = min(max(corner[0], 0), max(image.shape[1] - text_width, 0))
    base = min(max(corner[1] - 4, text_height + 2), image.shape[0] - 4)
    cv2.putText(drawn, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(drawn, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
    return drawn


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
