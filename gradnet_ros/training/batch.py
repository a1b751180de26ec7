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
        rehearsals: search crops of the very picture that the exemplar is from.
    """

    exemplar: Image
    exemplar_size: tuple[float, float]
    views: tuple[View, ...]
    origin: int
    rehearsals: tuple[View, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Samples, stacked, nearly always of different objects; V views and R rehearsals a sample.

    Attributes:
        exemplars: (N, 3, z, z) uint8 BGR.
        exemplar_sizes: (N, 2) w, h of the target, pixels of the exemplar crop.
        searches: (N, V, 3, x, x) uint8 BGR.
        offsets: (N, V, 2) target centre minus crop centre, x, y, pixels of the search crop.
        sizes: (N, V, 2) w, h of the target, pixels of the search crop.
        origins: (N,) int64, number of the track or scene that a sample shows.
        rehearsals: (N, R, 3, x, x) uint8 BGR.
        rehearsal_offsets: (N, R, 2) as ``offsets``.
        rehearsal_sizes: (N, R, 2) as ``sizes``.
    """

    exemplars: Tensor
    exemplar_sizes: Tensor
    searches: Tensor
    offsets: Tensor
    sizes: Tensor
    origins: Tensor
    rehearsals: Tensor
    rehearsal_offsets: Tensor
    rehearsal_sizes: Tensor

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
    searches, offsets, sizes = _stack([sample.views for sample in samples])
    return Batch(
        _pictures([sample.exemplar for sample in samples]),
        _numbers([sample.exemplar_size for sample in samples]),
        searches,
        offsets,
        sizes,
        torch.tensor([sample.origin for sample in samples]),
        *_stack([sample.rehearsals for sample in samples]),
    )


def _stack(views: Sequence[tuple[View, ...]]) -> tuple[Tensor, Tensor, Tensor]:
    """As many views of every sample: (N, V, 3, x, x) images, (N, V, 2) offsets and sizes."""
    count, each = len(views), [view for several in views for view in several]
    if not each:
        nowhere = torch.empty(count, 0, 2)
        return torch.empty(count, 0, 3, 0, 0, dtype=torch.uint8), nowhere, nowhere
    images = _pictures([view.image for view in each])
    return (
        images.reshape(count, -1, *images.shape[1:]),
        _numbers([view.offset for view in each]).reshape(count, -1, 2),
        _numbers([view.size for view in each]).reshape(count, -1, 2),
    )


def _pictures(images: list[Image]) -> Tensor:
    stacked: NDArray[np.uint8] = np.stack(images)
    return torch.from_numpy(stacked).permute(0, 3, 1, 2)


def _numbers(values: list[tuple[float, float]]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
