"""A sheet of crops with their boxes, for a look at what is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from gradnet_ros.tracking.crops import Image
from gradnet_ros.training.shards import CROP_SIZE, TrackEntry

TILE = 200
"""Side of a crop on the sheet, pixels."""
COLUMNS = 8
TURNS = 4
"""Crops of one track, side by side."""


def write_sheet(path: Path, tracks: Sequence[TrackEntry], count: int, seed: int = 0) -> None:
    """Write :func:`sheet` to a picture file.

    Raises:
        ValueError: see :func:`sheet`; or the file cannot be written.
    """
    if not cv2.imwrite(str(path), sheet(tracks, count, seed)):
        raise ValueError(f"{path}: cannot be written as a picture")


def sheet(tracks: Sequence[TrackEntry], count: int, seed: int = 0) -> Image:
    """Draw crops of random tracks, up to TURNS of each in time order, with box, name and place in the track.

    Args:
        tracks: to draw from.
        count: crops on the sheet; fewer where the tracks have fewer.
        seed: of the choice.

    Returns:
        HxWx3 BGR, COLUMNS crops wide.

    Raises:
        ValueError: no crop to show.
    """
    tiles: list[Image] = []
    for number in np.random.default_rng(seed).permutation(len(tracks)):
        track = tracks[number]
        turns = min(TURNS, len(track.crops), count - len(tiles))
        for frame in np.linspace(0, len(track.crops) - 1, turns).round().astype(int):
            tiles.append(_tile(track, int(frame)))
        if len(tiles) >= count:
            break
    if not tiles:
        raise ValueError(f"count must be at least 1 and there must be tracks, got {count} and {len(tracks)}")
    columns = min(COLUMNS, len(tiles))
    tiles += [np.zeros((TILE, TILE, 3), np.uint8)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def _tile(track: TrackEntry, frame: int) -> Image:
    crop = track.crops[frame].read()
    w, h = track.sizes[frame]
    left, top = CROP_SIZE / 2 - w / 2, CROP_SIZE / 2 - h / 2
    # Around the box, not on it: the pixels from left to left + w - 1 are the object's.
    corners = (round(left) - 1, round(top) - 1), (round(left + w), round(top + h))
    cv2.rectangle(crop, *corners, (0, 0, 0), 3)
    cv2.rectangle(crop, *corners, (80, 255, 80), 1)
    tile = cv2.resize(crop, (TILE, TILE), interpolation=cv2.INTER_AREA)
    text = f"{track.name[-24:]} {frame + 1}/{len(track.crops)}"
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(tile, text, (3, TILE - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, width, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)
