"""``gradnet eval``: trackers over a benchmark on disk."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as SequenceOf
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradnet_ros.cli.arguments import add_tracker_arguments, optional_packages

if TYPE_CHECKING:
    from gradnet_ros.evaluation.jobs import Backend
    from gradnet_ros.evaluation.results import Evaluation, SequenceResult
    from gradnet_ros.evaluation.scores import TrackerScores
    from gradnet_ros.evaluation.sequences import Sequence

FORMATS = ("folder", "otb", "got10k", "lasot", "uav123")
"""For help without imports; a test compares them with the library's."""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "eval",
        help="score trackers on a benchmark",
        description="One-pass evaluation: every tracker is started on the first frame's truth of every"
        " sequence and followed to the end. With several trackers, the first is compared with the others."
        " See docs/evaluation.md for layouts and scores.",
    )
    parser.add_argument("root", type=Path, metavar="ROOT", help="the benchmark's folder")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="folder",
        help="the benchmark's layout; folder is <name>/clip.mp4 (or img/) and <name>/groundtruth_rect.txt"
        " (default: %(default)s)",
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these sequences alone")
    parser.add_argument(
        "--segments",
        type=int,
        metavar="N",
        help="instead of whole sequences up to N pieces of each, every one with a start of its own",
    )
    parser.add_argument("--segment-frames", type=int, metavar="M", help="frames of a piece (default: 60)")
    parser.add_argument(
        "--trackers",
        default="gradnet",
        metavar="NAME,...",
        help="what to evaluate, side by side; --network, --weights and --set are those of gradnet"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="raw results, summary.json and report go there; an interrupted evaluation goes on from there",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="run nothing: score the raw results of --trackers in DIR (<toolkit's folder>/<tracker>)",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="processes on this machine (default: 1)")
    where.add_argument("--cluster", metavar="ADDRESS", help="scheduler of a Dask cluster, such as tcp://...")
    add_tracker_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, write what was asked for and print a table.

    Raises:
        OSError: what runs the trackers broke down.
        ValueError: packages that only this needs are missing, or what the user gave is wrong.
    """
    from gradnet_ros.evaluation.benchmarks.formats import FORMATS as readers
    from gradnet_ros.evaluation.differences import auc_differences
    from gradnet_ros.evaluation.protocols import PROTOCOLS
    from gradnet_ros.evaluation.raw.files import read_evaluation
    from gradnet_ros.evaluation.scores import score_evaluation
    from gradnet_ros.evaluation.table import table

    output: Path | None = arguments.output
    if output is not None:
        _need_report()  # before hours of tracking, not after them
    sequences = _cut(
        _select(readers[arguments.format](arguments.root), arguments.only, arguments.root), arguments
    )
    if arguments.results is not None:
        trackers = [name.strip() for name in arguments.trackers.split(",")]
        evaluation = read_evaluation(arguments.results, arguments.format, trackers, sequences)
    else:
        evaluation = _run_trackers(arguments, sequences)
    scores = score_evaluation(evaluation)
    if output is not None:
        _write(evaluation, scores, output, arguments)
    count = f"{len({each.whole_name for each in sequences})} sequences"
    what = count if arguments.segments is None else f"{len(sequences)} segments of {count}"
    print(f"{what}, {sum(len(each.truth) for each in sequences)} frames")
    print(table(scores, PROTOCOLS[arguments.format]))
    for difference in auc_differences(evaluation, scores):
        print(difference)
    return 0


def _select(sequences: list[Sequence], only: list[str], root: Path) -> list[Sequence]:
    unknown = sorted(set(only) - {sequence.name for sequence in sequences})
    if unknown:
        raise ValueError(f"no sequence {', '.join(unknown)} in {root}")
    return [sequence for sequence in sequences if not only or sequence.name in only]


def _cut(sequences: list[Sequence], arguments: argparse.Namespace) -> SequenceOf[Sequence]:
    """The sequences, or pieces of them, as the user wants it."""
    from gradnet_ros.evaluation.segments import FRAMES, cut_segments

    frames = arguments.segment_frames
    if arguments.segments is None:
        if frames is not None:
            raise ValueError("--segment-frames is the length of --segments, which are not asked for")
        return sequences
    segments = cut_segments(sequences, arguments.segments, FRAMES if frames is None else frames)
    if not segments:
        raise ValueError("no sequence has two frames in a row with a box in the first of them")
    return segments


def _run_trackers(arguments: argparse.Namespace, sequences: SequenceOf[Sequence]) -> Evaluation:
    from tqdm import tqdm

    from gradnet_ros.evaluation.evaluate import evaluate
    from gradnet_ros.evaluation.protocols import PROTOCOLS
    from gradnet_ros.evaluation.scores import score_sequence
    from gradnet_ros.evaluation.store import Store
    from gradnet_ros.evaluation.trackers.specs import parse_trackers

    specs = parse_trackers(arguments.trackers, arguments)
    width = max(len(spec.name) for spec in specs)
    protocol = PROTOCOLS[arguments.format]
    with ExitStack() as stack:
        store = None
        if arguments.output is not None:
            store = stack.enter_context(Store(arguments.output, arguments.format))
        backend = stack.enter_context(_backend(arguments))
        progress = stack.enter_context(tqdm(total=len(sequences) * len(specs), unit="sequence"))

        def say(result: SequenceResult, sequence: Sequence, known: bool) -> None:
            found = score_sequence(result, sequence, protocol).scores
            progress.write(
                f"{result.sequence:32s} {result.tracker:{width}s} AUC {found.auc:.3f}"
                f"  precision {found.precision:.3f}  {found.mean_ms:6.1f} ms  {result.updates} updates"
                f"{'  (finished before)' if known else ''}"
            )
            progress.update()

        return evaluate(arguments.format, sequences, specs, backend, store, say)


@contextmanager
def _backend(arguments: argparse.Namespace) -> Iterator[Backend]:
    if arguments.cluster is not None:
        with optional_packages("--cluster", "distributed"):
            from gradnet_ros.evaluation.cluster import Cluster
        with Cluster(arguments.cluster) as cluster:
            yield cluster
    elif arguments.workers is not None:
        from gradnet_ros.evaluation.workers import Workers

        with Workers(arguments.workers) as workers:
            yield workers
    else:
        from gradnet_ros.evaluation.jobs import ThisProcess

        yield ThisProcess()


def _need_report() -> None:
    with optional_packages("the report", "jinja2", "matplotlib"):
        import gradnet_ros.evaluation.report.write  # noqa: F401


def _write(
    evaluation: Evaluation,
    scores: Mapping[str, TrackerScores],
    output: Path,
    arguments: argparse.Namespace,
) -> None:
    from gradnet_ros.evaluation.raw.files import write_raw
    from gradnet_ros.evaluation.report.write import write_report
    from gradnet_ros.evaluation.summary import write_summary

    output.mkdir(parents=True, exist_ok=True)
    if arguments.results is None:
        for results in evaluation.results.values():
            for sequence in evaluation.sequences:
                write_raw(output / "raw", evaluation.benchmark, results[sequence.name], sequence)
    settings = {
        "root": str(arguments.root),
        "only": arguments.only,
        "segments": arguments.segments,
        "segment_frames": arguments.segment_frames,
        "trackers": arguments.trackers,
        "workers": arguments.workers or 1,
        "cluster": arguments.cluster,
        "results": None if arguments.results is None else str(arguments.results),
    }
    write_summary(output / "summary.json", evaluation, scores, settings)
    print(f"wrote {write_report(evaluation, scores, output)} and what belongs to it")
