"""``gradnet eval``: AUC and precision over a folder of sequences."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gradnet_ros.cli.arguments import add_tracker_arguments, make_tracker


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "eval",
        help="score the tracker on sequences with ground truth",
        description="One-pass evaluation by the OTB definitions: success AUC over 21 thresholds, precision at"
        " 20 pixels, averaged over sequences; frames without a truth are left out.",
    )
    parser.add_argument(
        "root", type=Path, metavar="ROOT", help="folder of <name>/clip.mp4 (or img/) and groundtruth_rect.txt"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these sequences alone")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write <name>.txt boxes (x,y,w,h) there")
    add_tracker_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and print a table."""
    import numpy as np
    from tqdm import tqdm

    from gradnet_ros.evaluation.runner import evaluate_sequence, mean_scores
    from gradnet_ros.evaluation.sequences import read_folder

    sequences = read_folder(arguments.root)
    if arguments.only:
        unknown = sorted(set(arguments.only) - {sequence.name for sequence in sequences})
        if unknown:
            raise ValueError(f"no sequence {', '.join(unknown)} in {arguments.root}")
        sequences = [sequence for sequence in sequences if sequence.name in arguments.only]
    tracker = make_tracker(arguments)
    results = []
    progress = tqdm(sequences, unit="sequence")
    for sequence in progress:
        progress.set_postfix_str(sequence.name)
        result = evaluate_sequence(tracker, sequence)
        results.append(result)
        progress.write(
            f"{result.name:32s} AUC {result.auc:.3f}  precision {result.precision:.3f}"
            f"  {1e3 * float(np.mean(result.seconds[1:])):6.1f} ms  {result.updates} updates"
        )
        if arguments.output:
            arguments.output.mkdir(parents=True, exist_ok=True)
            np.savetxt(arguments.output / f"{result.name}.txt", result.boxes, "%.3f", ",")
    auc, precision = mean_scores(results)
    print(
        f"{len(results)} sequences: AUC {auc:.4f}, precision {precision:.4f}"
        f" ({tracker.network} on {tracker.device}, update_interval {tracker.config.update_interval})"
    )
    return 0
