"""What a GPU's engine does in one go: searching, comparing, learning, each recorded once and replayed.

All of it reads and writes memory of fixed addresses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradnet_ros.engines.cuda_graph_crops import Cut, RegionBuffer, sample_crops
from gradnet_ros.engines.cuda_graph_record import Recorder, Work
from gradnet_ros.engines.graphs import StepGraph
from gradnet_ros.engines.protocol import Answer, Offsets, Query
from gradnet_ros.nn.box import BoxTemplate
from gradnet_ros.nn.box_fit import BoxFit
from gradnet_ros.nn.correlation import cross_correlate, template_cosines
from gradnet_ros.nn.gradnet import GradNet


@dataclass(eq=False)
class State:
    """A target, see :data:`gradnet_ros.engines.protocol.State`."""

    border: tuple[float, ...]
    fixed: Tensor
    f2: Tensor
    box: tuple[Tensor, ...]
    hidden: Tensor
    beta: Tensor
    taught: bool = False
    fit: BoxFit | None = None

    @property
    def templates(self) -> tuple[Tensor, ...]:
        """What is read of a target: to compare the first, to search the first two, with boxes all. A step
        makes new ones.
        """
        return (self.fixed, self.beta, *self.box)


class _CropWork(ABC):
    """Work on crops of targets: what is recorded, and what it reads and writes.

    Args:
        net: searches.
        size: side of a crop, pixels.
        targets: how many.
        squares: crops of each.
        used: how many of a state's templates are read.
        side: side of the first regions, pixels.
        record: how it is recorded.
    """

    def __init__(
        self, net: GradNet, size: int, targets: int, squares: int, used: int, side: int, record: Recorder
    ) -> None:
        self._net, self._size, self._count, self._squares, self._used = net, size, targets, squares, used
        self._device = net.adjust_scale.device
        self._regions = RegionBuffer(size, targets, squares, side, self._device)
        self.side = self._regions.side
        self._record = record
        self._templates: tuple[Tensor, ...] = ()
        self._held: list[tuple[Tensor, ...]] = [()] * targets
        self._rows = torch.empty(0)
        self._replay: Work | None = None

    def _run(
        self, cuts: Sequence[tuple[Cut, Sequence[float]]], states: Sequence[State]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Upload, replay, wait once: (targets, n) on the host, and what stays on the device."""
        self._regions.upload(cuts)
        self._place_templates(states)
        if self._replay is None:
            self._replay = self._record(self._work)
        rows, *rest = self._replay()
        if self._rows.shape != rows.shape:
            self._rows = torch.empty(rows.shape, pin_memory=self._device.type == "cuda")
        self._rows.copy_(rows, non_blocking=True)
        if self._device.type == "cuda":
            torch.cuda.current_stream(self._device).synchronize()
        return self._rows, tuple(rest)

    @abstractmethod
    def _work(self) -> tuple[Tensor, ...]:
        """What is recorded: (targets, n) for the host, and what stays on the device."""

    def _crops(self) -> Tensor:
        """(targets squares, 3, size, size) float."""
        return sample_crops(self._regions.places).permute(0, 3, 1, 2).float()

    def _of_every_square(self, templates: Tensor) -> Tensor:
        """A template a square; one on all squares is told apart from that."""
        return templates if self._count == 1 else _repeat(templates, self._squares)

    def _place_templates(self, states: Sequence[State]) -> None:
        """Copy the templates of targets that are new here or have learned to where the work reads them."""
        if not self._templates:
            self._templates = tuple(
                torch.empty((self._count, *each.shape[1:]), device=self._device)
                for each in states[0].templates[: self._used]
            )
        for number, state in enumerate(states):
            templates = state.templates[: self._used]
            if _same(templates, self._held[number]):
                continue
            for slots, template in zip(self._templates, templates, strict=True):
                slots[number : number + 1].copy_(template)
            self._held[number] = templates


def _same(some: tuple[Tensor, ...], others: tuple[Tensor, ...]) -> bool:
    """Whether they are the very same tensors."""
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))


class CompareWork(_CropWork):
    """Comparing sizes of targets."""

    def __init__(self, net: GradNet, targets: int, squares: int, side: int, record: Recorder) -> None:
        used = 1  # the fixed template alone
        super().__init__(net, net.spec.exemplar_size, targets, squares, used, side, record)

    def compare(
        self, cuts: Sequence[tuple[Cut, Sequence[float]]], states: Sequence[State]
    ) -> list[NDArray[np.float32]]:
        """Cosines, (squares,) for each target."""
        rows, _ = self._run(cuts, states)
        return [row.numpy().copy() for row in rows]

    def _work(self) -> tuple[Tensor, ...]:
        search = self._net.search
        there = search.template(search.search(self._crops()).features)
        cosines = template_cosines(there, self._of_every_square(self._templates[0]))
        return (cosines.view(self._count, -1),)


class SearchWork(_CropWork):
    """Searching one frame."""

    def __init__(
        self, net: GradNet, queries: int, squares: int, boxes: bool, pixels: int, side: int, record: Recorder
    ) -> None:
        used = 2 + (len(BoxTemplate._fields) if boxes else 0)
        super().__init__(net, pixels, queries, squares, used, side, record)
        self._boxes = boxes

    def answer(self, cuts: Sequence[tuple[Cut, Sequence[float]]], queries: Sequence[Query]) -> list[Answer]:
        """An answer a query."""
        rows, (features,) = self._run(cuts, [query.state for query in queries])
        return [self._answer(rows[number], number, query, features) for number, query in enumerate(queries)]

    def _work(self) -> tuple[Tensor, ...]:
        net, squares = self._net, self._squares
        fixed, kernel, *box = self._templates
        features, levels = net.search.search(self._crops())
        middle = features[squares // 2 :: squares]
        scores = cross_correlate(features, self._of_every_square(fixed))
        parts = [scores, cross_correlate(middle, kernel)]
        if self._boxes:
            assert net.box is not None
            parts.append(net.box(levels, BoxTemplate(*box)))
        rows = [part.reshape(self._count, -1) for part in parts]
        return torch.cat(rows, dim=1), features

    def _answer(self, row: Tensor, number: int, query: Query, features: Tensor) -> Answer:
        side, squares = self._net.spec.response_side(query.pixels), self._squares
        maps = row.view(-1, side, side).numpy()
        taught = query.adaptive and query.state.taught
        return Answer(
            maps[:squares],
            maps[squares] if taught else None,
            maps[squares + 1 :] if self._boxes else None,
            features[number * squares : (number + 1) * squares],
        )


def _repeat(templates: Tensor, times: int) -> Tensor:
    """Each template several times in a row: (Q, C, t, t) -> (Q times, C, t, t)."""
    return templates[:, None].expand(-1, times, -1, -1, -1).flatten(0, 1)


class UpdateWork:
    """One step of a template: what is recorded, and what it reads."""

    def __init__(
        self,
        step: StepGraph,
        state: State,
        samples: Sequence[Tensor],
        record: Recorder,
    ) -> None:
        self._step = step
        self._features = torch.cat(list(samples))
        self._start, self._hidden = state.f2.clone(), state.hidden.clone()
        self._offsets = torch.empty(len(samples), 2, device=state.f2.device)
        # All frames are learned from at once here, so there are no lessons of others.
        self._others = torch.zeros_like(state.beta)
        self._rate = torch.zeros(1, device=state.f2.device)
        self._record = record
        self._replay: Work | None = None

    def run(
        self, state: State, samples: Sequence[Tensor], offsets: Offsets, rate: float, from_first: bool
    ) -> tuple[Tensor, Tensor]:
        """The new running feature and its template; nothing is waited for."""
        start = state.f2 if from_first else state.hidden
        for place, sample in zip(self._features.unsqueeze(1), samples, strict=True):
            place.copy_(sample)
        places = torch.from_numpy(offsets)
        if self._offsets.is_cuda:  # From locked memory, which torch keeps until it was read: no wait.
            places = places.pin_memory()
        self._offsets.copy_(places, non_blocking=True)
        self._start.copy_(start)
        self._hidden.copy_(state.hidden)
        self._rate.fill_(rate)
        if self._replay is None:
            self._replay = self._record(self._work)
        hidden, new_beta = self._replay()
        return hidden.clone(), new_beta.clone()

    def _work(self) -> tuple[Tensor, ...]:
        hidden, beta = self._step(
            self._start, self._hidden, self._features, self._offsets, self._others, self._rate
        )
        return hidden, beta
