"""One received image message, before anything is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Frame:
    """An image message and what was noted on its arrival.

    Attributes:
        message: the ``sensor_msgs`` Image or CompressedImage, unconverted.
        stamp: its header stamp in nanoseconds; 0 when the sender does not stamp.
        number: 1 for the first frame after activation, then counting up.
    """

    message: Any
    stamp: int
    number: int

    @property
    def size_bytes(self) -> int:
        """Bytes of pixel data."""
        return len(self.message.data)

    @property
    def frame_id(self) -> str:
        """The camera's, of the message's header; may be empty."""
        return str(self.message.header.frame_id)


def check_frame_id(frame_id: str, frame: Frame) -> None:
    """Refuse a box that was drawn on another camera's image; nothing is known where either is empty.

    Raises:
        ValueError: it was; the message names both.
    """
    if frame_id and frame.frame_id and frame_id != frame.frame_id:
        raise ValueError(
            f"frame_id must be '{frame.frame_id}', that of the image, or empty, got '{frame_id}'"
        )
