"""Arguments that several sub-commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradnet_ros.tracking.tracker import Tracker


def add_tracker_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--network --device --weights --set``."""
    parser.add_argument("--network", default="lite", help="lite or alexnet (default: %(default)s)")
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda or cuda:N (default: %(default)s, CUDA where there is)",
    )
    parser.add_argument("--weights", type=Path, help="checkpoint file (default: the package's)")
    parser.add_argument(
        "--set",
        dest="overrides",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a tracker setting, such as update_interval=0; may be repeated",
    )


def make_tracker(arguments: argparse.Namespace) -> Tracker:
    """Build the tracker that the arguments of :func:`add_tracker_arguments` describe.

    Raises:
        ValueError: an unknown network, device or setting, or weights that cannot be used.
    """
    from gradnet_ros.tracking.tracker import Tracker

    return Tracker(arguments.network, arguments.device, arguments.weights, dict(arguments.overrides))


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
