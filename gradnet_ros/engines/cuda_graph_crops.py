"""Crops on the device: the region that they touch goes up once, and every square is sampled from it there.

They are the host's bit for bit: ``warpAffine`` of OpenCV 4 counts places in 1/32 pixel and weighs neighbours
by whole numbers, and so do we.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradnet_ros.engines.protocol import Region
from gradnet_ros.tracking.crops import Image, compose, crop_matrix, reduction, shrink_region

_ROOM, _ROUND = 1.25, 64
"""Memory for regions is larger than the first one by this factor, its side a multiple of so many pixels:
targets grow, and a frame that needs more memory waits for a new recording."""

_PARTS = 32
"""Steps of a place in a pixel, OpenCV's ``INTER_TAB_SIZE``."""

_FINE = 1024
"""Steps in a pixel that places are rounded to before those, OpenCV's ``AB_SCALE``."""


class Places(NamedTuple):
    """What :func:`sample_crops` reads, for Q queries of S squares each.

    Attributes:
        regions: (Q, side, side, 3) uint8, each region in the top left corner of its share.
        grids: (Q, S, 2, size) int32: where a crop's columns and rows lie in the region, 1/32 pixel.
        frames: (Q, 5) int32: width and height of the region, and the BGR colour of what lies around it.
    """

    regions: Tensor
    grids: Tensor
    frames: Tensor


class Cut(NamedTuple):
    """What the squares of a region touch of a picture.

    Attributes:
        pixels: hxwx3 uint8, shrunk by whole steps.
        grids: (S, 2, size) where each square's columns and rows lie in ``pixels``, 1/32 pixel.
    """

    pixels: Image
    grids: NDArray[np.int32]


def cut_region(image: Image, region: Region, size: int) -> Cut:
    """Cut what a region's squares touch out of a picture.

    Args:
        image: HxWx3 uint8.
        region: the squares.
        size: side of a crop, pixels.
    """
    matrices = [crop_matrix(region.centre, side, size) for side in region.sides]
    pixels, to_region = shrink_region(image, matrices, size, reduction(matrices))
    grids = [_grid(compose(matrix, to_region), size) for matrix in matrices]
    return Cut(pixels, np.stack(grids))


def _grid(matrix: NDArray[np.float64], size: int) -> NDArray[np.int32]:
    """(2, size): where a crop's columns and rows lie, 1/32 pixel, rounded twice as OpenCV does it."""
    back = cv2.invertAffineTransform(matrix)
    steps, half = np.arange(size), _FINE // _PARTS // 2
    columns = np.rint(back[0, 0] * steps * _FINE) + np.rint(back[0, 2] * _FINE)
    rows = np.rint((back[1, 1] * steps + back[1, 2]) * _FINE)
    fine = np.stack([columns, rows]) + half
    return np.asarray(fine // (_FINE // _PARTS), np.int32)


class RegionBuffer:
    """Regions of a picture in memory of fixed addresses, on the host and on the device.

    A strongly reduced region is shrunk by whole steps on the host, as for crops that are made there:
    averaging costs little more than copying all pixels into locked memory, and far less has to go up.

    Args:
        size: side of a crop, pixels.
        queries: places in a picture, Q.
        squares: crops of each, S.
        side: side of the first regions, pixels; there is room for somewhat larger ones.
        device: where the crops are to be made.
    """

    def __init__(self, size: int, queries: int, squares: int, side: int, device: torch.device) -> None:
        self.side = ceil(side * _ROOM / _ROUND) * _ROUND
        shapes = ((queries, self.side, self.side, 3), (queries, squares, 2, size), (queries, 5))
        types = (torch.uint8, torch.int32, torch.int32)
        pinned = device.type == "cuda"
        parts = [
            torch.zeros(shape, dtype=kind, pin_memory=pinned)
            for shape, kind in zip(shapes, types, strict=True)
        ]
        self._host = Places(*parts)
        self.places = Places(*(part.to(device) for part in parts)) if pinned else self._host
        """On the device; the next :meth:`upload` writes over it."""

    def upload(self, cuts: Sequence[tuple[Cut, Sequence[float]]]) -> None:
        """Send regions to the device; it does not wait until they are there.

        The host's memory must be free: what was sent before has arrived.

        Args:
            cuts: Q regions, each with the BGR colour of what lies outside the picture.
        """
        pixels, grids, frames = (part.numpy() for part in self._host)
        for number, (cut, border) in enumerate(cuts):
            height, width = cut.pixels.shape[:2]
            pixels[number, :height, :width] = cut.pixels
            grids[number] = cut.grids
            frames[number] = (width, height, *np.rint(border))
        if self.places is not self._host:
            for there, here in zip(self.places, self._host, strict=True):
                there.copy_(here, non_blocking=True)


def sample_crops(places: Places) -> Tensor:
    """Sample square crops, bilinear; all shapes are fixed, nothing is waited for.

    They are those of :func:`~gradnet_ros.tracking.crops.warp_crops`.

    Args:
        places: Q regions with S squares each.

    Returns:
        (Q S, size, size, 3) uint8.
    """
    regions, grids, frames = places
    cells, shares = grids // _PARTS, grids % _PARTS  # (Q, S, 2, size)
    left, top = cells.unbind(2)
    share_x, share_y = shares[:, :, 0, None, :, None], shares[:, :, 1, :, None, None]
    width, height = (frames[:, side, None, None] for side in range(2))
    border = frames[:, None, None, None, 2:]
    query = torch.arange(len(regions), device=regions.device)[:, None, None, None]
    last = regions.shape[1] - 1

    def tap(step_y: int, step_x: int) -> Tensor:
        """(Q, S, size, size, 3): the neighbour that many cells down and to the right."""
        y, x = top + step_y, left + step_x
        there = _inside(y, height)[..., :, None, None] & _inside(x, width)[..., None, :, None]
        at_y, at_x = (at.clamp(0, last).long() for at in (y, x))
        return torch.where(there, regions[query, at_y[..., :, None], at_x[..., None, :]].int(), border)

    def mean(before: Tensor, after: Tensor, share: Tensor) -> Tensor:
        """Times :data:`_PARTS`."""
        return before * (_PARTS - share) + after * share

    above, beneath = (mean(tap(row, 0), tap(row, 1), share_x) for row in range(2))
    crops = (mean(above, beneath, share_y) + _PARTS**2 // 2) // _PARTS**2
    return crops.to(torch.uint8).flatten(0, 1)


def _inside(cells: Tensor, length: Tensor) -> Tensor:
    """Which cells lie in a region: (Q, S, size) and (Q, 1, 1) -> (Q, S, size)."""
    return (cells >= 0) & (cells < length)
