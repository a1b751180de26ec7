"""``gradnet average``: one checkpoint out of several, tensor by tensor."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "average",
        help="average the weights of checkpoints",
        description="Average checkpoints of one network, each trained on from the first or from the same"
        " start. The average often does better on pictures that differ from those of the"
        " training (Wortsman et al., CVPR 2022). Tracker settings are those of the first;"
        " weights are written in float32.",
    )
    parser.add_argument(
        "checkpoints", type=Path, nargs="+", metavar="FILE", help="checkpoints (.safetensors)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="file to write")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Average.

    Raises:
        ValueError: fewer than two files, one that cannot be used, or files of different networks.
    """
    from gradnet_ros.nn.checkpoint import average_networks, load_network, save_network
    from gradnet_ros.training.files import write_whole

    paths = arguments.checkpoints
    if len(paths) < 2:
        raise ValueError(f"FILE: give at least two checkpoints, got {len(paths)}")
    checkpoints = [load_network(path) for path in paths]
    average = average_networks(checkpoints)
    write_whole(
        arguments.output,
        lambda part: save_network(part, average.net, average.tracker, average.training),
    )
    print(f"wrote {arguments.output}")
    return 0
