"""Drawing a track on a frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gradnet_ros.tracking.track import Track, TrackState

COLOURS = {
    TrackState.TRACKED: (80, 200, 0),
    TrackState.UNCERTAIN: (0, 190, 255),
    TrackState.LOST: (60, 60, 230),
}
"""BGR colour of the box by state: green, amber, red."""


def draw_track(
    image: NDArray[np.uint8], track: Track, label: str = "", line_width: int = 2
) -> NDArray[np.uint8]:
    """Draw a track's box, score and state on a frame, in place.

    Args:
        image: HxWx3 uint8 BGR; changed.
        track: what was found in it.
        label: written before the score.
        line_width: width of the box's line, pixels.

    Returns:
        ``image``.
    """
    x, y, w, h = track.box
    corner = (round(x), round(y))
    colour = COLOURS[track.state]
    cv2.rectangle(image, corner, (round(x + w), round(y + h)), colour, line_width, cv2.LINE_AA)
    text = " ".join(filter(None, (label, f"{track.score:.2f}", track.state.value)))
    scale = max(0.4, image.shape[0] / 1000)
    (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    # Kept inside the image when the box reaches out of it.
    left = min(max(corner[0], 0), max(image.shape[1] - text_width, 0))
    base = min(max(corner[1] - 4, text_height + 2), image.shape[0] - 4)
    for text_colour, width in (((0, 0, 0), 3), (colour, 1)):
        cv2.putText(
            image, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, scale, text_colour, width, cv2.LINE_AA
        )
    return image
