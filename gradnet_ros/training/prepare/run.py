"""From a data set to shards: read all annotations, choose frames, cut crops, write. Once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gradnet_ros.tracking.geometry import MIN_SIDE
from gradnet_ros.training.prepare.crops import cut_scene, cut_sequence
from gradnet_ros.training.prepare.pool import in_order
from gradnet_ros.training.prepare.shards import Mode, ShardFolder
from gradnet_ros.training.readers.source import AnnotatedTrack, Source

MEGABYTE = 1_000_000
Tracks = tuple[AnnotatedTrack, ...]
"""Those of one sequence: they share pictures."""


@dataclass(frozen=True)
class PrepareConfig:
    """How a data set is made into shards.

    Attributes:
        source: name of the data set in the index; training balances its sources.
        licence: of the pictures, as the publisher states it.
        frames_per_track: crops of a track at most, spread evenly over its visible frames.
        max_tracks: tracks at most, drawn at random.
        scenes: whole pictures at most, drawn at random from those that the crops come from.
        min_side: smallest width and height of a box, pixels of its picture; smaller ones are left out.
        quality: of the WebP files, 1 to 100.
        shard_size: largest size of a shard, MB.
        seed: of what is drawn.
        workers: processes that cut; the result does not depend on it.

    Raises:
        ValueError: a value outside its bounds.
    """

    source: str
    licence: str = "not stated"
    frames_per_track: int = 20
    max_tracks: int | None = None
    scenes: int = 1000
    min_side: float = 10.0
    quality: int = 85
    shard_size: float = 28.0
    seed: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError("source name must not be empty")
        least = {
            "frames_per_track": 1,
            "max_tracks": 1,
            "scenes": 0,
            "min_side": MIN_SIDE,
            "quality": 1,
            "shard_size": 1,
            "seed": 0,
            "workers": 1,
        }
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value >= bound):
                raise ValueError(f"{name} must be at least {bound:g}, got {value}")
        if self.quality > 100:
            raise ValueError(f"quality must be at most 100, got {self.quality}")


@dataclass(frozen=True)
class Report:
    """What was written and what was left out.

    Attributes:
        tracks: written.
        crops: written.
        scenes: written.
        megabytes: of the new shards.
        hidden: frames annotated as absent, hidden or without a box.
        small: frames whose box is smaller than ``min_side``.
        outside: frames chosen whose box lies outside the picture.
        empty: tracks with no frame left.
        unreadable: pictures that could not be read.
    """

    tracks: int = 0
    crops: int = 0
    scenes: int = 0
    megabytes: float = 0.0
    hidden: int = 0
    small: int = 0
    outside: int = 0
    empty: int = 0
    unreadable: tuple[Path, ...] = ()


def prepare(source: Source, output: Path, config: PrepareConfig, mode: Mode = Mode.NEW) -> Report:
    """Cut the crops of a data set into shards.

    All annotations are read before the first picture, so that a malformed one is found at once. The folder is
    complete when this returns, and has nothing new in it when it does not.

    Args:
        source: the data set.
        output: folder for the shards.
        config: settings.
        mode: what happens to what is in ``output`` already.

    Raises:
        OSError: see :class:`~gradnet_ros.training.prepare.shards.ShardFolder`; no space on the disk.
        ValueError: a malformed annotation, or no track left in the end.
    """
    limit = int(config.shard_size * MEGABYTE)
    with ShardFolder(output, mode, config.source, config.licence, limit) as folder:
        sequences, report = _choose(source, config)
        report = _write_tracks(folder, sequences, config, report)
        if not report.tracks:
            raise ValueError(
                f"no track is left of {config.source}: {'; '.join(left_out(report)) or 'no frames'}"
            )
        images = scene_pictures(sequences, config.scenes, np.random.default_rng([config.seed, 1]))
        report = _write_scenes(folder, images, config, report)
        return replace(report, megabytes=folder.commit() / MEGABYTE)


def left_out(report: Report) -> list[str]:
    """What a report says was left out, a line each."""
    lines = [
        f"{what}: {count}"
        for count, what in (
            (report.hidden, "frames without a visible target"),
            (report.small, "frames with a box that is too small"),
            (report.outside, "frames with a box outside the picture"),
            (report.empty, "tracks with no frame left"),
        )
        if count
    ]
    if report.unreadable:
        first = report.unreadable[0]
        lines.append(f"pictures that cannot be read: {len(report.unreadable)}, such as {first}")
    return lines


def spread(count: int, wanted: int) -> list[int]:
    """At most ``wanted`` indices of ``count`` frames, from the first to the last at even distances."""
    return sorted({round(float(index)) for index in np.linspace(0, count - 1, min(count, wanted))})


def scene_pictures(sequences: Iterable[Tracks], count: int, rng: np.random.Generator) -> list[Path]:
    """Draw pictures for scenes: one of every sequence before a second of any."""
    pools = []
    for tracks in sequences:
        images = sorted({image for track in tracks for image in track.images})
        pools.append([images[index] for index in rng.permutation(len(images))])
    chosen: list[Path] = []
    turn = 0
    while len(chosen) < count and any(len(pool) > turn for pool in pools):
        images = [pool[turn] for pool in pools if len(pool) > turn]
        chosen += [images[index] for index in rng.permutation(len(images))[: count - len(chosen)]]
        turn += 1
    return chosen


def _choose(source: Source, config: PrepareConfig) -> tuple[list[Tracks], Report]:
    """Read every annotation and choose the frames to cut; sequences stay in order."""
    sequences: list[list[AnnotatedTrack]] = []
    hidden = small = empty = 0
    for name in tqdm(source.sequences, desc="annotations", unit="sequence"):
        kept = []
        for track in source.read(name):
            hidden += track.hidden
            large = [index for index, box in enumerate(track.boxes) if min(box[2:]) >= config.min_side]
            small += len(track.boxes) - len(large)
            if not large:
                empty += 1
                continue
            frames = [large[index] for index in spread(len(large), config.frames_per_track)]
            kept.append(
                AnnotatedTrack(
                    track.name,
                    tuple(track.images[frame] for frame in frames),
                    tuple(track.boxes[frame] for frame in frames),
                )
            )
        sequences.append(kept)
    total = sum(map(len, sequences))
    if config.max_tracks is not None and config.max_tracks < total:
        rng = np.random.default_rng([config.seed, 0])
        drawn = np.zeros(total, bool)
        drawn[rng.choice(total, config.max_tracks, replace=False)] = True
        flags = iter(drawn)
        sequences = [[track for track in tracks if next(flags)] for tracks in sequences]
    return [tuple(tracks) for tracks in sequences if tracks], Report(hidden=hidden, small=small, empty=empty)


def _write_tracks(
    folder: ShardFolder, sequences: list[Tracks], config: PrepareConfig, report: Report
) -> Report:
    unreadable: list[Path] = []
    tracks = crops = outside = empty = 0
    cutting = in_order(partial(cut_sequence, quality=config.quality), sequences, config.workers)
    bar = tqdm(total=sum(map(len, sequences)), desc="crops", unit="track")
    with closing(cutting) as cut, bar as progress:
        for sequence in cut:
            for track in sequence.tracks:
                folder.add_track(track)
                crops += len(track.crops)
            tracks += len(sequence.tracks)
            empty += sequence.empty
            outside += sequence.outside
            unreadable += sequence.unreadable
            progress.update(len(sequence.tracks) + sequence.empty)
    return replace(
        report,
        tracks=tracks,
        crops=crops,
        outside=outside,
        empty=report.empty + empty,
        unreadable=tuple(unreadable),
    )


def _write_scenes(folder: ShardFolder, images: list[Path], config: PrepareConfig, report: Report) -> Report:
    scenes = 0
    with closing(in_order(partial(cut_scene, quality=config.quality), images, config.workers)) as cut:
        for picture in tqdm(cut, total=len(images), desc="scenes", unit="scene"):
            if picture is not None:
                folder.add_scene(picture)
                scenes += 1
    return replace(report, scenes=scenes)
