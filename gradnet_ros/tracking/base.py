"""What trackers of one target and of many have in common: a network in its engine, and the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gradnet_ros.engines.select import make_engine
from gradnet_ros.engines.torch_engine import StartTemplate
from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.geometry import check_image
from gradnet_ros.tracking.target import Target


class TrackerBase:
    """A network in its engine, and the settings.

    Args:
        network: ``lite`` or ``alexnet``.
        device: ``auto`` (CUDA when there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        weights: a checkpoint file; ``None`` takes the weights that come with the package.
        config: a :class:`TrackerConfig`, taken as it is, or a mapping of overrides over the network's own
            settings.
        engine: what runs the network, see :func:`~gradnet_ros.engines.select.make_engine`.
        start_template: makes the adaptive template from the network and f2(Z); others than the paper's are
            for comparisons, and run in the engine ``torch`` only.

    Raises:
        ValueError: an unknown network, device, engine or setting, an engine that cannot run here, or a
            checkpoint that cannot be used (:class:`~gradnet_ros.nn.checkpoint.CheckpointError`).
    """

    def __init__(
        self,
        network: str = "lite",
        device: str = "auto",
        weights: str | PathLike[str] | None = None,
        config: TrackerConfig | Mapping[str, object] | None = None,
        *,
        engine: str = "auto",
        start_template: StartTemplate | None = None,
    ) -> None:
        checkpoint = load_network(shipped_weights(network) if weights is None else Path(weights), network)
        self._network: str = checkpoint.net.spec.name
        self._has_boxes = checkpoint.net.box is not None
        self._config = self._resolve(config, TrackerConfig().with_overrides(checkpoint.tracker))
        self._engine = make_engine(checkpoint.net, device, engine, start_template)

    @property
    def network(self) -> str:
        """Name of the network."""
        return self._network

    @property
    def device(self) -> torch.device:
        """The device really in use."""
        return self._engine.device

    @property
    def engine(self) -> str:
        """The engine really in use and how it runs, such as ``openvino (float32)``."""
        return f"{self._engine.name} ({self._engine.detail})"

    @property
    def config(self) -> TrackerConfig:
        """The settings in force."""
        return self._config

    def check(self, config: TrackerConfig) -> None:
        """Check that the network can follow settings; nothing is changed. May be called from any thread.

        Raises:
            ValueError: it cannot; the message names the setting and its bound.
        """
        if config.box_branch and not self._has_boxes:
            raise ValueError(f"box_branch must be false: network {self.network!r} has no box branch")

    def configure(self, config: TrackerConfig | Mapping[str, object]) -> None:
        """Change settings while running; targets are kept.

        A frame that waits to be learned is learned at the rate that was in force when it was located; with
        an ``update_interval`` of 0 it is not learned any more.

        Args:
            config: settings, or overrides over those in force.

        Raises:
            ValueError: an unknown setting or a value outside its bound; nothing is changed then.
        """
        self._config = self._resolve(config, self._config)
        if self._config.update_interval == 0:
            for target in self._all_targets():
                target.forget_lesson()

    def _all_targets(self) -> Iterable[Target]:
        """The targets that are followed."""
        raise NotImplementedError

    def _resolve(
        self, config: TrackerConfig | Mapping[str, object] | None, defaults: TrackerConfig
    ) -> TrackerConfig:
        if config is None:
            resolved = defaults
        else:
            resolved = config if isinstance(config, TrackerConfig) else defaults.with_overrides(config)
        self.check(resolved)
        return resolved


def check_next_image(image: object, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return ``image`` if it can follow on those of ``size`` (width, height).

    Raises:
        ValueError: no image, or one of another size.
    """
    checked = check_image(image)
    height, width = checked.shape[:2]
    if (width, height) != size:
        raise ValueError(f"image must stay {size[0]}x{size[1]} pixels, got {width}x{height}")
    return checked
