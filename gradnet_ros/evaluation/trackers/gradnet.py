"""Our own tracker, to be evaluated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gradnet_ros.evaluation.trackers.fingerprint import fingerprint
from gradnet_ros.evaluation.trackers.interface import Answer
from gradnet_ros.nn.checkpoint import shipped_weights
from gradnet_ros.tracking.track import Box, TrackState
from gradnet_ros.tracking.tracker import Tracker


class GradNetTracker:
    """A :class:`Tracker` as an evaluated tracker.

    Args:
        tracker: its target is replaced.
        weights: what a report says of its weights; ``None``: nothing.
    """

    def __init__(self, tracker: Tracker, weights: str | None = None) -> None:
        self._tracker = tracker
        self._weights = weights

    @property
    def about(self) -> Mapping[str, str]:
        """Network, device, engine, weights and all settings in force."""
        tracker = self._tracker
        about = {"network": tracker.network, "device": str(tracker.device), "engine": tracker.engine}
        if self._weights is not None:
            about["weights"] = self._weights
        return about | {"settings": json.dumps(asdict(tracker.config))}

    def init(self, frame: NDArray[np.uint8], box: Box) -> None:
        """Start on a target; see :meth:`Tracker.init`."""
        self._tracker.init(frame, box)
        self._wait()

    def update(self, frame: NDArray[np.uint8]) -> Answer:
        """Find the target and learn from the frame: a template update is part of the answer's time."""
        track = self._tracker.update(frame)
        self._wait()
        return Answer(track.box, track.score, track.state is TrackState.LOST, track.updated)

    def _wait(self) -> None:
        """A GPU learns while Python goes on already; whoever looks at the clock wants it finished."""
        if self._tracker.device.type == "cuda":
            torch.cuda.synchronize(self._tracker.device)


@dataclass(frozen=True)
class GradNetSpec:
    """How to make our tracker.

    Attributes:
        name: see :class:`.TrackerSpec`.
        network: ``lite`` or ``alexnet``.
        device: see :class:`Tracker`.
        engine: see :class:`Tracker`.
        weights: a checkpoint file; ``None`` takes the package's.
        settings: tracker settings over those of the checkpoint, name and value.
    """

    name: str
    network: str
    device: str
    engine: str = "auto"
    weights: Path | None = None
    settings: tuple[tuple[str, int | float | bool], ...] = ()

    def make(self) -> GradNetTracker:
        """Make the tracker.

        Raises:
            ValueError: see :class:`Tracker`.
        """
        tracker = Tracker(self.network, self.device, self.weights, dict(self.settings), engine=self.engine)
        if tracker.device.type == "cuda":
            _warm_up(tracker)
        return GradNetTracker(tracker, name_weights(self.network, self.weights))


def _warm_up(tracker: Tracker) -> None:
    """Record the graphs, or find that they cannot be: before anything is timed, or said of the engine."""
    # A blank picture would not be searched.
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    tracker.init(noise, (96.0, 96.0, 64.0, 64.0))
    tracker.update(noise)
    tracker.reset()


def name_weights(network: str, weights: Path | None) -> str:
    """What a report says of weights: the file's name and a hash of what is in it.

    Args:
        network: ``lite`` or ``alexnet``.
        weights: a checkpoint file; ``None``: the package's.
    """
    path = shipped_weights(network) if weights is None else weights
    return fingerprint(path.name, [path])
