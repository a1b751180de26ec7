"""A GPU's engine: crops on the device, and a frame and an update as one recorded graph each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gradnet_ros.engines.crop_buffer import CropBuffer
from gradnet_ros.engines.cuda_graph_crops import Cut, RegionBuffer, cut_region, sample_crops
from gradnet_ros.engines.cuda_graph_half import scores_agree, with_half_trunk
from gradnet_ros.engines.cuda_graph_record import EagerFallback, Recorder, Work, record_cuda_graph
from gradnet_ros.engines.graphs import ExemplarGraph, StepGraph
from gradnet_ros.engines.protocol import Answer, Offsets, Query, Region, View
from gradnet_ros.nn.box import BoxTemplate
from gradnet_ros.nn.box_fit import BoxFit, start_fit
from gradnet_ros.nn.correlation import cross_correlate, window_cosines
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.trunk import TrunkSpec
from gradnet_ros.tracking.crops import Image


@dataclass(eq=False)
class _State:
    border: tuple[float, ...]
    fixed: Tensor
    f2: Tensor
    box: tuple[Tensor, ...]
    hidden: Tensor
    beta: Tensor
    version: int = 0  # grows with every step, of either template
    taught: bool = False
    fit: BoxFit | None = None

    @property
    def templates(self) -> tuple[Tensor, ...]:
        """What a search reads of a target."""
        return (self.fixed, self.beta, *self.box)


class CudaGraphEngine:
    """See :class:`~gradnet_ros.engines.protocol.Engine`.

    A frame is: the touched region into locked memory and up, one graph (crops, trunk, correlations, box
    branch), the maps down, one wait. A step of the template is a second graph and no wait. Graphs are
    recorded when a number of queries, of squares or of samples comes up for the first time. The peak is
    looked for on the host, by the rules that hold for every engine: the maps are a few hundred numbers.

    Args:
        net: the network; it is taken over and moved to the device.
        device: where it runs; a CPU runs the same operations without graphs, for tests.
        record: how work is recorded; ``None``: as CUDA graphs.
        half: the search trunk in float16; ``None``: where :func:`scores_agree` on a GPU.

    Raises:
        ValueError: a network whose U1 is not shared by both templates.
    """

    name = "cuda-graph"

    def __init__(
        self,
        net: GradNet,
        device: torch.device,
        record: Recorder | None = None,
        half: bool | None = None,
    ) -> None:
        if net.updated_head is not None:
            raise ValueError(
                "a network with a U1 of its own for the updated template runs in engine torch only"
            )
        self.device = device
        net = net.requires_grad_(False).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.spec: TrunkSpec = net.spec
        self.has_boxes = net.box is not None
        self.adjust = (float(net.adjust_scale), float(net.adjust_bias))
        self._record = EagerFallback(record or partial(record_cuda_graph, device=device))
        self._searching = net
        self._format = "float32"
        if half or (half is None and device.type == "cuda"):
            halved = with_half_trunk(net)
            if half or scores_agree(net, halved):
                self._searching, self._format = halved, "float16"
        self._reader = ExemplarGraph(net)
        self._step = StepGraph(net)
        self._exemplar = CropBuffer(self.spec.exemplar_size)
        self._views = CropBuffer(self.spec.search_size)
        self._searches: dict[tuple[int, int, bool], _SearchWork] = {}
        self._updates: dict[int, _UpdateWork] = {}

    @property
    def detail(self) -> str:
        """Number format of the search trunk and of the update, and whether graphs are replayed."""
        how = f"eager: {self._record.failed}" if self._record.failed else "graphs"
        return f"{self._format}, float32 in step, {how}"

    @torch.no_grad()
    def start(
        self, image: Image, region: Region, size: tuple[float, float], border: tuple[float, ...]
    ) -> _State:
        """Read a target; see :meth:`Engine.start <gradnet_ros.engines.protocol.Engine.start>`."""
        inputs = [self._exemplar.cut(image, [(region, border)]).to(self.device)]
        if self.has_boxes:
            zoom = self.spec.exemplar_size / region.sides[0]
            inputs.append(torch.tensor([size], device=self.device) * zoom)
        fixed, f2, beta, *box = self._reader(*inputs)
        return _State(border, fixed, f2, tuple(box), hidden=f2, beta=beta)

    @torch.no_grad()
    def rehearse(self, state: _State, image: Image, views: Sequence[View], steps: int) -> None:
        """See :meth:`Engine.rehearse <gradnet_ros.engines.protocol.Engine.rehearse>`."""
        crops = self._views.cut(image, [(view.region, state.border) for view in views]).to(self.device)
        offsets, sizes = [view.offset for view in views], [view.size for view in views]
        pixels = crops.permute(0, 3, 1, 2).float()
        state.fit = start_fit(self._searching, pixels, state.box, offsets, sizes, steps)

    @torch.no_grad()
    def fit_boxes(self, state: _State) -> None:
        """See :meth:`Engine.fit_boxes <gradnet_ros.engines.protocol.Engine.fit_boxes>`.

        A target takes few such steps, so they are not recorded.
        """
        assert state.fit is not None
        state.box = state.fit.step()
        state.version += 1

    def forget_views(self, state: _State) -> None:
        """See :meth:`Engine.forget_views <gradnet_ros.engines.protocol.Engine.forget_views>`."""
        state.fit = None

    @torch.no_grad()
    def search(self, image: Image, queries: Sequence[Query]) -> list[Answer]:
        """Search a picture; see :meth:`Engine.search <gradnet_ros.engines.protocol.Engine.search>`.

        Queries with as many squares go through the network together.
        """
        kinds = [(len(query.region.sides), query.boxes) for query in queries]
        answers: dict[int, Answer] = {}
        for kind in dict.fromkeys(kinds):
            numbers = [number for number, each in enumerate(kinds) if each == kind]
            found = self._search_alike(image, [queries[number] for number in numbers])
            answers.update(zip(numbers, found, strict=True))
        return [answers[number] for number in range(len(queries))]

    def keep(self, features: Tensor, scale: int) -> Tensor:
        """Copy one scale's features: (S, C, h, w) -> (1, C, h, w)."""
        return features[scale : scale + 1].clone(memory_format=torch.preserve_format)

    @torch.no_grad()
    def teach(
        self, state: _State, samples: Sequence[Tensor], offsets: Offsets, rate: float, from_first: bool
    ) -> None:
        """Take a step; see :meth:`Engine.teach <gradnet_ros.engines.protocol.Engine.teach>`."""
        count = len(samples)
        if count not in self._updates:
            self._updates[count] = _UpdateWork(self._step, state, samples, self._record)
        hidden, beta = self._updates[count].run(state, samples, offsets, rate, from_first)
        state.hidden, state.beta, state.version, state.taught = hidden, beta, state.version + 1, True

    def _search_alike(self, image: Image, queries: Sequence[Query]) -> list[Answer]:
        size = self.spec.search_size
        cuts = [(cut_region(image, query.region, size), query.state.border) for query in queries]
        side = max(max(cut.pixels.shape[:2]) for cut, _ in cuts)
        kind = (len(queries), len(queries[0].region.sides), queries[0].boxes)
        work = self._searches.get(kind)
        if work is None or work.side < side:
            work = self._searches[kind] = _SearchWork(self._searching, *kind, side, self._record)
        return work.run(cuts, queries)


class _SearchWork:
    """One frame: what is recorded, and what it reads and writes."""

    def __init__(
        self, net: GradNet, queries: int, squares: int, boxes: bool, side: int, record: Recorder
    ) -> None:
        self._net, self._queries, self._squares, self._boxes = net, queries, squares, boxes
        self._device = net.adjust_scale.device
        self._regions = RegionBuffer(net.spec.search_size, queries, squares, side, self._device)
        self.side = self._regions.side
        self._record = record
        self._templates: tuple[Tensor, ...] = ()
        self._owners: list[tuple[_State, int] | None] = [None] * queries
        self._maps = torch.empty(0)
        self._replay: Work | None = None

    def run(self, cuts: Sequence[tuple[Cut, Sequence[float]]], queries: Sequence[Query]) -> list[Answer]:
        """Upload, replay, wait once."""
        self._regions.upload(cuts)
        self._place_templates([query.state for query in queries])
        if self._replay is None:
            self._replay = self._record(self._work)
        maps, features = self._replay()
        if self._maps.shape != maps.shape:
            self._maps = torch.empty(maps.shape, pin_memory=self._device.type == "cuda")
        self._maps.copy_(maps, non_blocking=True)
        if self._device.type == "cuda":
            torch.cuda.current_stream(self._device).synchronize()
        return [self._answer(number, query, features) for number, query in enumerate(queries)]

    def _work(self) -> tuple[Tensor, ...]:
        net, squares = self._net, self._squares
        fixed, kernel, *box = self._templates
        crops = sample_crops(self._regions.places, net.spec.search_size)
        features, levels = net.search.search(crops.permute(0, 3, 1, 2).float())
        middle = features[squares // 2 :: squares]
        # One template on all squares is told apart from a template for each.
        templates = fixed if self._queries == 1 else _repeat(fixed, squares)
        scores = cross_correlate(features, templates)
        parts = [scores, cross_correlate(middle, kernel)]
        if self._boxes:
            assert net.box is not None
            parts.append(net.box(levels, BoxTemplate(*box)))
        else:
            parts.append(window_cosines(features, templates, scores))
        rows = [part.reshape(self._queries, -1) for part in parts]
        return torch.cat(rows, dim=1), features

    def _place_templates(self, states: Sequence[_State]) -> None:
        """Copy the templates of targets that are new here or have learned to where the work reads them."""
        used = 2 + (len(states[0].box) if self._boxes else 0)
        if not self._templates:
            self._templates = tuple(
                torch.empty((self._queries, *each.shape[1:]), device=self._device)
                for each in states[0].templates[:used]
            )
        for number, state in enumerate(states):
            if self._owners[number] == (state, state.version):
                continue
            for slots, template in zip(self._templates, state.templates[:used], strict=True):
                slots[number : number + 1].copy_(template)
            self._owners[number] = (state, state.version)

    def _answer(self, number: int, query: Query, features: Tensor) -> Answer:
        side, squares = self._net.spec.response_size, self._squares
        maps = self._maps[number].view(-1, side, side).numpy()
        taught = query.adaptive and query.state.taught
        last = maps[squares + 1 :]
        return Answer(
            maps[:squares],
            None if self._boxes else last,
            maps[squares] if taught else None,
            last if self._boxes else None,
            features[number * squares : (number + 1) * squares],
        )


def _repeat(templates: Tensor, times: int) -> Tensor:
    """Each template several times in a row: (Q, C, t, t) -> (Q times, C, t, t)."""
    return templates[:, None].expand(-1, times, -1, -1, -1).flatten(0, 1)


class _UpdateWork:
    """One step of a template: what is recorded, and what it reads."""

    def __init__(
        self,
        step: StepGraph,
        state: _State,
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
        self, state: _State, samples: Sequence[Tensor], offsets: Offsets, rate: float, from_first: bool
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
