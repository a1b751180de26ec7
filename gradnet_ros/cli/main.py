"""Entry point of ``gradnet``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from gradnet_ros import __version__
from gradnet_ros.cli import ablate as ablate_command
from gradnet_ros.cli import agree as agree_command
from gradnet_ros.cli import average as average_command
from gradnet_ros.cli import bag as bag_command
from gradnet_ros.cli import bench as bench_command
from gradnet_ros.cli import eval as eval_command
from gradnet_ros.cli import export as export_command
from gradnet_ros.cli import prepare as prepare_command
from gradnet_ros.cli import settings as settings_command
from gradnet_ros.cli import track as track_command
from gradnet_ros.cli import train as train_command
from gradnet_ros.cli import tune as tune_command
from gradnet_ros.cli import vot as vot_command

_COMMANDS = (
    track_command,
    eval_command,
    vot_command,
    bag_command,
    bench_command,
    agree_command,
    export_command,
    prepare_command,
    train_command,
    tune_command,
    settings_command,
    average_command,
    ablate_command,
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all sub-commands; torch is imported only once one of them runs."""
    parser = argparse.ArgumentParser(
        prog="gradnet", description="Track one target in video with a gradient-guided Siamese network."
    )
    parser.add_argument("--version", action="version", version=f"gradnet_ros {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``gradnet`` and return its exit status.

    Args:
        argv: arguments after the program's name; ``None`` takes the process's own.
    """
    arguments = build_parser().parse_args(_join_boxes(sys.argv[1:] if argv is None else argv))
    try:
        status: int = arguments.run(arguments)
    except (ValueError, OSError) as error:
        # What the user gave is wrong: say so in one line. Anything else is our fault and shows its traceback.
        print(f"gradnet {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"gradnet {arguments.command}: interrupted", file=sys.stderr)
        return 130
    return status


def _join_boxes(argv: Sequence[str]) -> list[str]:
    """``--init -5,3,9,9`` as ``--init=-5,3,9,9``: a value that begins with a minus looks like an option."""
    joined: list[str] = []
    for text in argv:
        if joined and joined[-1] in ("--init", "--box") and re.match(r"-[\d.]", text):
            joined[-1] += f"={text}"
        else:
            joined.append(text)
    return joined


if __name__ == "__main__":
    sys.exit(main())
