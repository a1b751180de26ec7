"""What an evaluation has finished, on disk: an interrupted one goes on from there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from gradnet_ros.evaluation.about import first_difference
from gradnet_ros.evaluation.results import SequenceResult
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.training.files import write_whole

FINISHED = "finished"
"""Folder of the finished sequences, below the output folder: ``<tracker>/<sequence>.npz``."""
_ARRAYS = ("boxes", "scores", "lost", "seconds")


class Store:
    """The finished sequences of an evaluation, kept while entered.

    Each file appears as a whole or not at all, and says which truth it is for. What a tracker says of itself
    (its weights and settings) lies beside its files.

    Args:
        output: the evaluation's folder; made if need be.
        benchmark: its format.

    Raises:
        OSError: another process evaluates into the folder.
        ValueError: the folder holds an evaluation on another benchmark.
    """

    def __init__(self, output: Path, benchmark: str) -> None:
        self._output, self._folder, self._benchmark = output, output / FINISHED, benchmark
        self._lock: IO[str] | None = None

    def __enter__(self) -> Store:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = (self._folder / ".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise OSError(f"another process evaluates into {self._output}") from error
        self._lock = lock
        try:
            self._agree(self._folder / "benchmark.json", {"format": self._benchmark}, "the evaluation")
        except BaseException:
            lock.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()

    def open_tracker(self, tracker: str, about: Mapping[str, str]) -> None:
        """Say what a tracker is, before its results are asked for or added.

        Raises:
            ValueError: there are results of this name by other weights, settings or the like; the message
                names what differs.
        """
        (self._folder / tracker).mkdir(exist_ok=True)
        self._agree(self._folder / tracker / "tracker.json", dict(about), f"tracker {tracker}")

    def get(self, tracker: str, sequence: Sequence) -> SequenceResult | None:
        """A finished sequence; ``None`` if it is not.

        Raises:
            ValueError: it was finished with another truth, or the file is damaged.
        """
        path = self._path(tracker, sequence.name)
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                truth, updates = str(file["truth"]), int(file["updates"])
                arrays = [file[name] for name in _ARRAYS]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: not a finished sequence; delete it to track it again") from error
        if truth != _digest(sequence):
            raise ValueError(
                f"{path}: the truth of {sequence.name} differs from the one that it was tracked with;"
                " evaluate into another folder"
            )
        boxes, scores, lost, seconds = arrays
        return SequenceResult(tracker, sequence.name, boxes, scores, lost, seconds, updates)

    def add(self, result: SequenceResult, sequence: Sequence) -> None:
        """Keep a finished sequence, tracked here: nothing of the result is unknown."""
        arrays = {name: getattr(result, name) for name in _ARRAYS}
        updates = result.updates
        assert updates is not None

        def write(part: Path) -> None:
            with part.open("wb") as file:
                np.savez(file, truth=_digest(sequence), updates=updates, **arrays)

        write_whole(self._path(result.tracker, sequence.name), write)

    def _path(self, tracker: str, sequence: str) -> Path:
        return self._folder / tracker / f"{sequence}.npz"

    def _agree(self, path: Path, said: dict[str, str], whose: str) -> None:
        """Write a file, or see that the one that is there says the same."""
        if not path.is_file():
            write_whole(path, lambda part: _write_text(part, json.dumps(said, indent=1) + "\n"))
            return
        try:
            there = dict(json.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path}: not JSON of name and value; delete {self._folder}") from error
        difference = first_difference(said, there)
        if difference is not None:
            raise ValueError(
                f"{difference.name} of {whose} differs from what is in {self._output}: {difference.here},"
                f" there {difference.there}; evaluate into another folder"
            )


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _digest(sequence: Sequence) -> str:
    """Stands for the truth, and so for the number of frames."""
    return hashlib.sha256(np.ascontiguousarray(sequence.truth).tobytes()).hexdigest()
