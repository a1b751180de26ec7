"""Trackers that need no network. Other processes make them too: they live in a module of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gradnet_ros.evaluation.trackers.interface import Answer


class Drifter:
    """Goes where the pictures' checksums send it."""

    def __init__(self, spec: DrifterSpec) -> None:
        self._spec = spec

    @property
    def about(self) -> Mapping[str, str]:
        return {"kind": "drifter", "speed": str(self._spec.speed), **self._spec.more}

    def init(self, frame, box):
        if self._spec.refuse:
            raise ValueError("box must be smaller")
        self._box = np.array(box)

    def update(self, frame):
        if self._spec.die:
            os._exit(7)
        total = int(frame.astype(np.int64).sum())
        self._box = self._box + self._spec.speed * np.array([total % 7 - 3, total % 5 - 2, total % 3 - 1, 0])
        self._box[2:] = np.maximum(self._box[2:], 2)
        x, y, w, h = self._box
        score = (total % 100) / 100
        return Answer((x, y, w, h), score, score < 0.3, total % 4 == 0)


@dataclass(frozen=True)
class DrifterSpec:
    """How to make a drifter.

    Attributes:
        name: the tracker's.
        speed: pixels a checksum's unit.
        refuse: every box is refused.
        die: the process ends in the second frame.
        more: further entries of ``about``.
    """

    name: str = "drifter"
    speed: float = 0.7
    refuse: bool = False
    die: bool = False
    more: Mapping[str, str] = field(default_factory=dict)

    def make(self) -> Drifter:
        return Drifter(self)
