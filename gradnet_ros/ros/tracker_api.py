"""What the node asks of a tracker: the part of :class:`gradnet_ros.tracking.tracker.Tracker` that it uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.track import Box, Track


class TrackerLike(Protocol):
    """Follows one object, see :class:`gradnet_ros.tracking.tracker.Tracker`; for one thread at a time."""

    @property
    def device(self) -> Any:
        """The ``torch.device`` in use."""

    @property
    def network(self) -> str:
        """Name of the network."""

    @property
    def engine(self) -> str:
        """What runs the network, and how."""

    @property
    def template_updates(self) -> int:
        """Template updates since the target was given."""

    @property
    def config(self) -> TrackerConfig:
        """The settings in force."""

    def init(self, image: NDArray[np.uint8], box: Box) -> Track:
        """Take a target; ValueError leaves the tracker as it was."""

    def locate(self, image: NDArray[np.uint8]) -> Track:
        """Find the target in the next image; the next call learns first what nobody called ``learn`` for."""

    def learn(self) -> bool:
        """Learn from the last image if it is time to; tell whether the template was updated."""

    def check(self, config: TrackerConfig) -> None:
        """ValueError for settings that the network cannot follow; changes nothing, and is for any thread."""

    def configure(self, config: TrackerConfig) -> None:
        """Change the settings; the target is kept."""

    def reset(self) -> None:
        """Forget the target."""


TrackerFactory = Callable[[str, str, "str | None", str], TrackerLike]
"""``(network, device, weights, engine) -> tracker``; ValueError, OSError, RuntimeError: it cannot be made."""


def make_tracker(network: str, device: str, weights: str | None, engine: str) -> TrackerLike:
    """Load the real tracker.

    Args:
        network: name of the network.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        weights: path of a checkpoint; None for the weights that come with the package.
        engine: what runs the network, ``auto`` for the fastest.

    Raises:
        ValueError: unknown network, unusable weights, a CUDA device that is not there, or an engine that
            cannot run here.
    """
    from gradnet_ros.tracking.tracker import Tracker  # Here, not above: it brings in torch.

    return Tracker(network=network, device=device, weights=weights, engine=engine)


@dataclass(frozen=True)
class LoadedTracker:
    """A tracker, and how it came about.

    Attributes:
        tracker: the tracker.
        requested: the device that was asked for.
        problem: why it is not on that device, nor on CUDA for ``auto``; empty if it is.
    """

    tracker: TrackerLike
    requested: str
    problem: str = ""

    def gpu_megabytes(self) -> float | None:
        """GPU memory taken by tensors, MB (1,000,000 bytes); None when the tracker is not on a GPU."""
        if str(self.tracker.device).partition(":")[0] != "cuda":
            return None
        import torch

        return float(torch.cuda.memory_allocated(self.tracker.device)) / 1e6


def load_tracker(
    factory: TrackerFactory, network: str, device: str, weights: str | None, engine: str = "auto"
) -> LoadedTracker:
    """Make a tracker, on the CPU if CUDA was asked for, or is there for ``auto``, and cannot be used.

    On the CPU an engine for CUDA gives way to what ``auto`` takes there.

    Raises:
        ValueError: it cannot be made on the CPU either; as OSError or RuntimeError, if these are the reason.
    """
    try:
        return LoadedTracker(factory(network, device, weights, engine), device)
    except (ValueError, RuntimeError) as error:  # torch reports a broken driver as RuntimeError.
        if not _means_cuda(device):
            raise
        engine = "auto" if engine.startswith("cuda") else engine
        return LoadedTracker(factory(network, "cpu", weights, engine), device, str(error))


def _means_cuda(device: str) -> bool:
    """Whether a device asked for is CUDA here."""
    if device != "auto":
        return device.startswith("cuda")
    from gradnet_ros.tracking.device import select_device  # Here, not above: it brings in torch.

    return select_device(device).type == "cuda"
