"""The layouts that can be read, by the name that the command line gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gradnet_ros.training.readers import coco, got10k, lasot, otb, vid
from gradnet_ros.training.readers.source import Source


@dataclass(frozen=True)
class Format:
    """A layout.

    Attributes:
        title: name of the data set; empty where the layout says nothing about it.
        origin: the coordinate that its annotations give to the first pixel.
        read: opens a folder, given the origin.
    """

    title: str
    origin: int
    read: Callable[[Path, int], Source]


FORMATS = {
    "got10k": Format("GOT-10k", 1, got10k.read),
    "lasot": Format("LaSOT", 1, lasot.read),
    "vid": Format("ILSVRC2015 VID", 0, vid.read),
    "coco": Format("COCO", 0, coco.read),
    "otb": Format("", 1, otb.read),
}
