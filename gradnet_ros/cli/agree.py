"""``gradnet agree``: how far engines' boxes lie from PyTorch's."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from gradnet_ros.cli.arguments import add_network_arguments, add_setting_argument


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "agree",
        help="hold engines' boxes against eager PyTorch's",
        description="Track the first frames of sequences with several engines and report how far their boxes"
        " lie from those of the engine torch: the mean of |x|, |y|, |w|, |h| in pixels. See"
        " docs/performance.md.",
    )
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder of sequences, as for gradnet eval")
    parser.add_argument(
        "--engines", nargs="+", default=["auto"], metavar="ENGINE", help="to compare (default: auto)"
    )
    parser.add_argument("--frames", type=int, default=100, help="of each sequence (default: %(default)s)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these sequences alone")
    parser.add_argument("--output", type=Path, metavar="FILE", help="all figures as JSON")
    add_network_arguments(parser)
    add_setting_argument(parser, "a tracker setting, such as update_interval=0; may be repeated")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print a line an engine.

    Raises:
        ValueError: an engine, a sequence or a setting that cannot be used.
    """
    from gradnet_ros.evaluation.agreement import compare_engines
    from gradnet_ros.evaluation.sequences import read_folder
    from gradnet_ros.tracking.tracker import Tracker

    if arguments.frames < 2:
        raise ValueError(f"--frames must be at least 2, got {arguments.frames}")
    sequences = read_folder(arguments.root)
    if arguments.only:
        unknown = sorted(set(arguments.only) - {each.name for each in sequences})
        if unknown:
            raise ValueError(f"--only: no sequence {', '.join(unknown)} in {arguments.root}")
        sequences = [each for each in sequences if each.name in arguments.only]

    def make(engine: str) -> Tracker:
        settings = dict(arguments.settings)
        return Tracker(arguments.network, arguments.device, arguments.weights, settings, engine=engine)

    reference, others = make("torch"), [make(engine) for engine in arguments.engines]
    found = compare_engines(reference, others, sequences, arguments.frames)
    print(
        f"{arguments.network}, first {arguments.frames} frames of {len(sequences)} sequences, against torch"
    )
    for agreement in found:
        print(agreement)
    if arguments.output is not None:
        figures = {
            each.engine: {"mean": each.mean, "median": each.median, "sequences": each.distances}
            for each in found
        }
        arguments.output.write_text(json.dumps(figures, indent=1) + "\n")
    return 0
