"""From graphs to ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import signature
from io import BytesIO
from typing import Any

import torch
from torch.onnx import symbolic_helper

from gradnet_ros.engines.graphs import Graph

_TRACING: dict[str, Any] = {"dynamo": False} if "dynamo" in signature(torch.onnx.export).parameters else {}
"""Asks for the tracing exporter where PyTorch has another one too."""

OPSET = 17
"""Version of the ONNX operators: the first with all that is needed; read by ONNX Runtime 1.12 and newer."""


def to_onnx(graph: Graph) -> bytes:
    """The graph as an ONNX model, float32.

    The exporter is the tracing one: it is in every PyTorch from 2.0 on; it needs the package ``onnx``.
    """
    for name, symbolic in _SYMBOLICS.items():
        torch.onnx.register_custom_op_symbolic(f"aten::{name}", symbolic, OPSET)  # type: ignore[attr-defined]
    buffer = BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter warns of its age and of shapes that become constants: they are meant to.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.eval(),
            graph.example(),
            buffer,  # type: ignore[arg-type]  # typed for the newer exporter, which takes paths only
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes={name: {axis: length} for name, (axis, length) in graph.free.items()},
            opset_version=OPSET,
            **_TRACING,
        )
    return buffer.getvalue()


def _constant(g: Any, value: float) -> Any:
    return g.op("Constant", value_t=torch.tensor(value, dtype=torch.float32))


def _threshold_backward(g: Any, gradient: Any, output: Any, threshold: Any) -> Any:
    bound = symbolic_helper._parse_arg(threshold, "f")
    inside = g.op("Greater", output, _constant(g, bound))
    return g.op("Where", inside, gradient, _constant(g, 0.0))


def _hardtanh_backward(g: Any, gradient: Any, output: Any, low: Any, high: Any) -> Any:
    bounds = [symbolic_helper._parse_arg(bound, "f") for bound in (low, high)]
    above = g.op("Greater", output, _constant(g, bounds[0]))
    inside = g.op("And", above, g.op("Less", output, _constant(g, bounds[1])))
    return g.op("Where", inside, gradient, _constant(g, 0.0))


_SYMBOLICS: dict[str, Callable[..., Any]] = {
    "threshold_backward": _threshold_backward,
    "hardtanh_backward": _hardtanh_backward,
}
"""PyTorch's kernels for the way back through an activation, which its exporter does not know."""
