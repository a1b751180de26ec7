"""Drawing on an enlarged frame: boxes with fine edges, and text in a readable font."""

from __future__ import annotations

import cv2
import numpy as np
from matplotlib import font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gradnet_ros.tracking.track import Box

Colour = tuple[int, int, int]
"""RGB."""
EDGE: Colour = (24, 26, 30)
Picture = NDArray[np.uint8]


class Canvas:
    """A picture to draw on.

    Attributes:
        width: in pixels.
        height: in pixels.
    """

    def __init__(self, width: int, height: int, background: Colour) -> None:
        self.width, self.height = width, height
        self._image = Image.new("RGB", (width, height), background)
        self._draw = ImageDraw.Draw(self._image)

    def paste(self, picture: Picture, x: int, y: int, zoom: float) -> None:
        """Put an enlarged H x W x 3 BGR picture at a place; what sticks out is cut off."""
        size = (round(picture.shape[1] * zoom), round(picture.shape[0] * zoom))
        large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        self._image.paste(Image.fromarray(cv2.cvtColor(large, cv2.COLOR_BGR2RGB)), (x, y))

    def box(self, box: Box, zoom: float, origin: tuple[int, int], colour: Colour, line: int) -> None:
        """Outline a box ``(x, y, w, h)`` of the picture pasted at ``origin`` with that zoom."""
        left, top, right, bottom = _corners(box, zoom, origin)
        # A dark edge, so that it is seen on any background.
        self._draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=EDGE, width=line + 2)
        self._draw.rectangle((left, top, right, bottom), outline=colour, width=line)

    def dashed_box(
        self, box: Box, zoom: float, origin: tuple[int, int], colour: Colour, line: int, dash: int
    ) -> None:
        """The same with dashes of ``dash`` pixels and gaps as long."""
        left, top, right, bottom = _corners(box, zoom, origin)
        for y in (top, bottom):
            for x in range(left, right, 2 * dash):
                self._draw.line((x, y, min(x + dash, right), y), colour, line)
        for x in (left, right):
            for y in range(top, bottom, 2 * dash):
                self._draw.line((x, y, x, min(y + dash, bottom)), colour, line)

    def bar(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        """Fill a rectangle with rounded corners."""
        if width > 0:
            self._draw.rounded_rectangle((x, y, x + width, y + height), min(height, width) // 2, colour)

    def fill(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        """Fill a rectangle."""
        self._draw.rectangle((x, y, x + width - 1, y + height - 1), colour)

    def text(
        self, x: int, y: int, text: str, size: int, colour: Colour, bold: bool = False, anchor: str = "ls"
    ) -> int:
        """Write a line; returns its width in pixels.

        Args:
            x: place of the anchor.
            y: place of the anchor.
            text: what to write.
            size: of the font, pixels.
            colour: of the letters.
            bold: a heavier font.
            anchor: of Pillow; the left end of the baseline by default.
        """
        font = _font(size, bold)
        self._draw.text((x, y), text, colour, font, anchor)
        return round(self._draw.textlength(text, font))

    def to_bgr(self) -> Picture:
        """The picture, H x W x 3 BGR."""
        return np.asarray(cv2.cvtColor(np.asarray(self._image), cv2.COLOR_RGB2BGR), np.uint8)


_FONTS: dict[tuple[int, bool], ImageFont.FreeTypeFont] = {}


def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib."""
    if (size, bold) not in _FONTS:
        family = font_manager.FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
        _FONTS[size, bold] = ImageFont.truetype(font_manager.findfont(family), size)
    return _FONTS[size, bold]


def _corners(box: Box, zoom: float, origin: tuple[int, int]) -> tuple[int, int, int, int]:
    x, y, w, h = box
    left, top = origin[0] + round(x * zoom), origin[1] + round(y * zoom)
    return left, top, left + max(1, round(w * zoom)), top + max(1, round(h * zoom))
