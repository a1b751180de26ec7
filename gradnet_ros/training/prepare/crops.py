"""Cutting encoded crops and scenes out of the pictures of a data set. Runs in worker processes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gradnet_ros.tracking.crops import Image, crop_matrix, mean_colour, warp_crops
from gradnet_ros.tracking.geometry import check_box, check_image, context_side
from gradnet_ros.tracking.track import Box
from gradnet_ros.training.readers.source import AnnotatedTrack
from gradnet_ros.training.shards import CROP_BASE, CROP_SIZE

SCENE_SIZE = 416
"""Longest side of a stored scene, pixels."""
LEAST_SCENE = 64
"""Shortest side of a scene, pixels: below, there is no room for a random target with its context."""


@dataclass(frozen=True)
class CutTrack:
    """The crops of one object.

    Attributes:
        name: of the track.
        crops: WebP files, in time order.
        sizes: (w, h) of the object in each, crop pixels.
    """

    name: str
    crops: tuple[bytes, ...]
    sizes: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class CutSequence:
    """What came out of a sequence.

    Attributes:
        tracks: those with at least one crop.
        empty: number of tracks without one.
        outside: number of boxes that lie outside their picture.
        unreadable: pictures that could not be read.
    """

    tracks: tuple[CutTrack, ...]
    empty: int
    outside: int
    unreadable: tuple[Path, ...]


def read_picture(path: Path) -> Image | None:
    """Read a picture as HxWx3 BGR, or nothing where there is none.

    The orientation that a camera noted is not applied: boxes are in the pixels as they are stored.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        return check_image(image)
    except (OSError, ValueError, cv2.error):
        return None


def cut_crop(image: Image, box: Box) -> tuple[Image, tuple[float, float]]:
    """Cut the square around a target as training wants it.

    The target's centre becomes the crop's, and its context square (SiamFC section 3.1) CROP_BASE pixels. What
    lies outside the picture has its mean colour.

    Args:
        image: HxWx3 BGR.
        box: (x, y, w, h) of the target, pixels.

    Returns:
        The (CROP_SIZE, CROP_SIZE, 3) crop and the target's (w, h) in it.
    """
    x, y, w, h = box
    zoom = CROP_BASE / context_side(w, h)
    matrix = crop_matrix((x + w / 2, y + h / 2), CROP_SIZE / zoom, CROP_SIZE)
    out = np.empty((1, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    return warp_crops(image, [matrix], mean_colour(image), out)[0], (w * zoom, h * zoom)


def cut_sequence(tracks: tuple[AnnotatedTrack, ...], quality: int) -> CutSequence:
    """Cut the crops of the tracks of one sequence; every picture is read once.

    Args:
        tracks: frames to cut.
        quality: of the WebP files, 1 to 100.
    """
    wanted: dict[Path, list[tuple[int, int]]] = defaultdict(list)
    for number, track in enumerate(tracks):
        for frame, path in enumerate(track.images):
            wanted[path].append((number, frame))
    cut: dict[tuple[int, int], tuple[bytes, tuple[float, float]]] = {}
    unreadable = []
    outside = 0
    for path, places in wanted.items():
        image = read_picture(path)
        if image is None:
            unreadable.append(path)
            continue
        height, width = image.shape[:2]
        for number, frame in places:
            try:
                box = check_box(tracks[number].boxes[frame], width, height)
            except ValueError:
                outside += 1
                continue
            crop, size = cut_crop(image, box)
            cut[number, frame] = (encode(crop, quality), size)
    done = []
    for number, track in enumerate(tracks):
        pairs = [cut[number, frame] for frame in range(len(track.images)) if (number, frame) in cut]
        if pairs:
            crops, sizes = zip(*pairs, strict=True)
            done.append(CutTrack(track.name, crops, sizes))
    return CutSequence(tuple(done), len(tracks) - len(done), outside, tuple(unreadable))


def cut_scene(path: Path, quality: int) -> bytes | None:
    """Encode a whole picture, its longest side at most SCENE_SIZE pixels.

    Nothing comes of a picture that cannot be read or is too narrow.
    """
    image = read_picture(path)
    if image is None:
        return None
    height, width = image.shape[:2]
    zoom = min(1.0, SCENE_SIZE / max(height, width))
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    if min(size) < LEAST_SCENE:
        return None
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if zoom < 1 else image
    return encode(np.asarray(small, np.uint8), quality)


def encode(image: Image, quality: int) -> bytes:
    """Encode as WebP."""
    written, data = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not written:
        raise RuntimeError("this build of OpenCV cannot write WebP")
    return bytes(data)
