"""Samples of one object, and batches of samples of different objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradnet_ros.tracking.crops import Image


@dataclass(frozen=True)
class View:
    """A search crop in which the target's place is known.

    Attributes:
        image: square BGR.
        offset: (x, y) target centre minus crop centre, pixels.
        size: (w, h) of the target, pixels.
    """

    image: Image
    offset: tuple[float, float]
    size: tuple[float, float]


@dataclass(frozen=True)
class Sample:
    """One object.

    Attributes:
        exemplar: exemplar_size square BGR, the target at the centre.
        exemplar_size: (w, h) of the target in it, pixels.
        views: search crops of the same object before the same background: the first is tracked, a second one
            is an earlier frame that the template may learn from.
        origin: number of the track or scene that it shows: two samples of one are no negatives of each other.
    """

    exemplar: Image
    exemplar_size: tuple[float, float]
    views: tuple[View, ...]
    origin: int


@dataclass(frozen=True)
class Batch:
    """Samples, stacked, nearly always of different objects; V views a sample.

    Attributes:
        exemplars: (N, 3, z, z) uint8 BGR.
        exemplar_sizes: (N, 2) w, h of the target, pixels of the exemplar crop.
        searches: (N, V, 3, x, x) uint8 BGR.
        offsets: (N, V, 2) target centre minus crop centre, x, y, pixels of the search crop.
        sizes: (N, V, 2) w, h of the target, pixels of the search crop.
        origins: (N,) int64, number of the track or scene that a sample shows.
    """

    exemplars: Tensor
    exemplar_sizes: Tensor
    searches: Tensor
    offsets: Tensor
    sizes: Tensor
    origins: Tensor

    def __len__(self) -> int:
        """Number of samples."""
        return self.exemplars.shape[0]

    def to(self, device: torch.device, non_blocking: bool = False) -> Batch:
        """The batch on another device."""
        return Batch(*(getattr(self, f.name).to(device, non_blocking=non_blocking) for f in fields(self)))

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory; called by a data loader."""
        return Batch(*(getattr(self, f.name).pin_memory() for f in fields(self)))


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples."""
    views = [view for sample in samples for view in sample.views]
    count = len(samples)

    def pictures(images: list[Image]) -> Tensor:
        stacked: NDArray[np.uint8] = np.stack(images)
        return torch.from_numpy(stacked).permute(0, 3, 1, 2)

    def numbers(values: list[tuple[float, float]]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32)

    searches = pictures([view.image for view in views])
    return Batch(
        pictures([sample.exemplar for sample in samples]),
        numbers([sample.exemplar_size for sample in samples]),
        searches.reshape(count, -1, *searches.shape[1:]),
        numbers([view.offset for view in views]).reshape(count, -1, 2),
        numbers([view.size for view in views]).reshape(count, -1, 2),
        torch.tensor([sample.origin for sample in samples]),
    )
