"""Many targets in one camera: their crops go through the network together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.tracking.base import TrackerBase, check_next_image
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.geometry import check_box, check_image
from gradnet_ros.tracking.locate import locate
from gradnet_ros.tracking.target import Target
from gradnet_ros.tracking.track import Box, Track


class MultiTracker(TrackerBase):
    """GradNet on many targets of one camera, each by the rules of a ``Tracker`` of its own.

    A frame costs one call of the network for all targets, one more for those that a narrow search does not
    show well, and one more where sizes are compared; a target is where a tracker of its own would find it, up
    to the rounding of a larger batch. Templates are learned one after the other. For one thread at a time.

    Args:
        network: ``lite`` or ``alexnet``.
        device: ``auto`` (CUDA when there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        weights: a checkpoint file; ``None`` takes the weights that come with the package.
        config: a :class:`TrackerConfig`, taken as it is, or a mapping of overrides over the network's own
            settings; the same for all targets.
        engine: what runs the network, see :func:`~gradnet_ros.engines.select.make_engine`.

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
    ) -> None:
        super().__init__(network, device, weights, config, engine=engine)
        self._targets: dict[str, Target] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The targets that are followed, in the order in which they were added."""
        return tuple(self._targets)

    def add(self, name: str, image: NDArray[np.uint8], box: Box) -> Track:
        """Start on a target; one of the same name is replaced.

        Args:
            name: what to call it.
            image: HxWx3 uint8, BGR, of the size of the other targets' images.
            box: (x, y, w, h), pixels: top-left corner and size.

        Returns:
            The track of this frame: the given box.

        Raises:
            ValueError: a bad image or box; the targets are kept as they were then.
        """
        others = next((target for key, target in self._targets.items() if key != name), None)
        image = check_image(image) if others is None else check_next_image(image, others.image_size)
        box = check_box(box, image.shape[1], image.shape[0])
        target = Target(self._engine, image, box, self._config)
        self._targets[name] = target
        return target.first_track(self._config)

    def remove(self, name: str) -> None:
        """Forget a target.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in self._targets:
            raise ValueError(
                f"name must be one of {', '.join(self._targets) or '(no targets)'}, got {name!r}"
            )
        del self._targets[name]

    def reset(self) -> None:
        """Forget all targets."""
        self._targets.clear()

    def update(self, image: NDArray[np.uint8]) -> dict[str, Track]:
        """Find all targets in the next frame and learn from it: :meth:`locate`, then :meth:`learn`.

        Args:
            image: HxWx3 uint8, BGR, of the size that the targets were added in.

        Raises:
            ValueError: no targets yet, or a bad image; the targets are kept.
        """
        tracks = self.locate(image)
        self.learn()
        return tracks

    def locate(self, image: NDArray[np.uint8]) -> dict[str, Track]:
        """Find all targets in the next frame; their template updates are left to :meth:`learn`.

        Should ``learn`` not be called, the next ``locate`` does it first, so that results never depend on it.

        Args:
            image: HxWx3 uint8, BGR, of the size that the targets were added in.

        Returns:
            The tracks by name; ``updated`` says already which templates the frame updates.

        Raises:
            ValueError: no targets yet, or a bad image; the targets are kept.
        """
        if not self._targets:
            raise ValueError("no targets: call add(name, image, box) before update(image) or locate(image)")
        image = check_next_image(image, next(iter(self._targets.values())).image_size)
        self.learn()
        tracks = locate(self._engine, image, list(self._targets.values()), self._config)
        return dict(zip(self._targets, tracks, strict=True))

    def learn(self) -> tuple[str, ...]:
        """Update the templates that the last located frame calls for, if that was not done yet.

        Whatever the network raises (out of memory, say), the template at hand stays as it was, and its update
        is not tried again; those after it wait for the next call.

        Returns:
            Names of the targets whose templates were updated.
        """
        return tuple(name for name, target in self._targets.items() if target.learn(self._config))

    def _all_targets(self) -> Iterable[Target]:
        return self._targets.values()
