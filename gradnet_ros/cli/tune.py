"""``gradnet tune``: search the tracker's settings on one half of the sequences, report on both."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradnet_ros.cli.arguments import add_engine_argument, add_network_arguments, optional_packages

if TYPE_CHECKING:
    from gradnet_ros.evaluation.trackers.gradnet import GradNetSpec
    from gradnet_ros.tracking.config import TrackerConfig
    from gradnet_ros.tracking.tracker import Tracker

HALVES = ("even", "odd", "all")
SEGMENT_FRAMES = 60
"""For help without imports; a test compares them with the library's."""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "tune",
        help="search the tracker's settings on sequences with ground truth",
        description="Search the tracker's settings on one half of the sequences, then report the best, the"
        " checkpoint's own and the gradient update switched off on both halves. Several processes may work on"
        " one search. See docs/tuning.md.",
    )
    parser.add_argument(
        "root", type=Path, metavar="ROOT", help="folder of <name>/clip.mp4 (or img/) and groundtruth_rect.txt"
    )
    parser.add_argument(
        "--space",
        type=Path,
        required=True,
        metavar="FILE",
        help="YAML file of what is searched, such as config/tuning/lite.yaml",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder for the trials and the report"
    )
    add_network_arguments(parser)
    add_engine_argument(parser)
    parser.add_argument(
        "--trials", type=int, default=40, metavar="N", help="trials of the search (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the draws (default: %(default)s)"
    )
    parser.add_argument(
        "--half",
        choices=HALVES,
        default="even",
        help="what to search on: the sequences with an even index by name, an odd one, or all (default:"
        " %(default)s)",
    )
    parser.add_argument(
        "--max-frames",
        type=int,
        default=0,
        metavar="N",
        help="search on the first N frames of each sequence; the report is on all frames (default: all)",
    )
    parser.add_argument(
        "--segments",
        type=int,
        default=0,
        metavar="N",
        help="search on up to N pieces of each sequence, every one with a start of its own, cut as by gradnet"
        " eval; the report is on whole sequences and on such pieces",
    )
    parser.add_argument(
        "--segment-frames",
        type=int,
        default=SEGMENT_FRAMES,
        metavar="M",
        help="frames of a piece (default: %(default)s)",
    )
    parser.add_argument(
        "--cache-mb",
        type=float,
        default=1500.0,
        metavar="MB",
        help="memory for decoded frames, per process (default: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes on this machine for the report (default: this one alone); a search is shared by"
        " --resume",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the search in DIR, or join a running one"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Search and report.

    Raises:
        ValueError: packages that only this command needs are missing, or what the user gave is wrong.
    """
    with optional_packages("tuning", "matplotlib", "optuna", "yaml"):
        from gradnet_ros.evaluation.search.run import TuneConfig, tune
        from gradnet_ros.evaluation.search.scorer import TrackerScorer, in_processes, in_turn
        from gradnet_ros.evaluation.search.space import read_space
    from gradnet_ros.evaluation.sequences import read_folder
    from gradnet_ros.evaluation.workers import Workers
    from gradnet_ros.nn.checkpoint import shipped_weights
    from gradnet_ros.tracking.tracker import Tracker

    config = TuneConfig(
        arguments.trials,
        arguments.seed,
        arguments.half,
        arguments.max_frames,
        arguments.segments,
        arguments.segment_frames,
        arguments.cache_mb,
        arguments.resume,
    )
    space = read_space(arguments.space)
    sequences = read_folder(arguments.root)
    weights = arguments.weights or shipped_weights(arguments.network)
    tracker = Tracker(arguments.network, arguments.device, weights, engine=arguments.engine)
    own = tracker.config
    try:
        tracker.configure(dict(space.fixed))
    except ValueError as error:
        raise ValueError(f"{arguments.space}: fixed: {error}") from error
    score = TrackerScorer(tracker)
    play = in_turn(score)
    if arguments.workers is not None:
        play = in_processes(Workers(arguments.workers), partial(_spec, arguments))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    reported = tune(
        sequences,
        space,
        own,
        score,
        play,
        arguments.output,
        config,
        {"network": tracker.network, "weights": digest},
        {"weights": f"{weights.name} ({tracker.network}), SHA-256 {digest}", **_provenance(tracker)},
        lambda line: print(line, flush=True),
    )
    if not reported:
        print("another process is still at a trial: the one that ends last writes the report")
        return 0
    print()
    print((arguments.output / "table.md").read_text())
    print(f"wrote {arguments.output / 'table.md'}, trials.csv, search.png, best.json and best.yaml")
    return 0


def _spec(arguments: argparse.Namespace, config: TrackerConfig) -> GradNetSpec:
    """How another process makes the tracker with given settings."""
    from gradnet_ros.evaluation.trackers.gradnet import GradNetSpec

    made = (arguments.network, arguments.device, arguments.engine, arguments.weights)
    return GradNetSpec("gradnet", *made, settings=tuple(asdict(config).items()))


def _provenance(tracker: Tracker) -> dict[str, str]:
    """The code, the day and the machine of the figures."""
    import torch

    from gradnet_ros.evaluation.machine import processor
    from gradnet_ros.training.provenance import git_commit

    if tracker.device.type == "cuda":
        machine = torch.cuda.get_device_name(tracker.device)
    else:
        machine = f"{processor()}, threads: {torch.get_num_threads()}"
    return {
        "commit": git_commit() or "not known",
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": f"{machine}, torch {torch.__version__}, engine {tracker.engine}",
    }
