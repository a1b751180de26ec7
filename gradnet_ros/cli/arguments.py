"""Arguments that several sub-commands share."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradnet_ros.tracking.tracker import Tracker


_OPTIONAL_PACKAGES = {
    "distributed": "distributed",
    "jinja2": "jinja2",
    "lightning_fabric": "lightning-fabric",
    "matplotlib": "matplotlib",
    "optuna": "optuna",
    "pydantic": "pydantic",
    "tensorboard": "tensorboard",
    "trax": "vot-trax",
    "yaml": "pyyaml",
}
"""Modules that only some commands need -> the packages that bring them."""


@contextmanager
def optional_packages(what: str, *modules: str) -> Iterator[None]:
    """While entered, a missing package of an extra is told as one that can be installed.

    Args:
        what: who needs it, such as ``training``.
        modules: what it needs of them; all are named in the message.

    Raises:
        ValueError: one of them is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in modules:
            raise
        packages = " ".join(_OPTIONAL_PACKAGES[module] for module in modules)
        raise ValueError(f"{what} needs {missing}, which is not installed: pip install {packages}") from error


def add_tracker_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--network --device --weights --engine --set``."""
    add_network_arguments(parser)
    add_engine_argument(parser)
    add_setting_argument(parser, "a tracker setting, such as update_interval=0; may be repeated")


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--network --device --weights``."""
    parser.add_argument("--network", default="lite", help="lite or alexnet (default: %(default)s)")
    add_device_argument(parser)
    parser.add_argument("--weights", type=Path, help="checkpoint file (default: the package's)")


def add_engine_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--engine``."""
    parser.add_argument(
        "--engine",
        default="auto",
        help="what runs the network: auto, torch, cuda-graph, openvino or onnxruntime"
        " (default: %(default)s: OpenVINO on a CPU if it is installed, else PyTorch); openvino and"
        " onnxruntime run on the CPU alone",
    )


def add_device_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda or cuda:N (default: %(default)s, CUDA where there is)",
    )


def add_setting_argument(parser: argparse.ArgumentParser, text: str) -> None:
    """Add ``--set NAME=VALUE``, which collects ``settings``; ``text`` is its help."""
    parser.add_argument(
        "--set",
        dest="settings",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=text,
    )


def make_tracker(arguments: argparse.Namespace) -> Tracker:
    """Build the tracker that the arguments of :func:`add_tracker_arguments` describe.

    Raises:
        ValueError: an unknown network, device, engine or setting, an engine that cannot run here, or weights
            that cannot be used.
    """
    from gradnet_ros.tracking.tracker import Tracker

    settings = dict(arguments.settings)
    return Tracker(arguments.network, arguments.device, arguments.weights, settings, engine=arguments.engine)


def setting(text: str) -> tuple[str, int | float | bool]:
    """Parse ``NAME=VALUE``; the value is true, false, a whole number or a number.

    Raises:
        argparse.ArgumentTypeError: another form.
    """
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if equals and name:
        if value in ("true", "false"):
            return name, value == "true"
        for kind in (int, float):
            try:
                return name, kind(value)
            except ValueError:
                continue
    raise argparse.ArgumentTypeError(f"expected NAME=VALUE with a number, true or false, got {text!r}")


def box(text: str) -> tuple[float, float, float, float]:
    """Parse ``X,Y,W,H``.

    Raises:
        argparse.ArgumentTypeError: not four numbers.
    """
    try:
        x, y, w, h = (float(value) for value in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected X,Y,W,H in pixels, got {text!r}") from error
    return x, y, w, h
