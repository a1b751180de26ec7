"""``gradnet prepare``: a data set, cut into training shards."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

FORMATS = ("got10k", "lasot", "vid", "coco", "otb")
"""Names of the layouts, for help without imports; a test compares them with the readers."""
SHEET = "sheet.png"


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "prepare",
        help="cut a data set into training shards",
        description="Cut the crops that training needs out of a data set, once. Test sequences of GOT-10k,"
        " LaSOT and OTB-2015 are never taken. See docs/data.md for the layouts.",
    )
    parser.add_argument("data", type=Path, metavar="SOURCE", help="folder of the data set")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="folder for the shards")
    parser.add_argument("--format", choices=FORMATS, required=True, help="layout of SOURCE")
    parser.add_argument("--source-name", metavar="NAME", help="name in the index (default: the data set's)")
    parser.add_argument(
        "--licence",
        default="not stated",
        metavar="TEXT",
        help="of the pictures, for the index (default: %(default)s)",
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument(
        "--append", dest="mode", action="store_const", const="append", help="add to the shards in OUTPUT"
    )
    existing.add_argument(
        "--overwrite",
        dest="mode",
        action="store_const",
        const="overwrite",
        help="replace the shards in OUTPUT",
    )
    parser.add_argument(
        "--include", type=Path, metavar="FILE", help="only the sequences named there, a line each"
    )
    parser.add_argument("--exclude", type=Path, metavar="FILE", help="without the sequences named there")
    parser.add_argument(
        "--origin",
        type=int,
        choices=(0, 1),
        help="coordinate of the first pixel in the annotations (default: the data set's; 1 for otb)",
    )
    numbers: tuple[tuple[str, type, str, Any, str], ...] = (
        ("--frames-per-track", int, "N", 20, "crops of a track, spread evenly over it"),
        ("--max-tracks", int, "N", None, "tracks, drawn at random"),
        ("--scenes", int, "N", 1000, "whole pictures, drawn at random"),
        ("--min-side", float, "PIXELS", 10.0, "leave smaller boxes out"),
        ("--quality", int, "N", 85, "of the WebP files, 1 to 100"),
        ("--shard-size", float, "MB", 28.0, "size of a shard"),
        ("--workers", int, "N", _processors(), "processes"),
        ("--seed", int, "N", 0, "of what is drawn"),
    )
    for name, kind, metavar, default, text in numbers:
        shown = "all" if default is None else "%(default)s"
        parser.add_argument(
            name, type=kind, metavar=metavar, default=default, help=f"{text} (default: {shown})"
        )
    parser.add_argument(
        "--show", type=int, metavar="N", help=f"write OUTPUT/{SHEET} with N of the crops and their boxes"
    )
    parser.set_defaults(run=run, mode="new")


def _processors() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(arguments: argparse.Namespace) -> int:
    """Prepare and say what came of it."""
    from gradnet_ros.training.prepare.run import PrepareConfig, left_out, prepare
    from gradnet_ros.training.prepare.shards import Mode
    from gradnet_ros.training.prepare.sheet import write_sheet
    from gradnet_ros.training.readers.formats import FORMATS
    from gradnet_ros.training.readers.selection import select
    from gradnet_ros.training.shards import open_shards

    if arguments.show is not None and arguments.show < 1:
        raise ValueError(f"--show must be at least 1, got {arguments.show}")
    layout = FORMATS[arguments.format]
    name = arguments.source_name or layout.title or arguments.data.resolve().name
    config = PrepareConfig(
        name,
        arguments.licence,
        arguments.frames_per_track,
        arguments.max_tracks,
        arguments.scenes,
        arguments.min_side,
        arguments.quality,
        arguments.shard_size,
        arguments.seed,
        arguments.workers,
    )
    origin = layout.origin if arguments.origin is None else arguments.origin
    source = select(layout.read(arguments.data, origin), arguments.include, arguments.exclude)
    for note in source.notes:
        print(note)
    report = prepare(source, arguments.output, config, Mode(arguments.mode))
    print(
        f"{name}: {report.tracks} tracks, {report.crops} crops, {report.scenes} scenes,"
        f" {report.megabytes:.1f} MB in {arguments.output}"
    )
    for line in left_out(report):
        print(f"left out: {line}")
    if arguments.show is not None:
        tracks = open_shards(arguments.output).by_source()[name]
        write_sheet(arguments.output / SHEET, tracks, arguments.show, arguments.seed)
        print(f"wrote {arguments.output / SHEET}")
    return 0
