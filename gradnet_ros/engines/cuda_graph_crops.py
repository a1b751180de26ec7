"""Crops on the device: the region that they touch goes up once, and every square is sampled from it there."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from gradnet_ros.engines.protocol import Region
from gradnet_ros.tracking.crops import Image, compose, crop_matrix, reduction, shrink_region

_ROOM, _ROUND = 1.25, 64
"""Memory for regions is larger than the first one by this factor, its side a multiple of so many pixels:
targets grow, and a frame that needs more memory waits for a new recording."""


class Places(NamedTuple):
    """What :func:`sample_crops` reads, for Q queries of S squares each.

    Attributes:
        regions: (Q, side, side, 3) uint8, each region in the top left corner of its share.
        axes: (Q, S, 4) float32: a crop's pixel (u, v) lies at (a u + b, c v + d) of the region: a, b, c, d.
        frames: (Q, 5) float32: width and height of the region, and the BGR colour of what lies around it.
    """

    regions: Tensor
    axes: Tensor
    frames: Tensor


class Cut(NamedTuple):
    """What the squares of a region touch of a picture.

    Attributes:
        pixels: hxwx3 uint8, shrunk by whole steps.
        axes: a square each: its pixel (u, v) lies at (a u + b, c v + d) of ``pixels``: a, b, c, d.
    """

    pixels: Image
    axes: list[tuple[float, float, float, float]]


def cut_region(image: Image, region: Region, size: int) -> Cut:
    """Cut what a region's squares touch out of a picture.

    Args:
        image: HxWx3 uint8.
        region: the squares.
        size: side of a crop, pixels.
    """
    matrices = [crop_matrix(region.centre, side, size) for side in region.sides]
    pixels, to_region = shrink_region(image, matrices, size, reduction(matrices))
    axes = []
    for matrix in matrices:
        (zoom_x, _, left), (_, zoom_y, top) = compose(matrix, to_region)
        axes.append((1.0 / zoom_x, -left / zoom_x, 1.0 / zoom_y, -top / zoom_y))
    return Cut(pixels, axes)


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
        self._size = size
        self.side = ceil(side * _ROOM / _ROUND) * _ROUND
        shapes = ((queries, self.side, self.side, 3), (queries, squares, 4), (queries, 5))
        types = (torch.uint8, torch.float32, torch.float32)
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
        pixels, axes, frames = (part.numpy() for part in self._host)
        for number, (cut, border) in enumerate(cuts):
            height, width = cut.pixels.shape[:2]
            pixels[number, :height, :width] = cut.pixels
            axes[number] = cut.axes
            frames[number] = (width, height, *border)
        if self.places is not self._host:
            for there, here in zip(self.places, self._host, strict=True):
                there.copy_(here, non_blocking=True)


def sample_crops(places: Places, size: int) -> Tensor:
    """Sample square crops, bilinear; all shapes are fixed, nothing is waited for.

    They are those of :func:`~gradnet_ros.tracking.crops.warp_crops` up to OpenCV's coordinates, which are
    rounded to 1/32 pixel: across and down, a value is off by at most 1/64 of the difference of neighbours.

    Args:
        places: Q regions with S squares each.
        size: side of a crop, pixels.

    Returns:
        (Q S, size, size, 3) uint8.
    """
    regions, axes, frames = places
    steps = torch.arange(size, device=regions.device, dtype=torch.float32)
    across, along, down, below = (axes[..., part, None] for part in range(4))
    columns, rows = across * steps + along, down * steps + below  # (Q, S, size)
    border = frames[:, None, None, None, 2:]
    inside_x, inside_y = (_inside(at, frames[:, part, None, None]) for part, at in enumerate((columns, rows)))
    left, top = columns.floor(), rows.floor()
    share_x, share_y = (columns - left)[..., None, :, None], (rows - top)[..., :, None, None]
    query = torch.arange(len(regions), device=regions.device)[:, None, None, None]
    last = regions.shape[1] - 1

    def tap(step_y: int, step_x: int) -> Tensor:
        """(Q, S, size, size, 3): the neighbour that many cells down and to the right."""
        y = (top.long() + step_y).clamp(0, last)[..., :, None]
        x = (left.long() + step_x).clamp(0, last)[..., None, :]
        there = inside_y[step_y][..., :, None, None] & inside_x[step_x][..., None, :, None]
        return torch.where(there, regions[query, y, x].float(), border)

    above = torch.lerp(tap(0, 0), tap(0, 1), share_x)
    beneath = torch.lerp(tap(1, 0), tap(1, 1), share_x)
    crops = torch.lerp(above, beneath, share_y)
    return (crops + 0.5).to(torch.uint8).flatten(0, 1)


def _inside(at: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the cells before and after a place lie in a region.

    Args:
        at: (Q, S, size).
        length: (Q, 1, 1) of the region.
    """
    before = at.floor()
    return (before >= 0) & (before < length), (before >= -1) & (before < length - 1)
