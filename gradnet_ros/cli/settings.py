"""``gradnet settings``: the tracker settings that a checkpoint carries."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from gradnet_ros.cli.arguments import add_setting_argument
from gradnet_ros.text import read_text


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "settings",
        help="show or change the tracker settings in a checkpoint",
        description="Show or change the tracker settings that a checkpoint carries. Its weights, their type"
        " on disk and what it says of its training stay as they are.",
    )
    parser.add_argument("checkpoint", type=Path, metavar="FILE", help="checkpoint (.safetensors)")
    parser.add_argument("--show", action="store_true", help="print the settings, change nothing")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="JSON",
        help="settings from a file of name -> value, such as best.json of gradnet tune",
    )
    add_setting_argument(
        parser, "a tracker setting, such as update_interval=0; may be repeated, wins over --from"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="write this file (default: FILE itself)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show or change.

    Raises:
        ValueError: nothing to do or both, a file that cannot be used, an unknown setting or a value outside
            its bound.
    """
    from gradnet_ros.nn.checkpoint import load_network, save_settings
    from gradnet_ros.tracking.tracker import Tracker
    from gradnet_ros.training.files import write_whole

    changes = {**(_read(arguments.source) if arguments.source else {}), **dict(arguments.settings)}
    if arguments.show == bool(changes):
        raise ValueError("give either --show or settings to change (--set NAME=VALUE, --from JSON)")
    path = arguments.checkpoint
    checkpoint = load_network(path)
    if arguments.show:
        if arguments.output is not None:
            raise ValueError("--show writes nothing: leave -o out")
        _print(checkpoint.tracker)
        return 0
    # The tracker knows what its network can do, beyond the bounds of each setting.
    Tracker(checkpoint.net.spec.name, "cpu", path, changes, engine="torch")
    settings = {**checkpoint.tracker, **changes}
    output = arguments.output or path
    write_whole(output, lambda part: save_settings(path, part, settings))
    _print(settings)
    print(f"wrote {output}")
    return 0


def _print(settings: dict[str, object]) -> None:
    for name, value in settings.items():
        print(f"{name}={json.dumps(value)}")
    print(f"({len(settings)} settings; all others are at the defaults of TrackerConfig)")


def _read(path: Path) -> dict[str, object]:
    try:
        settings = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path}: expected an object of name -> value, got {settings!r}")
    return settings
