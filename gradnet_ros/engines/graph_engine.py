"""An engine out of compiled graphs: crops on the host, arrays in and out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from gradnet_ros.engines.crop_buffer import CropBuffer
from gradnet_ros.engines.graphs import make_graphs, make_narrow_graphs
from gradnet_ros.engines.onnx_export import to_onnx
from gradnet_ros.engines.protocol import Answer, Look, Offsets, Query, Region, View
from gradnet_ros.nn.box_fit import BATCHES, BoxFit
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.template_fit import fit_gains
from gradnet_ros.nn.trunk import TrunkSpec
from gradnet_ros.tracking.crops import Image

Array: TypeAlias = NDArray[np.float32]

Compiled: TypeAlias = Callable[[Sequence[NDArray[np.generic]]], list[Array]]
"""A graph that can be run: arrays in the order of its inputs -> those of its outputs, until the next call."""


@dataclass
class _State:
    border: tuple[float, ...]
    fixed: Array
    f2: Array
    first_beta: Array
    box: list[Array]
    hidden: Array
    beta: Array
    taught: bool = False
    fit: BoxFit | None = None


class GraphEngine(ABC):
    """See :class:`~gradnet_ros.engines.protocol.Engine`; a subclass says how a graph is compiled.

    What tracking with the network's usual settings needs is compiled at once; a search of more squares, of
    narrow ones without the box branch, or a comparison of another number, when it is first asked for.

    Args:
        net: the network.

    Raises:
        ValueError: a network whose U1 is not shared.
    """

    name: str
    detail: str
    device = torch.device("cpu")

    def __init__(self, net: GradNet) -> None:
        net = net.requires_grad_(False).eval()
        searching = self.search_form(net)
        self._graphs = make_graphs(net, searching) | make_narrow_graphs(searching)
        self.spec: TrunkSpec = net.spec
        self.has_boxes = net.box is not None
        self.adjust = (float(net.adjust_scale), float(net.adjust_bias))
        self._exemplar = CropBuffer(self.spec.exemplar_size)
        self._crops = {size: CropBuffer(size) for size in (self.spec.search_size, self.spec.narrow_size)}
        self._compiled: dict[tuple[str, int], Compiled] = {}
        boxes = ("search_boxes", "search_boxes_narrow", "box_views", "box_lesson")
        pyramid = ("search", "compare", "template_views")
        for graph in ("exemplar", "lesson", "step", *(boxes if self.has_boxes else pyramid)):
            self._ready(graph, len(self._graphs[graph].example()[0]))

    def search_form(self, net: GradNet) -> GradNet:
        """The network in the form that searches fastest here; its answers are the same within rounding."""
        return net

    @abstractmethod
    def compile(self, graph: str, model: bytes, count: int) -> Compiled:
        """Make a graph ready to run.

        Args:
            graph: its name.
            model: it as ONNX.
            count: length of its free axis, if it has one.
        """

    def start(
        self, image: Image, region: Region, size: tuple[float, float], border: tuple[float, ...]
    ) -> _State:
        """Read a target; see :meth:`Engine.start <gradnet_ros.engines.protocol.Engine.start>`."""
        crop = self._exemplar.cut(image, [(region, border)]).numpy()
        inputs: list[NDArray[np.generic]] = [crop]
        if self.has_boxes:
            inputs.append(np.array([size], np.float32) * (self.spec.exemplar_size / region.sides[0]))
        fixed, f2, beta, *box = (output.copy() for output in self._run("exemplar", inputs))
        return _State(border, fixed, f2, beta, box, hidden=f2, beta=beta)

    def fit_template(self, state: _State, image: Image, views: Sequence[View], steps: int) -> None:
        """See :meth:`Engine.fit_template <gradnet_ros.engines.protocol.Engine.fit_template>`."""
        scores = torch.cat(
            [
                torch.from_numpy(self._run("template_views", [crops, state.fixed])[0].copy())
                for crops in np.split(self._cut_views(state, image, views), BATCHES)
            ]
        )
        gains = fit_gains(scores, [view.offset for view in views], self.spec.stride, self.adjust, steps)
        state.fixed = state.fixed * gains.numpy()

    def rehearse(self, state: _State, image: Image, views: Sequence[View], steps: int) -> None:
        """See :meth:`Engine.rehearse <gradnet_ros.engines.protocol.Engine.rehearse>`."""
        crops = self._cut_views(state, image, views)
        places = [[view.offset for view in views], [view.size for view in views]]
        batches = []
        for batch in range(BATCHES):
            (features,) = self._run("box_views", [crops[batch::BATCHES]])
            batches.append(
                [features.copy(), *(np.array(each[batch::BATCHES], np.float32) for each in places)]
            )

        def gradient(batch: int, template: Sequence[torch.Tensor]) -> list[torch.Tensor]:
            given = [*batches[batch], *(each.numpy() for each in template)]
            return [torch.from_numpy(each) for each in self._run("box_lesson", given)]

        state.fit = BoxFit([torch.from_numpy(each) for each in state.box], gradient, steps)

    def fit_boxes(self, state: _State) -> None:
        """See :meth:`Engine.fit_boxes <gradnet_ros.engines.protocol.Engine.fit_boxes>`."""
        assert state.fit is not None
        state.box = [each.numpy() for each in state.fit.step()]

    def forget_views(self, state: _State) -> None:
        """See :meth:`Engine.forget_views <gradnet_ros.engines.protocol.Engine.forget_views>`."""
        state.fit = None

    def search(self, image: Image, queries: Sequence[Query]) -> list[Answer]:
        """Search a picture; see :meth:`Engine.search <gradnet_ros.engines.protocol.Engine.search>`.

        One query after the other: a processor has its hands full with one.
        """
        if len(queries) == 1:
            return [self._answer(image, queries[0])]
        return [_copy(self._answer(image, query)) for query in queries]

    def compare(self, image: Image, looks: Sequence[Look]) -> list[Array]:
        """See :meth:`Engine.compare <gradnet_ros.engines.protocol.Engine.compare>`."""
        cosines = []
        for look in looks:
            crops = self._exemplar.cut(image, [(look.region, look.state.border)]).numpy()
            cosines.append(self._run("compare", [crops, look.state.fixed])[0].copy())
        return cosines

    def keep(self, features: Array, scale: int) -> Array:
        """Copy one scale's features: (S, C, h, w) -> (1, C, h, w)."""
        return features[scale : scale + 1].copy()

    def teach(
        self, state: _State, samples: Sequence[Array], offsets: Offsets, rate: float, from_first: bool
    ) -> None:
        """Take a step; see :meth:`Engine.teach <gradnet_ros.engines.protocol.Engine.teach>`."""
        start, beta = (state.f2, state.first_beta) if from_first else (state.hidden, state.beta)
        others = np.zeros_like(beta)
        for sample, offset in zip(samples[1:], offsets[1:, None], strict=True):
            others += self._run("lesson", [sample, offset, beta])[0]
        share = np.array([rate], np.float32)
        outputs = self._run("step", [start, state.hidden, samples[0], offsets[:1], others, share])
        state.hidden, state.beta = (output.copy() for output in outputs)
        state.taught = True

    def _cut_views(self, state: _State, image: Image, views: Sequence[View]) -> NDArray[np.uint8]:
        whole = self._crops[self.spec.search_size]
        crops: NDArray[np.uint8] = whole.cut(image, [(view.region, state.border) for view in views]).numpy()
        return crops

    def _answer(self, image: Image, query: Query) -> Answer:
        state: _State = query.state
        crops = self._crops[query.pixels].cut(image, [(query.region, state.border)]).numpy()
        graph, box = ("search_boxes", state.box) if query.boxes else ("search", [])
        if query.pixels == self.spec.narrow_size:
            graph += "_narrow"
        features, fixed, adaptive, *edges = self._run(graph, [crops, state.fixed, state.beta, *box])
        takes_part = query.adaptive and state.taught
        return Answer(
            fixed[:, 0],
            adaptive[len(crops) // 2, 0] if takes_part else None,
            edges[0][0] if query.boxes else None,
            features,
        )

    def _run(self, graph: str, inputs: Sequence[NDArray[np.generic]]) -> list[Array]:
        return self._ready(graph, len(inputs[0]))(inputs)

    def _ready(self, graph: str, count: int) -> Compiled:
        """The compiled graph for inputs of this length."""
        if (graph, count) not in self._compiled:
            self._compiled[graph, count] = self.compile(graph, to_onnx(self._graphs[graph]), count)
        return self._compiled[graph, count]


def _copy(answer: Answer) -> Answer:
    """An answer that outlives the next run of its graph."""
    adaptive, edges = (None if part is None else part.copy() for part in (answer.adaptive, answer.edges))
    return Answer(answer.fixed.copy(), adaptive, edges, answer.features.copy())
