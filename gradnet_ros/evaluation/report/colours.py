"""One colour a tracker, the same in curves and pictures."""

from __future__ import annotations

TRUTH = "#ffffff"
_PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f7f7f")
"""Okabe and Ito's, which are told apart by the colour-blind too; the last two are added."""
_DASHES = ("solid", "dashed", "dotted", "dashdot")


def colour(number: int) -> str:
    """Colour of the tracker with this number, ``#rrggbb``; they come round again after eight."""
    return _PALETTE[number % len(_PALETTE)]


def dash(number: int) -> str:
    """Line style of the tracker with this number; another one each time that the colours come round."""
    return _DASHES[number // len(_PALETTE) % len(_DASHES)]


def bgr(colour: str) -> tuple[int, int, int]:
    """OpenCV's form of ``#rrggbb``."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return blue, green, red
