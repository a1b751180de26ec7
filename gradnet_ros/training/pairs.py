"""Pairs of an exemplar crop and a search crop of the same object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from gradnet_ros.nn.trunk import TrunkSpec
from gradnet_ros.tracking.crops import Image
from gradnet_ros.tracking.geometry import context_side
from gradnet_ros.training.augment import (
    Warp,
    apply_warp,
    change_colours,
    occlude,
    replace_background,
)
from gradnet_ros.training.shards import CROP_BASE, ShardIndex


@dataclass(frozen=True)
class Pair:
    """One training sample.

    Attributes:
        exemplar: exemplar_size square BGR, the target at the centre.
        search: search_size square BGR.
        offset: (x, y) target centre minus search crop centre, pixels.
        size: (w, h) of the target in the search crop, pixels.
    """

    exemplar: Image
    search: Image
    offset: tuple[float, float]
    size: tuple[float, float]


@dataclass(frozen=True)
class Batch:
    """Pairs of different objects, stacked.

    Attributes:
        exemplars: (N, 3, z, z) uint8 BGR.
        searches: (N, 3, x, x) uint8 BGR.
        offsets: (N, 2) float, pixels of the search crop.
    """

    exemplars: Tensor
    searches: Tensor
    offsets: Tensor


@dataclass(frozen=True)
class PairConfig:
    """How pairs are drawn.

    Attributes:
        scene_share: share of pairs whose target is a random box in a scene.
        video_weight: how much more often a track with several crops is drawn than a still.
        max_shift: furthest offset of the target in the search crop, pixels.
        max_zoom_change: largest log-ratio of the target's size between search crop and exemplar. Small, so
            that the response falls when the scale is wrong: a wide range (0.18 was tried) teaches the network
            not to care, and the scale pyramid goes blind.
        max_angle: largest rotation between the two, radians.
        new_background_share: share of search crops in which the target stands before another picture.
        occlusion_share: share of search crops in which a patch from elsewhere hides a part of the target.
    """

    scene_share: float = 0.4
    video_weight: float = 3.0
    max_shift: float = 64.0
    max_zoom_change: float = 0.06
    max_angle: float = 0.26
    occlusion_share: float = 0.15
    new_background_share: float = 0.4


class PairSampler(IterableDataset[Pair]):
    """An endless stream of pairs; sources are balanced by the square root of their number of tracks.

    Args:
        index: the pictures.
        spec: sides of the crops.
        config: how pairs are drawn.
        seed: stream of chance; every worker of a loader draws its own from it.
    """

    def __init__(self, index: ShardIndex, spec: TrunkSpec, config: PairConfig, seed: int) -> None:
        super().__init__()
        self._index, self._spec, self._config, self._seed = index, spec, config, seed
        groups = index.by_source()
        weights: list[float] = []
        tracks = []
        for group in groups.values():
            videos = [self._config.video_weight if len(track.crops) > 1 else 1.0 for track in group]
            share = sum(videos) ** 0.5
            weights += [share * video / sum(videos) for video in videos]
            tracks += group
        self._tracks = tracks
        self._cumulative = np.cumsum(weights) / np.sum(weights)

    def __iter__(self) -> Iterator[Pair]:
        worker = get_worker_info()
        rng = np.random.default_rng([self._seed, 0 if worker is None else worker.id])
        while True:
            yield self.draw(rng)

    def draw(self, rng: np.random.Generator) -> Pair:
        """Draw one pair."""
        if self._index.scenes and rng.random() < self._config.scene_share:
            return self._from_scene(rng)
        return self._from_track(rng)

    def _from_track(self, rng: np.random.Generator) -> Pair:
        track = self._tracks[int(np.searchsorted(self._cumulative, rng.random()))]
        first, second = rng.integers(len(track.crops), size=2)
        pictures = [track.crops[first].read(), track.crops[second].read()]
        sizes = (track.sizes[first], track.sizes[second])
        centres = [((p.shape[1] - 1) / 2, (p.shape[0] - 1) / 2) for p in pictures]
        zoom = self._spec.base_size / CROP_BASE
        return self._pair(rng, pictures, centres, (zoom, zoom), sizes)

    def _from_scene(self, rng: np.random.Generator) -> Pair:
        scene = self._index.scenes[int(rng.integers(len(self._index.scenes)))].read()
        height, width = scene.shape[:2]
        # The most textured of three places: a patch of plain sky or wall has no place of its own.
        size, centre = max(
            (_random_box(rng, width, height) for _ in range(3)),
            key=lambda box: float(_patch(scene, *box).std(axis=(0, 1)).mean()),
        )
        zoom = self._spec.base_size / context_side(*size)
        return self._pair(rng, [scene, scene], [centre, centre], (zoom, zoom), (size, size))

    def _pair(
        self,
        rng: np.random.Generator,
        pictures: list[Image],
        centres: list[tuple[float, float]],
        zooms: tuple[float, float],
        sizes: tuple[tuple[float, float], tuple[float, float]],
    ) -> Pair:
        config = self._config
        mirror = bool(rng.random() < 0.5)
        exemplar_warp = Warp(
            centres[0],
            zooms[0] * float(np.exp(rng.normal(0.0, 0.015))),
            mirror=mirror,
            offset=(float(rng.normal(0, 2.0)), float(rng.normal(0, 2.0))),
        )
        # Half of the targets lie near the centre, as most do in tracking; the rest anywhere in reach.
        reach = config.max_shift if rng.random() < 0.5 else 0.4 * config.max_shift
        search_warp = Warp(
            centres[1],
            zooms[1] * float(np.exp(rng.uniform(-1, 1) * config.max_zoom_change)),
            aspect=float(np.exp(rng.normal(0.0, 0.05))),
            angle=float(rng.uniform(-1, 1) * config.max_angle) if rng.random() < 0.5 else 0.0,
            mirror=mirror,
            offset=(float(rng.uniform(-reach, reach)), float(rng.uniform(-reach, reach))),
        )
        exemplar = apply_warp(pictures[0], exemplar_warp, self._spec.exemplar_size)
        search = apply_warp(pictures[1], search_warp, self._spec.search_size)
        width, height = sizes[1]
        size = (
            width * search_warp.zoom * search_warp.aspect,
            height * search_warp.zoom / search_warp.aspect,
        )
        if rng.random() < config.new_background_share:
            search = replace_background(search, self._background(rng), search_warp.offset, size)
        if rng.random() < config.occlusion_share:
            occlude(search, search_warp.offset, size, rng)
        return Pair(
            change_colours(exemplar, rng, 0.3), change_colours(search, rng, 1.0), search_warp.offset, size
        )

    def _background(self, rng: np.random.Generator) -> Image:
        """A piece of another picture, of the size of a search crop."""
        if self._index.scenes and rng.random() < 0.7:
            picture = self._index.scenes[int(rng.integers(len(self._index.scenes)))].read()
        else:
            track = self._tracks[int(rng.integers(len(self._tracks)))]
            picture = track.crops[0].read()
        height, width = picture.shape[:2]
        size = self._spec.search_size
        # At least large enough to fill the crop.
        zoom = size / min(width, height) * float(np.exp(rng.uniform(0.0, 1.0)))
        reach_x, reach_y = width - size / zoom, height - size / zoom
        centre = (
            float(width / 2 + rng.uniform(-0.5, 0.5) * reach_x),
            float(height / 2 + rng.uniform(-0.5, 0.5) * reach_y),
        )
        return apply_warp(picture, Warp(centre, zoom, mirror=bool(rng.random() < 0.5)), size)


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


def collate(pairs: list[Pair]) -> Batch:
    """Stack pairs."""

    def stack(images: list[Image]) -> Tensor:
        stacked: NDArray[np.uint8] = np.stack(images)
        return torch.from_numpy(stacked).permute(0, 3, 1, 2)

    return Batch(
        stack([pair.exemplar for pair in pairs]),
        stack([pair.search for pair in pairs]),
        torch.tensor([pair.offset for pair in pairs], dtype=torch.float32),
    )
