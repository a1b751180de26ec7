"""ONNX Runtime on the processor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from gradnet_ros.engines.graph_engine import Array, Compiled, GraphEngine


class OnnxRuntimeEngine(GraphEngine):
    """See :class:`~gradnet_ros.engines.graph_engine.GraphEngine`.

    It runs on as many threads as PyTorch would (``torch.get_num_threads``, ``OMP_NUM_THREADS``).
    """

    name = "onnxruntime"
    detail = "float32"

    def compile(self, graph: str, model: bytes, count: int) -> Compiled:
        """See :class:`GraphEngine`."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # Other nodes run here too.
        options.log_severity_level = 3  # It warns of what it optimises away.
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names = [entry.name for entry in session.get_inputs()]

        def run(inputs: Sequence[NDArray[np.generic]]) -> list[Array]:
            outputs: list[Array] = session.run(None, dict(zip(names, inputs, strict=True)))
            return outputs

        return run
