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
