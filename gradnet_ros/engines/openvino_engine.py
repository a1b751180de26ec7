"""OpenVINO on the processor."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

import numpy as np
import openvino
import torch
from numpy.typing import NDArray

from gradnet_ros.engines.graph_engine import Array, Compiled, GraphEngine
from gradnet_ros.nn.gradnet import GradNet

HALF_GRAPHS: dict[str, tuple[str, ...]] = {
    "alexnet": ("search", "lesson", "step"),
    "lite": (),
}
"""Graphs that may compute in bfloat16, network by network: those with which boxes stay about where they are.

The exemplar, once a target, costs nothing, and half of the scores' error would come from its template."""


@cache
def _core() -> openvino.Core:
    """One for the process, never given up: plugins that are unloaded and loaded again crash now and then."""
    return openvino.Core()


class OpenVinoEngine(GraphEngine):
    """See :class:`~gradnet_ros.engines.graph_engine.GraphEngine`.

    It runs on as many threads as PyTorch would (``torch.get_num_threads``, ``OMP_NUM_THREADS``).

    Args:
        net: the network.
        half: graphs that compute in bfloat16; ``None`` takes those of :data:`HALF_GRAPHS` where the
            processor can, and none where it cannot.
    """

    name = "openvino"

    def __init__(self, net: GradNet, half: Collection[str] | None = None) -> None:
        self._core = _core()
        if half is None:
            able = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            half = HALF_GRAPHS[net.spec.name] if "BF16" in able else ()
        self._half = half
        self.detail = f"float32, bfloat16 in {', '.join(half)}" if half else "float32"
        super().__init__(net)

    def compile(self, graph: str, model: bytes, count: int) -> Compiled:
        """See :class:`GraphEngine`."""
        read = self._core.read_model(model)
        first = read.inputs[0]
        if first.partial_shape.is_dynamic:
            read.reshape({first: [count, *list(first.partial_shape)[1:]]})
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if graph in self._half else "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "ENABLE_CPU_PINNING": False,  # Other nodes run here too.
        }
        request = self._core.compile_model(read, "CPU", settings).create_infer_request()

        def run(inputs: Sequence[NDArray[np.generic]]) -> list[Array]:
            # A tensor that shares memory does not keep it: a copy must live until the request is done.
            arrays = [np.ascontiguousarray(array) for array in inputs]
            for index, array in enumerate(arrays):
                request.set_input_tensor(index, openvino.Tensor(array, shared_memory=True))
            request.infer()
            return [output.data for output in request.output_tensors]

        return run
