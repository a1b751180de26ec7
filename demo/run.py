#!/usr/bin/env python3
"""Track a target through a short clip with the real node, and show what came of it.

Three processes make a ROS graph of their own: a camera that plays the clip, the tracker node, and this one,
which says what the target is and listens. Exit status 0 means that the run was sound; see account.py.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from files import CAMERA_LOG, LEDGER, RESULTS, STILL, TRACKER_LOG
from processes import ros_environment


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--output", type=Path, default=Path("demo_output"), help="folder for the results")
    parser.add_argument(
        "--network", default="lite", choices=["lite", "alexnet"], help="network of the tracker"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--frames", type=_at_least_two, help="play only so many frames")
    parser.add_argument("--rate", type=_positive, help="frames a second; the clip's own by default")
    parser.add_argument("--clip", type=Path, help="the clip, where it cannot be downloaded")
    parser.add_argument("--still", type=Path, help=f"copy {STILL} to here as well if the run is sound")
    parser.add_argument("--domain", type=int, help="ROS domain; one at random by default")
    return parser.parse_args(arguments)


def _at_least_two(text: str) -> int:
    if not text.isdecimal() or (number := int(text)) < 2:
        raise argparse.ArgumentTypeError("at least 2 frames: one to start on and one to track")
    return number


def _positive(text: str) -> float:
    if not 0 < (number := float(text)) < 1000:
        raise argparse.ArgumentTypeError("a rate between 0 and 1000 Hz")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit status."""
    options = parse(arguments)
    # What ends this process from outside is to end it in order, the other processes included.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    # Before ROS is imported, which reads it once.
    environment = ros_environment(options.domain)
    os.environ.clear()
    os.environ.update(environment)
    try:
        return demonstrate(options)
    except KeyboardInterrupt:
        print("\nInterrupted; every process of the demo has ended.", file=sys.stderr)
        return 130


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def demonstrate(options: argparse.Namespace) -> int:
    """Prepare, play, report; the exit status."""
    from clip import ClipError, get_clip, is_the_clip
    from drive import drive
    from graph import GraphError
    from report import report

    output = options.output.resolve()
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name in (*RESULTS, TRACKER_LOG, CAMERA_LOG, LEDGER):
            (output / name).unlink(missing_ok=True)  # A failed run is not to leave an earlier one's results.
        if options.clip is not None and not is_the_clip(options.clip):
            raise ClipError(f"{options.clip} is not the clip that the labels belong to")
        clip = options.clip.resolve() if options.clip is not None else get_clip()
        return report(drive(clip, output, options), output, options.still)
    except (ClipError, OSError) as error:
        print(f"Failed: {error}", file=sys.stderr)
    except GraphError as error:
        print(f"Failed: {error}", file=sys.stderr)
        if error.culprit is not None:
            print(f"\nThe end of {error.culprit.log}:\n{error.culprit.tail()}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
