"""One target: where to look for it, what the engine's answers mean, and when its template learns.

All rules of tracking are here, and no network: that is the engine's. Settings are given with every call, so
that they may change while running.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.engines.protocol import Answer, Engine, Look, Query, Region
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.crops import Image, mean_colour
from gradnet_ros.tracking.geometry import MIN_SIDE, context_side, steady_place, steady_zoom
from gradnet_ros.tracking.memory import ReliableMemory, Sample
from gradnet_ros.tracking.narrow import is_steady, is_sure, looks_around
from gradnet_ros.tracking.refind import Refinding
from gradnet_ros.tracking.rehearsal import rehearsal_views
from gradnet_ros.tracking.response import Peak, choose_scale, find_boxed_peak, find_peak, hann_window
from gradnet_ros.tracking.track import Box, Track, TrackState


@dataclass(frozen=True)
class _Lesson:
    """A template update that a frame calls for."""

    samples: list[Sample]
    rate: float


@dataclass(frozen=True)
class Found:
    """Where a frame shows the target; nothing of the target has changed yet.

    Attributes:
        centre: (x, y) in the picture.
        size: (w, h) that it was searched at, pixels of the picture.
        peak: of the response.
        scales: how many were searched.
        pixel_size: of the chosen crop, pixels of the picture.
        score: in [0, 1].
        strength: what the frame's reliability is judged by.
        sample: the frame, if it is reliable.
        with_window: whether the window was laid over.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    peak: Peak
    scales: int
    pixel_size: float
    score: float
    strength: float
    sample: Sample | None
    with_window: bool


class Target:
    """Follows one target through the frames of one engine.

    A frame is ``ask`` -> ``engine.search`` -> ``find`` -> ``settle``, then ``learn``. Where a narrow search
    ``is_unsure``, the first three are done once more, for the whole region. Where the settings compare sizes,
    ``look`` -> ``engine.compare`` comes before ``settle``.

    Args:
        engine: runs the network.
        image: HxWx3 uint8, BGR.
        box: (x, y, w, h), pixels: top-left corner and size; checked by the caller.
        config: the settings in force.
    """

    def __init__(self, engine: Engine, image: Image, box: Box, config: TrackerConfig) -> None:
        self._engine = engine
        height, width = image.shape[:2]
        x, y, w, h = box
        self._centre, self._size = (x + w / 2, y + h / 2), (w, h)
        self._first_size = self._size
        self._context = config.context_amount  # the exemplar's: the target looks as large in every crop
        self.image_size = (width, height)
        self.updates = 0
        """Template updates; the step on the first frame is part of the template, not an update of it."""
        self._memory = ReliableMemory()
        self._frame = 0
        self._window_was_dropped = False
        self._look_at_centre = False
        self._steady = False  # whether the last frame showed it well and near where it was
        self._refinding = Refinding(self._centre, self._size)
        self._lesson: _Lesson | None = None  # what the last frame calls for, until it is learned
        square = Region(self._centre, (self._side(self._size, engine.spec.exemplar_size),))
        self._state = engine.start(image, square, self._size, mean_colour(image))
        self._fits, self._fitted = False, 0  # whether there are steps of the box template to take; taken
        self._box_steps = config.box_steps
        if config.update_interval > 0:
            (searched,) = self._sides(self._size, engine.spec.search_size, 1, config)
            views = rehearsal_views(self._centre, self._size, searched, engine.spec.search_size)
            if config.template_steps > 0:
                engine.fit_template(self._state, image, views, config.template_steps)
            if config.box_branch and config.box_steps > 0:
                engine.rehearse(self._state, image, views, self._box_steps)
                self._fits = True
        # What some frames need of the engine is set up now, not while a frame waits.
        if config.narrow_first:
            engine.search(image, self._queries([(self._centre, self._size)], engine.spec.narrow_size, config))
        if config.compares_sizes:
            engine.compare(image, [self.look(self._centre, self._size, config)])
        (answer,) = engine.search(image, self.ask(config))
        if config.update_interval > 0:
            # "hid" starts at h2(Z_1): one step on the first frame itself (official code).
            features = engine.keep(answer.features, len(answer.fixed) // 2)
            self._teach(_Lesson([Sample(features, (0.0, 0.0), 0.0)], rate=1.0), config)
        self._first_raw = float(answer.fixed.max())

    @property
    def box(self) -> Box:
        """(x, y, w, h) in the last frame, pixels."""
        (x, y), (w, h) = self._centre, self._size
        return x - w / 2, y - h / 2, w, h

    @property
    def fits_boxes(self) -> bool:
        """Whether :meth:`learn` still has steps of the box template to take."""
        return self._fits

    def first_track(self, config: TrackerConfig) -> Track:
        """The track of the frame that the target was given in: the given box."""
        score = self._score(self._first_raw)
        return Track(self.box, score, _state(score, config), 1.0, False)

    def ask(self, config: TrackerConfig, whole: bool = False) -> list[Query]:
        """Where to look in the next frame: around the last place, and elsewhere too at times.

        Args:
            config: the settings in force.
            whole: not narrowly, whatever they say.
        """
        places, pixels = [(self._centre, self._size)], self._engine.spec.search_size
        if self._refinding.active(config):
            size = self._refinding.whole_size
            (side,) = self._sides(size, pixels, 1, config)
            places.append((self._refinding.place(side, self.image_size, config), size))
        elif self._look_at_centre:
            width, height = self.image_size
            places.append(((width / 2, height / 2), self._size))
        elif config.narrow_first and self._steady and not whole and not looks_around(self._frame + 1, config):
            pixels = self._engine.spec.narrow_size
        return self._queries(places, pixels, config)

    def _queries(
        self,
        places: Sequence[tuple[tuple[float, float], tuple[float, float]]],
        pixels: int,
        config: TrackerConfig,
    ) -> list[Query]:
        """Search crops of so many pixels around places (x, y), for the target at the size (w, h) there."""
        scales = 1 if config.box_branch or config.compares_sizes else config.scale_count
        return [
            Query(
                self._state,
                self._region(centre, size, pixels, scales, config),
                pixels,
                config.update_interval > 0,
                config.box_branch,
            )
            for centre, size in places
        ]

    def find(self, queries: Sequence[Query], answers: Sequence[Answer], config: TrackerConfig) -> Found:
        """Decide where the target is. Should the engine fail (out of memory, say), nothing has changed.

        Args:
            queries: what :meth:`ask` returned, with the same settings.
            answers: the engine's answers to them.
            config: the settings in force.
        """
        chosen, answer, size = queries[0], answers[0], self._size
        for query, other in zip(queries[1:], answers[1:], strict=True):
            if not _answers_more_strongly(other, answer):
                continue
            if self._refinding.active(config):
                if self._score(float(other.fixed.max())) < config.tracked_score:
                    continue
                size = self._refinding.whole_size
            chosen, answer = query, other
        region, with_window = chosen.region, not self._drops_window(config)
        peak = self._find_peak(chosen, answer, size, with_window, config)
        score = self._score(peak.raw)
        strength = score if self._engine.spec.cosine else peak.raw
        sample = self._read_sample(chosen, answer, peak, strength, config)
        pixel = region.sides[peak.scale] / chosen.pixels
        shift = (peak.dx * pixel, peak.dy * pixel)
        x, y = (
            min(max(at + by, 0.0), float(length))
            for at, by, length in zip(region.centre, shift, self.image_size, strict=True)
        )
        return Found((x, y), size, peak, len(region.sides), pixel, score, strength, sample, with_window)

    def is_unsure(self, queries: Sequence[Query], found: Found, config: TrackerConfig) -> bool:
        """Whether a narrow search is not to be believed: :meth:`ask` again, for the whole region.

        Args:
            queries: what :meth:`ask` returned.
            found: what :meth:`find` made of the answers to it.
            config: the settings in force.
        """
        spec = self._engine.spec
        narrow = queries[0].pixels != spec.search_size
        return narrow and not is_sure(found.peak, found.score, spec, config)

    def look(self, centre: tuple[float, float], size: tuple[float, float], config: TrackerConfig) -> Look:
        """What is to be compared to tell the target's size.

        Args:
            centre: where it was found.
            size: that it was searched at.
            config: the settings in force.
        """
        pixels = self._engine.spec.exemplar_size
        return Look(self._state, self._region(centre, size, pixels, config.scale_count, config))

    def settle(self, found: Found, cosines: NDArray[np.float32] | None, config: TrackerConfig) -> Track:
        """Go where the target was found.

        Args:
            found: what :meth:`find` returned, with the same settings.
            cosines: (S,) the engine's answer to :meth:`look`, where the settings compare sizes.
            config: the settings in force.

        Returns:
            The track; ``updated`` says whether the frame calls for :meth:`learn`.
        """
        score, strength = found.score, found.strength
        self._frame += 1
        dropped = self._window_was_dropped or not found.with_window
        self._window_was_dropped = found.sample is None and dropped
        reliable = found.sample is not None
        self._steady = reliable and is_steady(found.peak, score, self._engine.spec, config)
        self._memory.add(strength, found.sample, config)
        self._centre = found.centre
        self._resize(found, cosines, config)
        self._watch_for_leaving(score, config)
        self._lesson = self._find_lesson(strength, config)
        self._watch_edge(strength, config)
        return Track(self.box, score, _state(score, config), self._scale, self._lesson is not None)

    def miss(self, config: TrackerConfig) -> Track:
        """Stay where it was, for the picture shows nothing at all: LOST, with a score of 0."""
        self._frame += 1
        self._steady = False
        self._memory.misses += 1
        self._watch_for_leaving(0.0, config)
        self._lesson = None
        return Track(self.box, 0.0, TrackState.LOST, self._scale, False)

    def learn(self, config: TrackerConfig) -> bool:
        """Update the template if the last frame calls for it and it was not done yet.

        After each of the first frames the box template takes a step, too. Whatever the engine raises, the
        templates stay as they were, and this update is not tried again.

        Returns:
            Whether the template was updated.
        """
        lesson, self._lesson = self._lesson, None
        self._fit_boxes(config)
        if lesson is None:
            return False
        self._teach(lesson, config)
        self.updates += 1
        return True

    def forget_lesson(self) -> None:
        """Drop what :meth:`learn` was to do."""
        self._lesson = None

    # --- one frame, step by step ---

    @property
    def _scale(self) -> float:
        return sqrt(self._size[0] * self._size[1] / (self._first_size[0] * self._first_size[1]))

    def _region(
        self,
        centre: tuple[float, float],
        size: tuple[float, float],
        pixels: int,
        scales: int,
        config: TrackerConfig,
    ) -> Region:
        """The squares that crops of so many pixels show of a target.

        Places and sizes are rounded for it. Their last digits, in which engines differ, would else change
        every pixel of the crop, and with them all that follows (ours).
        """
        sides = self._sides(size, pixels, scales, config)
        pixel = sides[scales // 2] / pixels
        x, y = (steady_place(at, pixel) for at in centre)
        return Region((x, y), sides)

    def _sides(
        self, size: tuple[float, float], pixels: int, scales: int, config: TrackerConfig
    ) -> tuple[float, ...]:
        """Sides of the squares that crops of so many pixels show at every scale; see :meth:`_side`."""
        pixel, half = steady_zoom(self._side(size, 1)), scales // 2
        return tuple(pixels * pixel * config.scale_step**power for power in range(-half, half + 1))

    def _side(self, size: tuple[float, float], pixels: int) -> float:
        """Side of the square that a crop of so many pixels shows of a target of a size, with its context."""
        return context_side(*size, self._context) / self._engine.spec.base_size * pixels

    def _drops_window(self, config: TrackerConfig) -> bool:
        """Whether the target is looked for all over the search region, once in every loss."""
        lost = 0 < config.refind_after <= self._memory.misses
        return lost and not self._window_was_dropped

    def _find_peak(
        self,
        query: Query,
        answer: Answer,
        size: tuple[float, float],
        with_window: bool,
        config: TrackerConfig,
    ) -> Peak:
        spec = self._engine.spec
        upsampling = 1 if config.box_branch else config.response_upsampling
        cells = spec.response_side(query.pixels)
        window = hann_window(cells * upsampling) if with_window else None
        if answer.edges is not None:
            zoom = query.pixels / query.region.sides[0]
            return find_boxed_peak(
                answer.fixed[0],
                answer.adaptive,
                answer.edges,
                window,
                expected=(size[0] * zoom, size[1] * zoom),
                stride=spec.stride,
                size_penalty=config.size_penalty,
                neighbours=config.box_neighbours,
                adaptive_weight=config.adaptive_weight,
                raw_fusion=config.raw_fusion,
                window_influence=config.window_influence,
            )
        return find_peak(
            answer.fixed,
            answer.adaptive,
            window,
            stride=spec.stride,
            factor=config.response_upsampling,
            scale_penalty=config.scale_penalty,
            adaptive_weight=config.adaptive_weight,
            raw_fusion=config.raw_fusion,
            window_influence=config.window_influence,
        )

    def _resize(self, found: Found, cosines: NDArray[np.float32] | None, config: TrackerConfig) -> None:
        """Set the target's size: smoothed and bounded."""
        peak = found.peak
        if peak.size is None:
            share = config.scale_smoothing
            chosen, count = peak.scale, found.scales
            if cosines is not None:
                chosen, count = choose_scale(cosines + 1.0, config.scale_penalty), len(cosines)
            growth = 1.0 - share + share * config.scale_step ** (chosen - count // 2)
            width, height = (side * growth for side in found.size)
        else:
            share = config.size_smoothing * peak.trust * found.score
            width, height = (
                side * (1.0 - share) + share * now * found.pixel_size
                for side, now in zip(found.size, peak.size, strict=True)
            )
        scale = sqrt(width * height / (self._first_size[0] * self._first_size[1]))
        bounded = min(max(scale, config.min_scale), config.max_scale) / scale
        width, height = width * bounded, height * bounded
        if peak.size is None:  # A pyramid keeps the aspect.
            enlarge = max(1.0, MIN_SIDE / min(width, height))
            self._size = (width * enlarge, height * enlarge)
        else:
            self._size = (max(width, MIN_SIDE), max(height, MIN_SIDE))

    def _read_sample(
        self, query: Query, answer: Answer, peak: Peak, strength: float, config: TrackerConfig
    ) -> Sample | None:
        """The frame as a sample if it is reliable; with features if anything is to be learned."""
        if not self._memory.is_reliable(strength, config):
            return None
        learns = config.update_interval > 0 and query.pixels == self._engine.spec.search_size
        features = self._engine.keep(answer.features, peak.scale) if learns else None
        return Sample(features, (peak.dx, peak.dy), strength)

    def _find_lesson(self, strength: float, config: TrackerConfig) -> _Lesson | None:
        """Which template update it is time for, if any. No network is run."""
        if config.update_interval == 0:
            return None
        memory = self._memory
        failing = self._frame <= config.early_frames and strength < config.early_ratio * memory.reference()
        if not failing and self._frame % config.update_interval:
            return None
        choose = memory.newest if config.newest_sample else memory.best
        samples = choose(config.update_samples)
        if not samples:
            return None
        return _Lesson(samples, config.early_update_rate if failing else config.update_rate)

    def _teach(self, lesson: _Lesson, config: TrackerConfig) -> None:
        """One step of the adaptive template."""
        features = [sample.features for sample in lesson.samples]
        offsets = np.array([sample.offset for sample in lesson.samples], np.float32)
        self._engine.teach(self._state, features, offsets, lesson.rate, config.update_from_first)

    def _fit_boxes(self, config: TrackerConfig) -> None:
        """The next step of fitting the box template, one a frame, however often asked."""
        if not self._fits or self._fitted > self._frame:
            return
        goes_on = config.update_interval > 0 and config.box_branch
        steps = min(self._box_steps, config.box_steps) if goes_on else 0
        self._fitted += 1
        self._fits = self._fitted < steps
        try:
            if self._fitted <= steps:
                self._engine.fit_boxes(self._state)
        finally:
            if not self._fits:
                self._engine.forget_views(self._state)

    def _watch_for_leaving(self, score: float, config: TrackerConfig) -> None:
        """Note where the target was seen; one that left the image is waited for where it left."""
        self._refinding.see(self._centre, self._size, score, self.image_size, config)
        if self._refinding.waits(config):
            self._centre, self._size = self._refinding.seen_at, self._refinding.whole_size

    def _watch_edge(self, strength: float, config: TrackerConfig) -> None:
        """Note when the target leaves the image with a weak peak.

        The official code watches the right edge only; there is nothing special about it, so all four count.
        """
        x, y, w, h = self.box
        width, height = self.image_size
        outside = x < 0 or y < 0 or x + w > width or y + h > height
        weak = strength < config.reliable_ratio * self._memory.reference()
        self._look_at_centre = config.refind_at_centre and outside and weak

    def _score(self, raw: float) -> float:
        scale, bias = self._engine.adjust
        logit = scale * raw + bias
        return float(1.0 / (1.0 + np.exp(-np.clip(logit, -60.0, 60.0))))


def _answers_more_strongly(other: Answer, answer: Answer) -> bool:
    """Both templates say so."""
    better = other.fixed.max() > answer.fixed.max()
    if answer.adaptive is not None and other.adaptive is not None:
        better = better and other.adaptive.max() > answer.adaptive.max()
    return bool(better)


def _state(score: float, config: TrackerConfig) -> TrackState:
    if score >= config.tracked_score:
        return TrackState.TRACKED
    return TrackState.UNCERTAIN if score >= config.lost_score else TrackState.LOST
