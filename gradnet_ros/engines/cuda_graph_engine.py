"""A GPU's engine: crops on the device, and searching, comparing and learning as a recorded graph each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradnet_ros.engines.batching import by_kind
from gradnet_ros.engines.crop_buffer import CropBuffer
from gradnet_ros.engines.cuda_graph_crops import cut_region
from gradnet_ros.engines.cuda_graph_record import EagerFallback, Recorder, record_cuda_graph
from gradnet_ros.engines.cuda_graph_work import CompareWork, SearchWork, State, UpdateWork
from gradnet_ros.engines.graphs import ExemplarGraph, StepGraph
from gradnet_ros.engines.protocol import Answer, Look, Offsets, Query, Region, View
from gradnet_ros.nn.box_fit import start_fit
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.template_fit import fit_template
from gradnet_ros.nn.trunk import TrunkSpec
from gradnet_ros.tracking.crops import Image

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Given = ParamSpec("_Given")


def _exactly(method: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Without autograd, and in all digits of float32."""

    @wraps(method)
    def exact(*arguments: _Given.args, **keywords: _Given.kwargs) -> _Result:
        with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return method(*arguments, **keywords)

    return exact


class CudaGraphEngine:
    """See :class:`~gradnet_ros.engines.protocol.Engine`.

    A frame is: the touched region into locked memory and up, one graph (crops, trunk, correlations, box
    branch), the maps down, one wait. Where sizes are compared there is a second graph and wait of that kind,
    on crops of the exemplar's size. A step of the template is a graph of its own and no wait. Graphs are
    recorded when a number or size of squares, or a number of samples, comes up for the first time, and for 1,
    2, 4, 8 and so on queries: what is left over repeats the last one. A single query brings the graph for two
    with it, so that a target that is looked for in a second place does not wait for that. The peak is looked
    for on the host, by the rules that hold for every engine: the maps are a few hundred numbers.

    All of it is float32, without TF32, which PyTorch would take on its own: with ten binary digits cells and
    sizes that answer nearly alike change places, and boxes drift by pixels (docs/performance.md).

    Args:
        net: the network; it is taken over and moved to the device.
        device: where it runs; a CPU runs the same operations without graphs, for tests.
        record: how work is recorded; ``None``: as CUDA graphs.

    Raises:
        ValueError: a network whose U1 is not shared by both templates.
    """

    name = "cuda-graph"

    def __init__(
        self,
        net: GradNet,
        device: torch.device,
        record: Recorder | None = None,
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
        self._net = net
        self._reader = ExemplarGraph(net)
        self._step = StepGraph(net)
        self._exemplar = CropBuffer(self.spec.exemplar_size)
        self._views = CropBuffer(self.spec.search_size)
        self._searches: dict[tuple[int, int, bool, int], SearchWork] = {}
        self._comparisons: dict[tuple[int, int], CompareWork] = {}
        self._updates: dict[int, UpdateWork] = {}

    @property
    def detail(self) -> str:
        """Number format, and whether graphs are replayed."""
        return f"float32, eager: {self._record.failed}" if self._record.failed else "float32, graphs"

    @_exactly
    def start(
        self, image: Image, region: Region, size: tuple[float, float], border: tuple[float, ...]
    ) -> State:
        """Read a target; see :meth:`Engine.start <gradnet_ros.engines.protocol.Engine.start>`."""
        inputs = [self._exemplar.cut(image, [(region, border)]).to(self.device)]
        if self.has_boxes:
            zoom = self.spec.exemplar_size / region.sides[0]
            inputs.append(torch.tensor([size], device=self.device) * zoom)
        fixed, f2, beta, *box = self._reader(*inputs)
        return State(border, fixed, f2, tuple(box), hidden=f2, beta=beta)

    @_exactly
    def fit_template(self, state: State, image: Image, views: Sequence[View], steps: int) -> None:
        """See :meth:`Engine.fit_template <gradnet_ros.engines.protocol.Engine.fit_template>`.

        It is done once a target, so it is not recorded.
        """
        crops = self._cut_views(state, image, views)
        state.fixed = fit_template(self._net, crops, state.fixed, [view.offset for view in views], steps)

    @_exactly
    def rehearse(self, state: State, image: Image, views: Sequence[View], steps: int) -> None:
        """See :meth:`Engine.rehearse <gradnet_ros.engines.protocol.Engine.rehearse>`."""
        crops = self._cut_views(state, image, views)
        offsets, sizes = [view.offset for view in views], [view.size for view in views]
        state.fit = start_fit(self._net, crops, state.box, offsets, sizes, steps)

    @_exactly
    def fit_boxes(self, state: State) -> None:
        """See :meth:`Engine.fit_boxes <gradnet_ros.engines.protocol.Engine.fit_boxes>`.

        A target takes few such steps, so they are not recorded.
        """
        assert state.fit is not None
        state.box = state.fit.step()

    def forget_views(self, state: State) -> None:
        """See :meth:`Engine.forget_views <gradnet_ros.engines.protocol.Engine.forget_views>`."""
        state.fit = None

    @_exactly
    def search(self, image: Image, queries: Sequence[Query]) -> list[Answer]:
        """Search a picture; see :meth:`Engine.search <gradnet_ros.engines.protocol.Engine.search>`.

        Queries with as many squares of one size go through the network together.
        """
        kinds = [(len(query.region.sides), query.boxes, query.pixels) for query in queries]
        return by_kind(queries, kinds, partial(self._search_alike, image))

    @_exactly
    def compare(self, image: Image, looks: Sequence[Look]) -> list[NDArray[np.float32]]:
        """See :meth:`Engine.compare <gradnet_ros.engines.protocol.Engine.compare>`.

        Looks with as many squares go through the network together.
        """
        return by_kind(looks, [len(look.region.sides) for look in looks], partial(self._compare_alike, image))

    def keep(self, features: Tensor, scale: int) -> Tensor:
        """Copy one scale's features: (S, C, h, w) -> (1, C, h, w)."""
        return features[scale : scale + 1].clone(memory_format=torch.preserve_format)

    @_exactly
    def teach(
        self, state: State, samples: Sequence[Tensor], offsets: Offsets, rate: float, from_first: bool
    ) -> None:
        """Take a step; see :meth:`Engine.teach <gradnet_ros.engines.protocol.Engine.teach>`."""
        count = len(samples)
        if count not in self._updates:
            self._updates[count] = UpdateWork(self._step, state, samples, self._record)
        hidden, beta = self._updates[count].run(state, samples, offsets, rate, from_first)
        state.hidden, state.beta, state.taught = hidden, beta, True

    def _cut_views(self, state: State, image: Image, views: Sequence[View]) -> Tensor:
        crops = self._views.cut(image, [(view.region, state.border) for view in views])
        return crops.to(self.device).permute(0, 3, 1, 2).float()

    def _search_alike(self, image: Image, queries: Sequence[Query]) -> list[Answer]:
        count, slots, size = len(queries), _slots(len(queries)), queries[0].pixels
        kind = (slots, len(queries[0].region.sides), queries[0].boxes, size)
        if count == 1 and size == self.spec.search_size and kind not in self._searches:
            # Two places may have to be searched for it; narrowly one only.
            self._search_alike(image, [queries[0]] * 2)
        cuts = _fill(
            [(cut_region(image, query.region, size), query.state.border) for query in queries], slots
        )
        side = max(max(cut.pixels.shape[:2]) for cut, _ in cuts)
        work = self._searches.get(kind)
        if work is None or work.side < side:
            work = self._searches[kind] = SearchWork(self._net, *kind, side, self._record)
        return work.answer(cuts, _fill(queries, slots))[:count]

    def _compare_alike(self, image: Image, looks: Sequence[Look]) -> list[NDArray[np.float32]]:
        size, slots = self.spec.exemplar_size, _slots(len(looks))
        cuts = _fill([(cut_region(image, look.region, size), look.state.border) for look in looks], slots)
        side = max(max(cut.pixels.shape[:2]) for cut, _ in cuts)
        kind = (slots, len(looks[0].region.sides))
        work = self._comparisons.get(kind)
        if work is None or work.side < side:
            work = self._comparisons[kind] = CompareWork(self._net, *kind, side, self._record)
        return work.compare(cuts, [look.state for look in _fill(looks, slots)])[: len(looks)]


def _slots(count: int) -> int:
    """The next power of two: a few graphs serve all numbers."""
    return 1 << (count - 1).bit_length()


def _fill(items: Sequence[_Item], slots: int) -> list[_Item]:
    """The items, and the last one again for every slot that is left."""
    return [*items, *[items[-1]] * (slots - len(items))]
