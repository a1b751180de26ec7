"""``gradnet bench``: how long a frame takes, where the time goes, and what the machine would allow."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from gradnet_ros.cli.arguments import add_device_argument, add_setting_argument, box

FEWEST_FRAMES = 20
"""Below, a 95th percentile says nothing."""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "bench",
        help="measure the speed of the tracker on this machine",
        description="Measure the tracker: whole frames and their stages, with decoding, for many targets, and"
        " with --node through the ROS node; against the floor that this machine's measured ceilings set,"
        " eager PyTorch and CSRT. Nothing else should run meanwhile.",
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        choices=("lite", "alexnet"),
        default=["lite", "alexnet"],
        help="(default: both)",
    )
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=image_size,
        default=[(640, 480), (1280, 720), (1920, 1080)],
        metavar="WxH",
        help="sizes of the images, pixels (default: 640x480 1280x720 1920x1080)",
    )
    parser.add_argument(
        "--frames",
        type=int,
        default=200,
        metavar="N",
        help="frames in each measurement (default: %(default)s)",
    )
    parser.add_argument(
        "--targets",
        nargs="*",
        type=int,
        default=[1, 4, 16],
        metavar="N",
        help="targets in one pass, measured on the first size (default: 1 4 16)",
    )
    parser.add_argument("--clip", metavar="SOURCE", help="video file or folder (default: generated frames)")
    parser.add_argument(
        "--box", type=box, metavar="X,Y,W,H", help="the target in the clip's first frame, pixels"
    )
    parser.add_argument("--node", action="store_true", help="measure through the ROS node too")
    parser.add_argument(
        "--node-seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="time for each of the node's measurements",
    )
    parser.add_argument("--engine", default="auto", help="what runs the network (default: %(default)s)")
    add_device_argument(parser)
    add_setting_argument(parser, "a tracker setting, such as update_interval=1; may be repeated")
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write all figures there")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the table, write the JSON."""
    from tqdm import tqdm

    from gradnet_ros.bench.run import Plan, run_plan
    from gradnet_ros.bench.table import format_report

    check(arguments)
    plan = Plan(
        tuple(arguments.networks),
        tuple(arguments.sizes),
        arguments.frames,
        tuple(arguments.targets),
        arguments.device,
        arguments.engine,
        dict(arguments.settings),
        Path(arguments.clip) if arguments.clip else None,
        arguments.box,
        arguments.node,
        arguments.node_seconds,
    )
    with tqdm(bar_format="{desc} [{elapsed}]") as progress:
        report = run_plan(plan, progress.set_description_str)
    print(format_report(report))
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
        print(f"wrote {arguments.output}")
    return 0


def check(arguments: argparse.Namespace) -> None:
    """Check what the parser cannot.

    Raises:
        ValueError: a number outside its bound, or a clip without a box; named.
    """
    if arguments.frames < FEWEST_FRAMES:
        raise ValueError(f"--frames must be at least {FEWEST_FRAMES}, got {arguments.frames}")
    if any(not 1 <= count <= 256 for count in arguments.targets):
        raise ValueError(f"--targets must be in [1, 256], got {' '.join(map(str, arguments.targets))}")
    if not 1.0 <= arguments.node_seconds <= 3600.0:
        raise ValueError(f"--node-seconds must be in [1, 3600], got {arguments.node_seconds:g}")
    if (arguments.clip is None) != (arguments.box is None):
        raise ValueError("--clip and --box go together")


def image_size(text: str) -> tuple[int, int]:
    """Parse ``WxH``.

    Raises:
        argparse.ArgumentTypeError: another form, or a side outside [64, 8192] pixels.
    """
    try:
        width, height = (int(part) for part in text.split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected WxH in pixels, got {text!r}") from error
    if not (64 <= width <= 8192 and 64 <= height <= 8192):
        raise argparse.ArgumentTypeError(f"sides must be in [64, 8192] pixels, got {text!r}")
    return width, height
