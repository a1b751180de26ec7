"""The tracker of one target, for users: checks what it is given, passes frames to engine and target."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.engines.torch_engine import StartTemplate
from gradnet_ros.tracking.base import TrackerBase, check_next_image
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.geometry import check_box, check_image
from gradnet_ros.tracking.locate import locate
from gradnet_ros.tracking.target import Target
from gradnet_ros.tracking.track import Box, Track


class Tracker(TrackerBase):
    """GradNet on one target.

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
        super().__init__(network, device, weights, config, engine=engine, start_template=start_template)
        self._target: Target | None = None

    @property
    def initialised(self) -> bool:
        """Whether there is a target."""
        return self._target is not None

    @property
    def template_updates(self) -> int:
        """Template updates since the last ``init``."""
        return self._target.updates if self._target else 0

    def reset(self) -> None:
        """Forget the target."""
        self._target = None

    def init(self, image: NDArray[np.uint8], box: Box) -> Track:
        """Start on a target; an earlier one is replaced.

        Args:
            image: HxWx3 uint8, BGR.
            box: (x, y, w, h), pixels: top-left corner and size.

        Returns:
            The track of this frame: the given box.

        Raises:
            ValueError: a bad image or box; an earlier target is kept then.
        """
        image = check_image(image)
        box = check_box(box, image.shape[1], image.shape[0])
        self._target = Target(self._engine, image, box, self._config)
        return self._target.first_track(self._config)

    def update(self, image: NDArray[np.uint8]) -> Track:
        """Find the target in the next frame and learn from it: :meth:`locate`, then :meth:`learn`.

        Args:
            image: HxWx3 uint8, BGR, of the size that ``init`` saw.

        Raises:
            ValueError: no target yet, or a bad image; the target is kept.
        """
        track = self.locate(image)
        self.learn()
        return track

    def locate(self, image: NDArray[np.uint8]) -> Track:
        """Find the target in the next frame; the template update that the frame may call for is left to do.

        It is for callers who want the place as early as possible: :meth:`learn` does the rest when the place
        has been passed on. Should ``learn`` not be called, the next ``locate`` does it first, so that results
        never depend on it.

        Args:
            image: HxWx3 uint8, BGR, of the size that ``init`` saw.

        Returns:
            The track; ``updated`` says already whether this frame updates the template.

        Raises:
            ValueError: no target yet, or a bad image; the target is kept.
        """
        target = self._target
        if target is None:
            raise ValueError("no target: call init(image, box) before update(image) or locate(image)")
        image = check_next_image(image, target.image_size)
        self.learn()
        (track,) = locate(self._engine, image, [target], self._config)
        return track

    def learn(self) -> bool:
        """Update the template if the last located frame calls for it and it was not done yet.

        Whatever the network raises (out of memory, say), the target and its template stay as they were, and
        this update is not tried again.

        Returns:
            Whether the template was updated.
        """
        return self._target is not None and self._target.learn(self._config)

    def _all_targets(self) -> list[Target]:
        return [] if self._target is None else [self._target]
