"""OpenVINO on the processor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import openvino
import torch
from numpy.typing import NDArray

from gradnet_ros.engines.graph_engine import Array, Compiled, GraphEngine
from gradnet_ros.engines.winograd import with_fewer_products
from gradnet_ros.nn.gradnet import GradNet


@cache
def _core() -> openvino.Core:
    """One for the process, never given up: plugins that are unloaded and loaded again crash now and then."""
    return openvino.Core()


class OpenVinoEngine(GraphEngine):
    """See :class:`~gradnet_ros.engines.graph_engine.GraphEngine`.

    It runs on as many threads as PyTorch would (``torch.get_num_threads``, ``OMP_NUM_THREADS``).

    All of it is float32, also where the processor has bfloat16: that has too few digits for the cosines of
    two sizes, and for cells that answer nearly alike. The trunk searches with fewer products than it is
    written with, see :func:`~gradnet_ros.engines.winograd.with_fewer_products`.

    Args:
        net: the network.
    """

    name = "openvino"
    detail = "float32"

    def __init__(self, net: GradNet) -> None:
        self._core = _core()
        super().__init__(net)

    def search_form(self, net: GradNet) -> GradNet:
        """See :class:`GraphEngine`."""
        return with_fewer_products(net)

    def compile(self, graph: str, model: bytes, count: int) -> Compiled:
        """See :class:`GraphEngine`."""
        read = self._core.read_model(model)
        first = read.inputs[0]
        if first.partial_shape.is_dynamic:
            read.reshape({first: [count, *list(first.partial_shape)[1:]]})
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
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
