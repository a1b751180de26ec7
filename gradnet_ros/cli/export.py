"""``gradnet export``: the network as ONNX files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "export",
        help="write the network as ONNX files",
        description="Write the network as ONNX files (template, search, template update) with a description,"
        " and hold them against PyTorch. See docs/export.md.",
    )
    parser.add_argument("output", type=Path, metavar="DIR", help="folder to write; made if it is not there")
    parser.add_argument("--network", default="lite", help="lite or alexnet (default: %(default)s)")
    parser.add_argument("--weights", type=Path, help="checkpoint file (default: the package's)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export, check and list.

    Raises:
        ValueError: a package is missing, weights cannot be used, or a graph differs from PyTorch's.
    """
    from gradnet_ros.nn.checkpoint import load_network, shipped_weights

    try:
        import onnx  # noqa: F401 - PyTorch's exporter needs it

        from gradnet_ros.engines.export import export
    except ModuleNotFoundError as error:
        if error.name not in ("onnx", "onnxruntime"):
            raise
        raise ValueError(f"{error.name} is not installed: pip install onnx onnxruntime") from error

    path = shipped_weights(arguments.network) if arguments.weights is None else arguments.weights
    checkpoint = load_network(path, arguments.network)
    print("graph           kB  largest difference from PyTorch, of an output's largest value")
    for done in export(checkpoint.net, checkpoint.tracker, arguments.output):
        errors = ", ".join(f"{name} {error:.0e}" for name, error in done.errors.items())
        print(f"{done.path.name:18s}{done.path.stat().st_size // 1000:6d}  {errors}")
    print(f"wrote {arguments.output}")
    return 0
