"""The tracker: crops -> network -> response -> Track, and now and then a gradient-guided template update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradnet_ros.nn.box import BoxTemplate
from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.nn.correlation import cross_correlate
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.losses import centre_labels
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.crops import crop_matrix, mean_colour, warp_crops
from gradnet_ros.tracking.device import select_device
from gradnet_ros.tracking.geometry import MIN_SIDE, check_box, check_image, context_side
from gradnet_ros.tracking.memory import ReliableMemory, Sample, copy_features
from gradnet_ros.tracking.response import Peak, find_boxed_peak, find_peak, hann_window
from gradnet_ros.tracking.template import AdaptiveTemplate, GradientGuidedTemplate
from gradnet_ros.tracking.track import Box, Track, TrackState


@dataclass(frozen=True)
class _Lesson:
    """A template update that a frame calls for."""

    sample: Sample
    rate: float


@dataclass
class _Target:
    """All that the tracker knows of its target; replaced as a whole by a new ``init``."""

    centre: tuple[float, float]
    size: tuple[float, float]
    first_size: tuple[float, float]
    image_size: tuple[int, int]
    border: tuple[float, ...]
    fixed: Tensor
    adaptive: AdaptiveTemplate
    box_template: BoxTemplate | None
    memory: ReliableMemory = field(default_factory=ReliableMemory)
    frame: int = 0
    updates: int = 0
    window_was_dropped: bool = False
    look_at_centre: bool = False
    lesson: _Lesson | None = None  # what the last located frame calls for, until it is learned

    @property
    def box(self) -> Box:
        (x, y), (w, h) = self.centre, self.size
        return x - w / 2, y - h / 2, w, h

    @property
    def scale(self) -> float:
        return sqrt(self.size[0] * self.size[1] / (self.first_size[0] * self.first_size[1]))


@dataclass(frozen=True)
class _Search:
    """One search pass around a place: of the pyramid, or of one scale with boxes."""

    centre: tuple[float, float]
    side: float  # of the middle scale's region, pixels of the image
    factors: tuple[float, ...]  # region sides relative to the middle one
    features: Tensor  # (S, C, h, w)
    fixed: NDArray[np.float32]  # (S, r, r)
    adaptive: NDArray[np.float32] | None  # (r, r)
    edges: NDArray[np.float32] | None  # (4, r, r), pixels of the crop, from the box branch


class Tracker:
    """GradNet on one target.

    Args:
        network: ``lite`` or ``alexnet``.
        device: ``auto`` (CUDA when there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        weights: a checkpoint file; ``None`` takes the weights that come with the package.
        config: a :class:`TrackerConfig`, taken as it is, or a mapping of overrides over the network's own
            settings.
        start_template: makes the adaptive template from the network and f2(Z); others than the paper's are
            for comparisons.

    Raises:
        ValueError: an unknown network, device or setting, or a checkpoint that cannot be used
            (:class:`~gradnet_ros.nn.checkpoint.CheckpointError`).
    """

    def __init__(
        self,
        network: str = "lite",
        device: str = "auto",
        weights: str | PathLike[str] | None = None,
        config: TrackerConfig | Mapping[str, object] | None = None,
        *,
        start_template: Callable[[GradNet, Tensor], AdaptiveTemplate] = GradientGuidedTemplate,
    ) -> None:
        self._start_template = start_template
        self._device = select_device(device)
        checkpoint = load_network(shipped_weights(network) if weights is None else Path(weights), network)
        self._net = checkpoint.net.requires_grad_(False).to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._config = self._resolve(config, TrackerConfig().with_overrides(checkpoint.tracker))
        self._target: _Target | None = None
        # Read once: on a GPU every read would wait for the device.
        self._adjust = (float(self._net.adjust_scale), float(self._net.adjust_bias))
        self._allocate()

    @property
    def network(self) -> str:
        """Name of the network."""
        name: str = self._net.spec.name
        return name

    @property
    def device(self) -> torch.device:
        """The device really in use."""
        return self._device

    @property
    def config(self) -> TrackerConfig:
        """The settings in force."""
        return self._config

    @property
    def initialised(self) -> bool:
        """Whether there is a target."""
        return self._target is not None

    @property
    def template_updates(self) -> int:
        """Template updates since the last ``init``."""
        return self._target.updates if self._target else 0

    def configure(self, config: TrackerConfig | Mapping[str, object]) -> None:
        """Change settings while running; the target is kept.

        A frame that waits to be learned is learned at the rate that was in force when it was located; with
        an ``update_interval`` of 0 it is not learned any more.

        Args:
            config: settings, or overrides over those in force.

        Raises:
            ValueError: an unknown setting or a value outside its bound; nothing is changed then.
        """
        self._config = self._resolve(config, self._config)
        self._allocate()
        if self._target is not None and self._config.update_interval == 0:
            self._target.lesson = None

    def reset(self) -> None:
        """Forget the target."""
        self._target = None

    @torch.no_grad()
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
        height, width = image.shape[:2]
        x, y, w, h = check_box(box, width, height)
        spec = self._net.spec
        centre, size = (x + w / 2, y + h / 2), (w, h)
        border = mean_colour(image)
        side = context_side(w, h, self._config.context_amount) / spec.base_size * spec.exemplar_size
        exemplar = np.empty((1, spec.exemplar_size, spec.exemplar_size, 3), np.uint8)
        warp_crops(image, [crop_matrix(centre, side, spec.exemplar_size)], border, exemplar)
        crop = torch.from_numpy(exemplar).permute(0, 3, 1, 2).to(self._device).float()
        (features, levels), f2 = self._net.search.search(crop), self._net.target_features(crop)
        box_template = None
        if self._net.box is not None:
            in_crop = torch.tensor([size], device=self._device) * (spec.exemplar_size / side)
            box_template = self._net.box.template(levels, in_crop)
        fixed = self._net.search.template(features)
        adaptive = self._start_template(self._net, f2)
        target = _Target(centre, size, size, (width, height), border, fixed, adaptive, box_template)
        search = self._search(image, target, centre)
        if self._config.update_interval > 0:
            middle = len(search.factors) // 2
            # "hid" starts at h2(Z_1): one step on the first frame itself (official code).
            first = Sample(copy_features(search.features, middle), (0.0, 0.0), 0.0)
            self._teach(target, _Lesson(first, rate=1.0))
            target.updates = 0  # the first step is part of the template, not an update of it
        score = self._score(float(search.fixed.max()))
        self._target = target
        return Track(target.box, score, self._state(score), 1.0, False)

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

    @torch.no_grad()
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
        image = check_image(image)
        height, width = image.shape[:2]
        if (width, height) != target.image_size:
            raise ValueError(
                f"image must stay {target.image_size[0]}x{target.image_size[1]} pixels, got {width}x{height}"
            )
        self.learn()
        target.frame += 1
        search = self._search(image, target, target.centre)
        if target.look_at_centre:
            search = self._better_at_centre(image, target, search)
            target.look_at_centre = False
        peak = self._find_peak(target, search)
        score = self._score(peak.raw)
        strength = score if self._net.spec.cosine else peak.raw
        self._move(target, search, peak, score)
        target.lesson = self._find_lesson(target, search, peak, strength)
        self._watch_edge(target, strength)
        return Track(target.box, score, self._state(score), target.scale, target.lesson is not None)

    @torch.no_grad()
    def learn(self) -> bool:
        """Update the template if the last located frame calls for it and it was not done yet.

        Whatever the network raises (out of memory, say), the target and its template stay as they were, and
        this update is not tried again.

        Returns:
            Whether the template was updated.
        """
        target = self._target
        if target is None or target.lesson is None:
            return False
        lesson, target.lesson = target.lesson, None
        self._teach(target, lesson)
        return True

    # --- one frame, step by step ---

    def _search(self, image: NDArray[np.uint8], target: _Target, centre: tuple[float, float]) -> _Search:
        """Crop the pyramid around ``centre``, run the search trunk, correlate with both templates."""
        spec, config = self._net.spec, self._config
        side = context_side(*target.size, config.context_amount) / spec.base_size * spec.search_size
        half = 0 if config.box_branch else config.scale_count // 2
        factors = tuple(config.scale_step**power for power in range(-half, half + 1))
        matrices = [crop_matrix(centre, side * factor, spec.search_size) for factor in factors]
        warp_crops(image, matrices, target.border, self._crops)
        self._input.copy_(self._crops_view, non_blocking=True)
        features, levels = self._net.search.search(self._input)
        fixed = cross_correlate(features, target.fixed)[:, 0]
        adaptive = None
        kernel = target.adaptive.kernel
        if kernel is not None and config.update_interval > 0:
            adaptive = cross_correlate(features[half : half + 1], kernel)[0, 0].cpu().numpy()
        edges = None
        if config.box_branch:
            assert self._net.box is not None
            assert target.box_template is not None
            edges = self._net.box(levels, target.box_template)[0].cpu().numpy()
        return _Search(centre, side, factors, features, fixed.cpu().numpy(), adaptive, edges)

    def _find_peak(self, target: _Target, search: _Search) -> Peak:
        config, spec = self._config, self._net.spec
        drop_window = (
            config.refind_after > 0
            and target.memory.misses >= config.refind_after
            and not target.window_was_dropped
        )
        target.window_was_dropped = target.window_was_dropped or drop_window
        window = None if drop_window else self._window
        if search.edges is not None:
            zoom = spec.search_size / search.side
            return find_boxed_peak(
                search.fixed[0],
                search.adaptive,
                search.edges,
                window,
                expected=(target.size[0] * zoom, target.size[1] * zoom),
                stride=spec.stride,
                size_penalty=config.size_penalty,
                adaptive_weight=config.adaptive_weight,
                raw_fusion=config.raw_fusion,
                window_influence=config.window_influence,
            )
        return find_peak(
            search.fixed,
            search.adaptive,
            window,
            stride=spec.stride,
            factor=config.response_upsampling,
            scale_penalty=config.scale_penalty,
            adaptive_weight=config.adaptive_weight,
            raw_fusion=config.raw_fusion,
            window_influence=config.window_influence,
        )

    def _move(self, target: _Target, search: _Search, peak: Peak, score: float) -> None:
        """Set the target's centre and size from a peak; the size is smoothed and bounded."""
        config = self._config
        image_width, image_height = target.image_size
        pixel = search.side * search.factors[peak.scale] / self._net.spec.search_size
        target.centre = (
            min(max(search.centre[0] + peak.dx * pixel, 0.0), float(image_width)),
            min(max(search.centre[1] + peak.dy * pixel, 0.0), float(image_height)),
        )
        if peak.size is None:
            share, found = config.scale_smoothing, search.factors[peak.scale]
            width, height = (side * (1.0 - share + share * found) for side in target.size)
        else:
            share = config.size_smoothing * peak.trust * score
            width, height = (
                side * (1.0 - share) + share * found * pixel
                for side, found in zip(target.size, peak.size, strict=True)
            )
        scale = sqrt(width * height / (target.first_size[0] * target.first_size[1]))
        bounded = min(max(scale, config.min_scale), config.max_scale) / scale
        bounded = max(bounded, MIN_SIDE / min(width, height))
        target.size = (width * bounded, height * bounded)

    def _find_lesson(self, target: _Target, search: _Search, peak: Peak, strength: float) -> _Lesson | None:
        """Keep a reliable frame; say which template update it is time for, if any. No network is run."""
        config, memory = self._config, target.memory
        reliable = memory.see(strength, config)
        if config.update_interval == 0:
            return None
        if reliable:
            features = copy_features(search.features, peak.scale)
            memory.keep(Sample(features, (peak.dx, peak.dy), strength), config)
            target.window_was_dropped = False
        failing = target.frame <= config.early_frames and strength < config.early_ratio * memory.reference()
        if not failing and target.frame % config.update_interval:
            return None
        sample = memory.newest() if config.newest_sample else memory.best()
        if sample is None:
            return None
        return _Lesson(sample, config.early_update_rate if failing else config.update_rate)

    def _teach(self, target: _Target, lesson: _Lesson) -> None:
        """One step of the adaptive template."""
        spec, sample = self._net.spec, lesson.sample
        offset = torch.tensor([sample.offset], device=self._device)
        labels = centre_labels(offset, spec.response_size, spec.stride)
        target.adaptive.teach(sample.features, labels, lesson.rate, self._config.update_from_first)
        target.updates += 1

    def _better_at_centre(self, image: NDArray[np.uint8], target: _Target, search: _Search) -> _Search:
        """Search at the image's centre too; take it when both templates answer more strongly there."""
        width, height = target.image_size
        other = self._search(image, target, (width / 2, height / 2))
        better = other.fixed.max() > search.fixed.max()
        if search.adaptive is not None and other.adaptive is not None:
            better = better and other.adaptive.max() > search.adaptive.max()
        return other if better else search

    def _watch_edge(self, target: _Target, strength: float) -> None:
        """Note when the target leaves the image with a weak peak.

        The official code watches the right edge only; there is nothing special about it, so all four count.
        """
        x, y, w, h = target.box
        width, height = target.image_size
        outside = x < 0 or y < 0 or x + w > width or y + h > height
        weak = strength < self._config.reliable_ratio * target.memory.reference()
        target.look_at_centre = self._config.refind_at_centre and outside and weak

    # --- helpers ---

    def _score(self, raw: float) -> float:
        scale, bias = self._adjust
        logit = scale * raw + bias
        return float(1.0 / (1.0 + np.exp(-np.clip(logit, -60.0, 60.0))))

    def _state(self, score: float) -> TrackState:
        if score >= self._config.tracked_score:
            return TrackState.TRACKED
        return TrackState.UNCERTAIN if score >= self._config.lost_score else TrackState.LOST

    def _allocate(self) -> None:
        """Allocate what every frame writes to: crops, the network's input, the window."""
        spec, config = self._net.spec, self._config
        count, size = 1 if config.box_branch else config.scale_count, spec.search_size
        crops = torch.empty((count, size, size, 3), dtype=torch.uint8, pin_memory=self._device.type == "cuda")
        self._crops: NDArray[np.uint8] = crops.numpy()
        self._crops_view = crops.permute(0, 3, 1, 2)
        self._input = torch.empty(
            (count, 3, size, size), device=self._device, memory_format=torch.channels_last
        )
        upsampling = 1 if config.box_branch else config.response_upsampling
        self._window = hann_window(spec.response_size * upsampling)

    def _resolve(
        self, config: TrackerConfig | Mapping[str, object] | None, defaults: TrackerConfig
    ) -> TrackerConfig:
        if config is None:
            resolved = defaults
        else:
            resolved = config if isinstance(config, TrackerConfig) else defaults.with_overrides(config)
        if resolved.box_branch and self._net.box is None:
            raise ValueError(f"box_branch must be false: network {self.network!r} has no box branch")
        return resolved
