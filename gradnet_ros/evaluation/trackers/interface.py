"""What an evaluated tracker can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.tracking.track import Box


class Answer(NamedTuple):
    """What a tracker says of one frame.

    Attributes:
        box: x, y, w, h, pixels.
        score: confidence in [0, 1]; NaN where the tracker gives none.
        lost: the tracker says that it does not see the target.
        updated: the tracker changed its template with this frame.
    """

    box: Box
    score: float
    lost: bool
    updated: bool = False


class EvaluatedTracker(Protocol):
    """One tracker, ready to be started on a target as often as one likes."""

    @property
    def about(self) -> Mapping[str, str]:
        """What a report says of the tracker: network, device, version and the like."""
        ...

    def init(self, frame: NDArray[np.uint8], box: Box) -> None:
        """Start on a target; HxWx3 BGR, x, y, w, h in pixels. An earlier target is forgotten.

        Raises:
            ValueError: a bad image or box.
        """
        ...

    def update(self, frame: NDArray[np.uint8]) -> Answer:
        """Find the target in the next frame."""
        ...


class TrackerSpec(Protocol):
    """How to make a tracker in whichever process evaluates; it can be pickled."""

    @property
    def name(self) -> str:
        """As given by the user, such as ``gradnet`` or ``csrt``; names files and rows of reports."""
        ...

    def make(self) -> EvaluatedTracker:
        """Make the tracker.

        Raises:
            ValueError: it cannot be had here; the message says why.
        """
        ...
