"""Crops of one size in one place of memory, for engines that crop on the host."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gradnet_ros.engines.protocol import Region
from gradnet_ros.tracking.crops import Image, crop_matrix, warp_crops


class CropBuffer:
    """Cuts squares of a picture into memory that is used again and again.

    Args:
        size: side of a crop, pixels.
        pinned: the memory is locked, so that a GPU can fetch it while the processor goes on.
    """

    def __init__(self, size: int, pinned: bool = False) -> None:
        self._size, self._pinned = size, pinned
        self._crops = torch.empty((0, size, size, 3), dtype=torch.uint8)

    def cut(self, image: Image, regions: Sequence[tuple[Region, Sequence[float]]]) -> Tensor:
        """Cut all squares of all regions.

        Args:
            image: HxWx3 uint8.
            regions: each with the BGR colour of what lies outside the picture.

        Returns:
            (N, size, size, 3) uint8, in the order of the regions and their squares; the next call writes
            over it.
        """
        count = sum(len(region.sides) for region, _ in regions)
        if len(self._crops) != count:
            shape = (count, self._size, self._size, 3)
            self._crops = torch.empty(shape, dtype=torch.uint8, pin_memory=self._pinned)
        out, start = self._crops.numpy(), 0
        for region, border in regions:
            matrices = [crop_matrix(region.centre, side, self._size) for side in region.sides]
            warp_crops(image, matrices, border, out[start : start + len(matrices)])
            start += len(matrices)
        return self._crops
