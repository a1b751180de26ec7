"""Tiny benchmarks in every layout."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from support import moving_scene

SIZE = (96, 72)


def walk(rng: np.random.Generator, count: int) -> np.ndarray:
    """Boxes that wander: (N, 4), whole pixels, inside of a 640x480 image."""
    corner = 200 + np.cumsum(rng.integers(-4, 5, (count, 2)), axis=0)
    side = 40 + np.cumsum(rng.integers(-1, 2, (count, 2)), axis=0)
    return np.hstack([np.clip(corner, 1, 500), np.clip(side, 5, 90)]).astype(float)


def answers(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """What a fair tracker might say of them: (N, 4)."""
    known = np.nan_to_num(truth, nan=100.0)
    scale = rng.choice([1.0, 6.0, 30.0], (len(truth), 1))
    found = known + rng.normal(size=truth.shape) * scale
    found[:, 2:] = np.maximum(found[:, 2:], 3)
    return np.round(found, 3)


def save_boxes(path: Path, boxes, separator: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, boxes, "%.10g", separator)


def save_lines(path: Path, values, separator: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(separator.join(map(str, values)) + "\n")


def touch_pictures(folder: Path, count: int, digits: int = 4) -> None:
    """Files that only have a name."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        (folder / f"{number:0{digits}d}.jpg").touch()


def draw_pictures(folder: Path, count: int, seed: int, digits: int = 4) -> np.ndarray:
    """A moving patch; returns its boxes with the first pixel at 0."""
    folder.mkdir(parents=True, exist_ok=True)
    frames, boxes = moving_scene(count, SIZE, (20, 16), seed)
    for number, frame in enumerate(frames, start=1):
        assert cv2.imwrite(str(folder / f"{number:0{digits}d}.jpg"), frame)
    return boxes


def write_folder(root: Path, lengths=(5, 4, 6)) -> None:
    """The plain layout: sequences a, b, c, ..."""
    for seed, count in enumerate(lengths):
        folder = root / "abcdefgh"[seed]
        boxes = draw_pictures(folder / "img", count, seed)
        save_boxes(folder / "groundtruth_rect.txt", boxes)


def write_got10k(root: Path, rng: np.random.Generator, lengths=(12, 9), draw: bool = False) -> None:
    """A split of GOT-10k; in some frames the target is hidden or partly outside of the picture."""
    names = [f"GOT-10k_Val_{number:06d}" for number in range(1, len(lengths) + 1)]
    save_lines(root / "list.txt", names)
    for seed, (name, count) in enumerate(zip(names, lengths, strict=True)):
        folder = root / name
        if draw:
            boxes = draw_pictures(folder, count, seed, 8) + np.array([1, 1, 0, 0])
        else:
            touch_pictures(folder, count, 8)
            boxes = walk(rng, count) + rng.uniform(0, 1, (count, 4)).round(4)
            boxes[2, :2] = (-13.5, 460.25)
        save_boxes(folder / "groundtruth.txt", boxes)
        cover = rng.integers(1, 9, count)
        cover[3:5] = 0
        save_lines(folder / "cover.label", cover)
        save_lines(folder / "absence.label", (np.arange(count) == 3).astype(int))
        save_lines(folder / "cut_by_image.label", (np.arange(count) == 2).astype(int) * (seed > 0))
        meta = ["[METAINFO]", "url: none", f"root_class: kind {seed}", "resolution: (640, 480)"]
        save_lines(folder / "meta_info.ini", meta)


def write_lasot(root: Path, names=("airplane-1", "airplane-2", "zebra-10"), count: int = 6) -> None:
    """LaSOT with a training sequence among them (airplane-2); the target is absent in frames 2 and 4."""
    for seed, name in enumerate(names):
        folder = root / name.rsplit("-", 1)[0] / name
        boxes = draw_pictures(folder / "img", count, seed, 8)
        boxes[2] = (-1, -1, 0, 0)
        save_boxes(folder / "groundtruth.txt", boxes + np.array([1, 1, 0, 0]))
        save_lines(folder / "full_occlusion.txt", (np.arange(count) == 4).astype(int), ",")
        save_lines(folder / "out_of_view.txt", (np.arange(count) == 2).astype(int), ",")
