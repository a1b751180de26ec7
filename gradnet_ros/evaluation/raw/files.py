"""Writing and reading the toolkits' files of raw results."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import Boxes
from gradnet_ros.evaluation.raw.layouts import RESULTS, raw_paths
from gradnet_ros.evaluation.results import Evaluation, SequenceResult, check_names
from gradnet_ros.evaluation.sequences import Sequence, read_boxes
from gradnet_ros.text import read_text
from gradnet_ros.training.files import write_whole

_BOXES = "%.10g"
"""Fine enough that scores from the files are those from memory."""


def write_raw(results: Path, benchmark: str, result: SequenceResult, sequence: Sequence) -> None:
    """Write a tracker's boxes, in the coordinates of the benchmark's own files, and its times.

    Args:
        results: holds a folder for each benchmark; made if need be.
        benchmark: which layout.
        result: what to write.
        sequence: what it is of.
    """
    paths = raw_paths(results, benchmark, result.tracker, sequence.name)
    for path, values, form in (
        (paths.boxes, result.boxes + _shift(sequence), _BOXES),
        (paths.times, result.seconds, "%.8f"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, values, form)


def read_raw(results: Path, benchmark: str, tracker: str, sequence: Sequence) -> SequenceResult:
    """Read what a toolkit, or :func:`write_raw`, wrote for a tracker on a sequence.

    Such files know nothing of confidence, and not all toolkits write times: what they lack is NaN or
    ``None``.

    Raises:
        FileNotFoundError: no file of boxes.
        ValueError: a malformed file, or another number of rows than the sequence has frames.
    """
    paths = raw_paths(results, benchmark, tracker, sequence.name)
    boxes = read_boxes(paths.boxes) - _shift(sequence)
    count = len(sequence.truth)
    seconds = _read_times(paths.times) if paths.times.is_file() else np.full(count, np.nan)
    for path, values in ((paths.boxes, boxes), (paths.times, seconds)):
        if len(values) != count:
            raise ValueError(f"{path}: expected {count} rows, one a frame, got {len(values)}")
    return SequenceResult(tracker, sequence.name, boxes, np.full(count, np.nan), None, seconds, None)


def read_evaluation(
    results: Path, benchmark: str, trackers: SequenceOf[str], sequences: SequenceOf[Sequence]
) -> Evaluation:
    """Read the raw results of trackers on a whole benchmark; see :func:`read_raw`.

    Raises:
        ValueError: no tracker, or one that is there twice.
    """
    check_names("tracker", trackers)
    found = {
        tracker: {each.name: read_raw(results, benchmark, tracker, each) for each in sequences}
        for tracker in trackers
    }
    about = {tracker: {"raw results": RESULTS[benchmark]} for tracker in trackers}
    return Evaluation(benchmark, tuple(sequences), about, found)


def _shift(sequence: Sequence) -> Boxes:
    return np.array([sequence.origin, sequence.origin, 0, 0], float)


def _write(path: Path, values: NDArray[np.float64], form: str) -> None:
    write_whole(path, lambda part: np.savetxt(part, values, form, ","))


def _read_times(path: Path) -> NDArray[np.float64]:
    """The seconds of the first repetition; a line a frame, repetitions separated by commas."""
    times = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            times.append(float(line.split(",")[0]))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: expected seconds, got {line!r}") from error
    return np.array(times)
