"""``gradnet vot``: the tracker for the VOT toolkit."""

from __future__ import annotations

import argparse
from typing import Any

from gradnet_ros.cli.arguments import add_tracker_arguments, make_tracker, optional_packages


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "vot",
        help="be a tracker of the VOT toolkit (TraX)",
        description="Speak the TraX protocol on standard input and output: the VOT toolkit starts this"
        " itself. See docs/evaluation.md and config/vot/trackers.ini.",
    )
    add_tracker_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Track whatever the client asks for.

    Raises:
        ValueError: a package is missing, a tracker that cannot be made, or see
            :func:`gradnet_ros.evaluation.vot.serve`.
    """
    with optional_packages("gradnet vot", "trax"):
        from gradnet_ros.evaluation.vot import serve
    from gradnet_ros.evaluation.trackers.gradnet import GradNetTracker

    serve(GradNetTracker(make_tracker(arguments)), "gradnet")
    return 0
