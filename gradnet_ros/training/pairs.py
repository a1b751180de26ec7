"""Drawing samples: an exemplar and search crops of one object, from tracks, stills and scenes."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from torch.utils.data import Dataset

from gradnet_ros.nn.trunk import TrunkSpec
from gradnet_ros.tracking.crops import Image
from gradnet_ros.tracking.geometry import context_side
from gradnet_ros.tracking.rehearsal import VIEWS
from gradnet_ros.training.augment import Warp, apply_warp, blend_ellipse, change_colours, occlude
from gradnet_ros.training.batch import Sample, View
from gradnet_ros.training.shards import CROP_BASE, Picture, ShardIndex, TrackEntry

_Size = tuple[float, float]
_T = TypeVar("_T")


@dataclass(frozen=True)
class PairConfig:
    """How samples are drawn.

    Attributes:
        views: search crops of a sample: 2 for the update stage, whose gradient comes from another frame than
            the one that it is tested on.
        rehearsals: further crops of the exemplar's picture, for templates that are fitted to it
            (``BoxStage.fit_steps``).
        scene_share: share of samples whose target is a random box in a scene.
        video_weight: how much more often a track with several crops is drawn than a still.
        max_shift: furthest offset of the target in the search crop, pixels.
        max_zoom_change: largest log-ratio of the target's size between search crop and exemplar. A wide range
            (0.18 was tried) teaches the response not to care about scale: right with a box branch, but a
            scale pyramid goes blind.
        aspect_change: deviation of the log-ratio of the target's aspect between search crop and exemplar.
        steady_share: share of search crops in which zoom and aspect change a fifth as much.
        max_angle: largest rotation between the two, radians.
        new_background_share: share of samples in which the target stands before another picture.
        moved_background_share: share of samples in which the target stands elsewhere in its own picture.
        distractor_share: share of samples with another object pasted beside the target.
        occlusion_share: share of search crops in which a patch from elsewhere hides a part of the target.
    """

    views: int = 1
    rehearsals: int = 0
    scene_share: float = 0.4
    video_weight: float = 3.0
    max_shift: float = 64.0
    max_zoom_change: float = 0.06
    aspect_change: float = 0.05
    steady_share: float = 0.0
    max_angle: float = 0.26
    new_background_share: float = 0.3
    moved_background_share: float = 0.3
    distractor_share: float = 0.3
    occlusion_share: float = 0.15

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ValueError: a field is outside its bound; the message names the field, its value and the bound.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = _BOUNDS.get(field.name, (0.0, 1.0))
            if not low <= value <= high:
                raise ValueError(f"{field.name} must be in [{low}, {high}], got {value!r}")
        if self.new_background_share + self.moved_background_share > 1:
            raise ValueError("new_background_share + moved_background_share must not exceed 1")


_BOUNDS = {
    "views": (1, 8),
    "rehearsals": (0, len(VIEWS)),
    "video_weight": (0.01, 1000.0),
    "max_shift": (0.0, 128.0),
    "max_angle": (0.0, 3.2),
}


_CALM = 0.2
"""What is left of the changes of zoom and aspect where they are steady."""


@dataclass(frozen=True)
class _Change:
    """How the object has changed since the exemplar: one for all views, for they are near in time."""

    angle: float
    aspect: float
    colours: int  # a seed
    mirror: bool


@dataclass(frozen=True)
class _Appearance:
    """The object in one picture: where it is, how large, and the zoom to the crops' scale."""

    picture: Image
    centre: tuple[float, float]
    size: _Size
    zoom: float

    def warp(self, size: int, warp: Warp) -> tuple[Image, _Size]:
        """The crop of a warp (its centre and zoom are relative to this appearance) and the size in it."""
        warp = replace(warp, centre=self.centre, zoom=self.zoom * warp.zoom)
        return apply_warp(self.picture, warp, size), warp.box_size(self.size)


class PairDataset(Dataset[Sample]):
    """Sample ``n`` is the same whenever, wherever and by whichever worker it is drawn.

    Sources are balanced by the square root of their number of tracks.

    Args:
        index: the pictures.
        spec: sides of the crops.
        config: how samples are drawn.
        seed: another seed, other samples.

    Raises:
        ValueError: neither tracks nor scenes to draw from.
    """

    def __init__(self, index: ShardIndex, spec: TrunkSpec, config: PairConfig, seed: int) -> None:
        if not index.tracks and not index.scenes:
            raise ValueError("the training data holds neither tracks nor scenes")
        self._index, self._spec, self._config, self._seed = index, spec, config, seed
        self._groups = index.by_source()
        weights: list[float] = []
        self._tracks: list[TrackEntry] = []
        for group in self._groups.values():
            videos = [config.video_weight if len(track.crops) > 1 else 1.0 for track in group]
            share = sum(videos) ** 0.5
            weights += [share * video / sum(videos) for video in videos]
            self._tracks += group
        cumulative = np.cumsum(weights)
        self._cumulative = cumulative / cumulative[-1:]

    def __getitem__(self, number: int) -> Sample:
        """Draw sample ``number``, any whole number from 0."""
        rng = np.random.default_rng([self._seed, number])
        count = 1 + self._config.views
        scenes = self._index.scenes
        if scenes and (not self._tracks or rng.random() < self._config.scene_share):
            place = int(rng.integers(len(scenes)))
            target = self._scene_target(rng, scenes[place].read())
            return self._sample(rng, [target] * count, scenes[place], len(self._tracks) + place)
        place = int(np.searchsorted(self._cumulative, rng.random()))
        track = self._tracks[place]
        # Any crop is the exemplar; the views are neighbours in time, as far from it as it happens, the first
        # one the latest where the track is long enough.
        length = len(track.crops)
        first, later = int(rng.integers(length)), int(rng.integers(length))
        step = -1 if later >= count - 2 else 1
        chosen = [first, *((later + step * n) % length for n in range(count - 1))]
        shown = [self._crop_target(track, n) for n in chosen]
        return self._sample(rng, shown, track, place)

    def _sample(
        self,
        rng: np.random.Generator,
        appearances: list[_Appearance],
        own: TrackEntry | Picture,
        origin: int,
    ) -> Sample:
        config = self._config
        change = _Change(
            angle=float(rng.uniform(-1, 1) * config.max_angle) if rng.random() < 0.5 else 0.0,
            aspect=float(np.exp(rng.normal(0.0, config.aspect_change))),
            colours=int(rng.integers(2**32)),
            mirror=bool(rng.random() < 0.5),
        )
        exemplar, exemplar_size = appearances[0].warp(
            self._spec.exemplar_size,
            Warp(
                (0.0, 0.0),
                float(np.exp(rng.normal(0.0, 0.015))),
                mirror=change.mirror,
                offset=(float(rng.normal(0, 2.0)), float(rng.normal(0, 2.0))),
            ),
        )
        # What surrounds the target is one for all views, as it is in a video.
        chance = rng.random()
        backdrop = None
        if chance < config.new_background_share + config.moved_background_share:
            moved = chance >= config.new_background_share
            backdrop = self._backdrop(rng, own, appearances[-1] if moved else None)
        distractor = self._distractor(rng, own) if rng.random() < config.distractor_share else None
        colours = deepcopy(rng)
        return Sample(
            change_colours(exemplar, rng, 0.3),
            exemplar_size,
            tuple(
                self._view(rng, appearance, change, backdrop, distractor) for appearance in appearances[1:]
            ),
            origin,
            self._rehearsals(rng, appearances[0], colours, change.mirror),
        )

    def _rehearsals(
        self, rng: np.random.Generator, appearance: _Appearance, colours: np.random.Generator, mirror: bool
    ) -> tuple[View, ...]:
        """Some of the tracker's :data:`~gradnet_ros.tracking.rehearsal.VIEWS` of the exemplar's picture.

        Args:
            rng: source of chance.
            appearance: the exemplar's.
            colours: as they were changed in the exemplar.
            mirror: whether the exemplar is.
        """
        views, side = [], self._spec.search_size
        for number in rng.permutation(len(VIEWS))[: self._config.rehearsals]:
            growth, across, down = VIEWS[number]
            warp = Warp((0.0, 0.0), float(np.exp(growth)), mirror=mirror, offset=(across, down))
            image, size = appearance.warp(side, warp)
            views.append(View(change_colours(image, deepcopy(colours), 0.3), warp.offset, size))
        return tuple(views)

    def _view(
        self,
        rng: np.random.Generator,
        appearance: _Appearance,
        change: _Change,
        backdrop: Image | None,
        distractor: _Appearance | None,
    ) -> View:
        config, side = self._config, self._spec.search_size
        # Half of the targets lie near the centre, as most do in tracking; the rest anywhere in reach.
        reach = config.max_shift if rng.random() < 0.5 else 0.4 * config.max_shift
        offset = float(rng.uniform(-reach, reach)), float(rng.uniform(-reach, reach))
        calm = _CALM if config.steady_share and rng.random() < config.steady_share else 1.0
        warp = Warp(
            (0.0, 0.0),
            float(np.exp(rng.uniform(-1, 1) * config.max_zoom_change * calm)),
            aspect=change.aspect**calm * float(np.exp(rng.normal(0.0, 0.15 * config.aspect_change))),
            angle=change.angle + float(rng.normal(0.0, 0.12 * config.max_angle)),
            mirror=change.mirror,
            offset=offset,
        )
        search, size = appearance.warp(side, warp)
        if backdrop is not None:
            shift = rng.integers(0, backdrop.shape[0] - side + 1, size=2)
            behind = backdrop[shift[0] : shift[0] + side, shift[1] : shift[1] + side]
            search = blend_ellipse(behind, search, offset, size)
        if distractor is not None:
            search = _paste_beside(rng, search, offset, size, distractor)
        if rng.random() < config.occlusion_share:
            occlude(search, offset, size, rng)
        return View(change_colours(search, np.random.default_rng(change.colours), 1.0), offset, size)

    def _backdrop(
        self, rng: np.random.Generator, own: TrackEntry | Picture, moved: _Appearance | None
    ) -> Image | None:
        """What to put behind the target: a square somewhat larger than a search crop.

        Args:
            rng: source of chance.
            own: what the target comes from; other pictures do not show it.
            moved: take this picture of the target, another place of it; the target itself is covered there,
                or it would be seen twice. ``None`` takes another picture.

        Returns:
            ``None`` if there is no other picture.
        """
        side = self._spec.search_size + 32
        other = self._piece(rng, side, own)
        if other is None or moved is None:
            return other
        offset = float(rng.uniform(-0.4, 0.4) * side), float(rng.uniform(-0.4, 0.4) * side)
        warp = Warp((0.0, 0.0), 1.0, mirror=bool(rng.random() < 0.5), offset=offset)
        behind, size = moved.warp(side, warp)
        # Large enough to cover the corners of the box.
        return blend_ellipse(behind, other, offset, (1.5 * size[0], 1.5 * size[1]))

    def _piece(self, rng: np.random.Generator, side: int, own: TrackEntry | Picture) -> Image | None:
        """A square piece of any picture but the target's own."""
        scenes = self._index.scenes
        if scenes and (not self._tracks or rng.random() < 0.7):
            scene = _another(rng, scenes, own)
        else:
            track = _another(rng, self._tracks, own)
            scene = None if track is None else track.crops[0]
        if scene is None:
            return None
        picture = scene.read()
        height, width = picture.shape[:2]
        # At least large enough to fill the crop.
        zoom = side / min(width, height) * float(np.exp(rng.uniform(0.0, 1.0)))
        reach_x, reach_y = width - side / zoom, height - side / zoom
        centre = (
            float(width / 2 + rng.uniform(-0.5, 0.5) * reach_x),
            float(height / 2 + rng.uniform(-0.5, 0.5) * reach_y),
        )
        return apply_warp(picture, Warp(centre, zoom, mirror=bool(rng.random() < 0.5)), side)

    def _distractor(self, rng: np.random.Generator, own: TrackEntry | Picture) -> _Appearance | None:
        """Another object: of the same source when there is one, for it looks alike."""
        group = self._tracks
        if isinstance(own, TrackEntry) and len(self._groups[own.source]) > 1 and rng.random() < 0.7:
            group = self._groups[own.source]
        track = _another(rng, group, own)
        return None if track is None else self._crop_target(track, int(rng.integers(len(track.crops))))

    def _crop_target(self, track: TrackEntry, number: int) -> _Appearance:
        picture = track.crops[number].read()
        centre = (picture.shape[1] - 1) / 2, (picture.shape[0] - 1) / 2
        return _Appearance(picture, centre, track.sizes[number], self._spec.base_size / CROP_BASE)

    def _scene_target(self, rng: np.random.Generator, scene: Image) -> _Appearance:
        height, width = scene.shape[:2]
        # The most textured of three places: a patch of plain sky or wall has no place of its own.
        size, centre = max(
            (_random_box(rng, width, height) for _ in range(3)),
            key=lambda box: float(_patch(scene, *box).std(axis=(0, 1)).mean()),
        )
        return _Appearance(scene, centre, size, self._spec.base_size / context_side(*size))


def _another(rng: np.random.Generator, choices: Sequence[_T], own: object) -> _T | None:
    """Any of ``choices`` but ``own``; ``None`` if there is no other."""
    if not choices or (len(choices) == 1 and choices[0] is own):
        return None
    place = int(rng.integers(len(choices)))
    if choices[place] is own:
        place = (place + 1 + int(rng.integers(len(choices) - 1))) % len(choices)
    return choices[place]


def _paste_beside(
    rng: np.random.Generator,
    search: Image,
    offset: tuple[float, float],
    size: _Size,
    distractor: _Appearance,
) -> Image:
    """Paste another object somewhere clear of the target; where there is no room, nothing is pasted."""
    side = search.shape[0]
    for _ in range(4):
        place = float(rng.uniform(-0.45, 0.45) * side), float(rng.uniform(-0.45, 0.45) * side)
        warp = Warp((0.0, 0.0), float(np.exp(rng.normal(0.0, 0.15))), offset=place)
        front, front_size = distractor.warp(side, warp)
        clear = any(
            abs(place[axis] - offset[axis]) > 0.6 * (size[axis] + 1.2 * front_size[axis]) for axis in (0, 1)
        )
        if clear:
            return blend_ellipse(search, front, place, front_size)
    return search


def _random_box(
    rng: np.random.Generator, width: int, height: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Size and centre of a random target: log-uniform side, aspect up to about 3 to 1, inside the picture."""
    side = float(np.exp(rng.uniform(np.log(16.0), np.log(0.5 * min(width, height)))))
    stretch = float(np.exp(np.clip(rng.normal(0.0, 0.4), -0.55, 0.55)))
    size = min(side * stretch, 0.9 * width), min(side / stretch, 0.9 * height)
    centre = (
        float(rng.uniform(size[0] / 2, width - size[0] / 2)) - 0.5,
        float(rng.uniform(size[1] / 2, height - size[1] / 2)) - 0.5,
    )
    return size, centre


def _patch(picture: Image, size: tuple[float, float], centre: tuple[float, float]) -> Image:
    left, top = int(centre[0] - size[0] / 2 + 0.5), int(centre[1] - size[1] / 2 + 0.5)
    return picture[top : top + int(size[1]), left : left + int(size[0])]
