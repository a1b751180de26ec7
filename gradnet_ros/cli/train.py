"""``gradnet train``: the stages of a recipe, from a folder of shards."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gradnet_ros.cli.arguments import add_device_argument, optional_packages


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "train",
        help="train a network",
        description="Train a network by a recipe. Several GPUs or machines: torchrun --nproc-per-node N -m"
        " gradnet_ros.cli.main train ... See docs/training.md.",
    )
    parser.add_argument(
        "recipe", type=Path, metavar="RECIPE", help="YAML file, such as config/training/lite.yaml"
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of training shards")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="folder for weights, state and logs")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="changes to the recipe, such as seed=1 or stages.0.steps=50",
    )
    parser.add_argument("--resume", action="store_true", help="go on where a training in OUTPUT stopped")
    add_device_argument(parser)
    parser.add_argument(
        "--validate",
        type=Path,
        metavar="FOLDER",
        help="validate on these sequences (as for gradnet eval), not on held-out samples",
    )
    parser.add_argument(
        "--validate-only", nargs="+", default=[], metavar="NAME", help="these sequences of FOLDER alone"
    )
    parser.add_argument(
        "--validate-frames",
        type=int,
        default=0,
        metavar="N",
        help="the first N frames of each sequence (default: all)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train; the training says itself where the weights are, or how to go on.

    Raises:
        ValueError: the packages of the ``train`` extra are missing, or what the user gave is wrong.
    """
    with optional_packages("training", "lightning_fabric", "pydantic", "tensorboard", "yaml"):
        from gradnet_ros.training.driver import ValidationFolder, make_jobs, train
        from gradnet_ros.training.recipe import read_recipe

    if arguments.validate is None and (arguments.validate_only or arguments.validate_frames):
        raise ValueError("--validate-only and --validate-frames need --validate FOLDER")
    validation = None
    if arguments.validate is not None:
        validation = ValidationFolder(
            arguments.validate, tuple(arguments.validate_only), arguments.validate_frames
        )
    recipe = read_recipe(arguments.recipe, arguments.overrides)
    jobs = make_jobs(recipe, arguments.data, validation)
    result = train(recipe, jobs, arguments.output, arguments.device, arguments.resume)
    return 0 if result else 130
