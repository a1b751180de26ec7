"""``gradnet ablate``: what the gradient-guided update adds, and what of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gradnet_ros.cli.arguments import add_device_argument, add_setting_argument, optional_packages

PLAIN_STEPS = (1, 4, 16, 64)
VARIANTS = ("fixed", "unmoved", "plain", "no-generalization", "full", "unshared")
HALVES = ("even", "odd", "all")
"""For help without imports; a test compares them with the library's."""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "ablate",
        help="train and measure variants of the gradient-guided update",
        description="Train variants of the gradient-guided update on one search trunk, track the sequences"
        " with each under the same settings, and compare. The same command goes on where it was stopped; what"
        " is in DIR already is used again. See docs/ablation.md.",
    )
    parser.add_argument(
        "recipe",
        type=Path,
        metavar="RECIPE",
        help="YAML file, such as config/training/lite.yaml; its last stage is the update",
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of training shards")
    parser.add_argument(
        "root", type=Path, metavar="ROOT", help="folder of <name>/clip.mp4 (or img/) and groundtruth_rect.txt"
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="changes to the recipe, such as stages.0.steps=50; they come before the options",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for networks, figures and the report",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[0, 1, 2],
        metavar="N",
        help="seeds of the trained variants (default: 0 1 2)",
    )
    parser.add_argument(
        "--base",
        type=Path,
        metavar="FILE",
        help="checkpoint whose search trunk is used (default: one trained by the recipe's other stages)",
    )
    parser.add_argument(
        "--update-steps", type=int, metavar="N", help="steps of the update stage (default: the recipe's)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        choices=VARIANTS,
        metavar="VARIANT",
        help=f"these alone, and fixed: {', '.join(VARIANTS)} (default: all)",
    )
    parser.add_argument(
        "--plain-steps",
        type=int,
        nargs="+",
        default=list(PLAIN_STEPS),
        metavar="N",
        help="rows of plain: gradient steps an update, each at least 1 (default:"
        f" {' '.join(map(str, PLAIN_STEPS))})",
    )
    parser.add_argument(
        "--half",
        choices=HALVES,
        default="all",
        help="what to measure on: the sequences with an even index by name, an odd one, or all (default:"
        " %(default)s)",
    )
    parser.add_argument(
        "--frames",
        type=int,
        default=0,
        metavar="N",
        help="the first N frames of each sequence (default: all)",
    )
    add_setting_argument(parser, "a tracker setting for every variant; may be repeated")
    add_device_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, measure, report.

    Raises:
        ValueError: packages that only training and plots need are missing, or what the user gave is wrong.
    """
    with optional_packages(
        "an ablation", "lightning_fabric", "matplotlib", "pydantic", "tensorboard", "yaml"
    ):
        from gradnet_ros.evaluation.ablation.plot import plot_ablation
        from gradnet_ros.evaluation.ablation.report import results_json, tables
        from gradnet_ros.evaluation.ablation.run import AblationConfig, ablate
        from gradnet_ros.evaluation.ablation.runs import Evaluations
        from gradnet_ros.evaluation.ablation.training import Trainings, TrainingStopped, with_update_steps
        from gradnet_ros.training.recipe import read_recipe
    import torch

    from gradnet_ros.evaluation.ablation.variants import chosen
    from gradnet_ros.evaluation.sequences import read_folder
    from gradnet_ros.tracking.device import select_device
    from gradnet_ros.training.provenance import provenance

    config = AblationConfig(
        chosen(arguments.only),
        tuple(arguments.seeds),
        arguments.half,
        arguments.frames,
        tuple(arguments.plain_steps),
    )
    recipe = read_recipe(arguments.recipe, arguments.overrides)
    if arguments.update_steps is not None:
        recipe = with_update_steps(recipe, arguments.update_steps)
    sequences = read_folder(arguments.root)
    output: Path = arguments.output
    trainings = Trainings(output / "trainings", recipe, arguments.data, arguments.base, arguments.device)
    evaluations = Evaluations(output / "evaluations", arguments.device, lambda line: print(line, flush=True))
    try:
        ablation = ablate(trainings, evaluations, sequences, recipe, config, dict(arguments.settings))
    except TrainingStopped as stopped:
        print(f"gradnet ablate: {stopped}")
        return 130
    made = provenance(select_device(arguments.device), 1)
    facts = {
        **{name: made[name] for name in ("commit", "torch", "device")},
        "threads": torch.get_num_threads(),
        "network": recipe.network,
        "update steps": recipe.stages[-1].steps,
        "frames": config.frames or "all",
    }
    text = tables(ablation, facts)
    (output / "results.json").write_text(results_json(ablation, facts), encoding="utf-8")
    (output / "ablation.md").write_text(text, encoding="utf-8")
    plot_ablation(output / "ablation.png", ablation)
    print(f"\n{text}\nwrote results.json, ablation.md and ablation.png in {output}")
    return 0
