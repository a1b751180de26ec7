"""Choosing what runs the network."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch

from gradnet_ros.engines.protocol import Engine
from gradnet_ros.engines.torch_engine import StartTemplate, TorchEngine
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.tracking.device import select_device


def _openvino(net: GradNet, device: torch.device) -> Engine:
    _check_cpu_engine("openvino", device)
    from gradnet_ros.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(net)


def _onnxruntime(net: GradNet, device: torch.device) -> Engine:
    _check_cpu_engine("onnxruntime", device)
    from gradnet_ros.engines.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(net)


def _cuda_graph(net: GradNet, device: torch.device) -> Engine:
    if device.type != "cuda":
        raise ValueError(f"engine cuda-graph runs on a CUDA device, but the device is {device}")
    from gradnet_ros.engines.cuda_graph_engine import CudaGraphEngine

    return CudaGraphEngine(net, device)


_NEEDS = {"openvino": ("openvino", "onnx"), "onnxruntime": ("onnxruntime", "onnx")}
"""The engines that run on the processor alone, and what they import beyond PyTorch: the extra ``engines``."""

_MAKERS: dict[str, Callable[[GradNet, torch.device], Engine]] = {
    "torch": TorchEngine,
    "cuda-graph": _cuda_graph,
    "openvino": _openvino,
    "onnxruntime": _onnxruntime,
}
ENGINES = ("auto", *_MAKERS)
"""Names that :func:`make_engine` knows."""


def make_engine(
    net: GradNet, device: str = "auto", engine: str = "auto", start_template: StartTemplate | None = None
) -> Engine:
    """Make the engine for a network.

    Args:
        net: the network; the engine takes it over.
        device: see :func:`~gradnet_ros.tracking.device.select_device`; ``auto`` is the CPU for an engine that
            runs nowhere else.
        engine: a name of :data:`ENGINES`; ``auto`` takes the fastest that can run here.
        start_template: an adaptive template other than the paper's; ``torch`` alone runs it.

    Raises:
        ValueError: an unknown name, a device that is not there, or an engine that cannot run on the device,
            that is not installed or that does not go with the network or with ``start_template``.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    place = select_device("cpu" if device == "auto" and engine in _NEEDS else device)
    if start_template is not None:
        if engine not in ("auto", "torch"):
            raise ValueError(f"engine must be torch (or auto) with a template of one's own, got {engine!r}")
        return TorchEngine(net, place, start_template)
    return _MAKERS[_fastest(net, place) if engine == "auto" else engine](net, place)


def _fastest(net: GradNet, device: torch.device) -> str:
    if device.type == "cpu" and net.updated_head is None and not _missing("openvino"):
        return "openvino"
    return "torch"


def _missing(name: str) -> list[str]:
    return [package for package in _NEEDS[name] if find_spec(package) is None]


def _check_cpu_engine(name: str, device: torch.device) -> None:
    if device.type != "cpu":
        raise ValueError(f"engine {name} runs on the CPU, but the device is {device}")
    missing = " ".join(_missing(name))
    if missing:
        raise ValueError(f"engine {name} needs {missing}, not installed here: pip install {missing}")
