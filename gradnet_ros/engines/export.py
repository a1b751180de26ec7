"""Writes a network as ONNX files, with what a program without PyTorch has to know beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from gradnet_ros.engines.graphs import BATCH, Graph, make_graphs
from gradnet_ros.engines.onnx_export import to_onnx
from gradnet_ros.nn import box_fit, template_fit
from gradnet_ros.nn.box_fit import BATCHES
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.rehearsal import VIEWS

FORMAT = "gradnet_ros-onnx/7"
"""Value of ``format`` in ``network.json``."""

TOLERANCE = 1e-3
"""Furthest that an output may be from PyTorch's, as a share of its largest value; rounding leaves 1e-5."""

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Exported:
    """A graph that was written and checked.

    Attributes:
        path: the file.
        errors: output -> largest difference from PyTorch, relative to the output's largest value.
    """

    path: Path
    errors: dict[str, float]


def export(net: GradNet, settings: Mapping[str, object], folder: Path) -> list[Exported]:
    """Write all graphs of a network and ``network.json``, and hold ONNX Runtime against PyTorch.

    Args:
        net: the network, on the CPU.
        settings: tracker settings that go with it.
        folder: is made if it is not there; files of the same names are replaced.

    Raises:
        ValueError: a network whose U1 is not shared, or an output that differs from PyTorch's.
    """
    graphs = make_graphs(net.requires_grad_(False).eval())
    folder.mkdir(parents=True, exist_ok=True)
    known = _picture(net)
    done = []
    for name, graph in graphs.items():
        path = folder / f"{name}.onnx"
        path.write_bytes(to_onnx(graph))
        done.append(Exported(path, _check(graph, path, known)))
    description = {
        "format": FORMAT,
        "spec": asdict(net.spec),
        "adjust": [float(net.adjust_scale), float(net.adjust_bias)],
        "boxes": net.box is not None,
        "views": VIEWS,
        "template_fit": {"rate": template_fit.RATE, "floor": template_fit.FLOOR},
        "box_fit": {"batches": BATCHES, "rate": box_fit.STEP, "floor": box_fit.FLOOR},
        "tracker": asdict(TrackerConfig().with_overrides(settings)),
        "graphs": {
            name: {"inputs": graph.inputs, "outputs": graph.outputs} for name, graph in graphs.items()
        },
    }
    (folder / "network.json").write_text(json.dumps(description, indent=2) + "\n")
    return done


def _picture(net: GradNet) -> Arrays:
    """Inputs that come from a picture rather than from another graph: smooth noise."""
    spec, generator = net.spec, torch.Generator().manual_seed(0)

    def crops(count: int, side: int) -> NDArray[np.generic]:
        coarse = torch.rand((count, 3, side // 8, side // 8), generator=generator) * 255
        fine = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 255)
        return fine.permute(0, 2, 3, 1).contiguous().to(torch.uint8).numpy()

    return {
        "crop": crops(1, spec.exemplar_size),
        "size": np.array([[0.4, 0.3]], np.float32) * spec.exemplar_size,
        "crops": crops(1, spec.search_size),
        "cuts": crops(2, spec.exemplar_size),
        "views": crops(BATCH, spec.search_size),
        "view_offsets": np.array([view[1:] for view in VIEWS[::BATCHES]], np.float32),
        "view_sizes": np.full((BATCH, 2), 0.2 * spec.search_size, np.float32),
        "offset": np.array([[spec.stride, 0.0]], np.float32),
        "rate": np.array([0.6], np.float32),
    }


def _check(graph: Graph, path: Path, known: Arrays) -> dict[str, float]:
    """Run a graph both ways on what the graphs before it made of the picture; add what it makes."""
    inputs = {name: known[name] for name in graph.inputs}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(list(graph.outputs), inputs)
    with torch.no_grad():
        expected = graph(*(torch.from_numpy(array) for array in inputs.values()))
    expected = (expected,) if isinstance(expected, torch.Tensor) else expected
    errors = {}
    for name, mine, its in zip(graph.outputs, found, expected, strict=True):
        reference = its.numpy()
        errors[name] = float(np.abs(mine - reference).max() / max(np.abs(reference).max(), 1e-12))
        if not errors[name] <= TOLERANCE:
            raise ValueError(
                f"{path}: {name} differs from PyTorch's by {errors[name]:.1e} of its largest value"
            )
        known[name] = reference
    # The next graphs call the same things by the names of their own inputs.
    for name, source in (("kernel", "beta"), ("start", "f2"), ("hidden", "f2"), ("others", "gradient")):
        if source in known:
            known[name] = known[source]
    return errors
