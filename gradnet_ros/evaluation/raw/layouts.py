"""Where each toolkit looks for a tracker's boxes and times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RESULTS = {
    "folder": "sequences",
    "otb": "OTB2015",
    "got10k": "GOT-10k",
    "lasot": "LaSOT",
    "uav123": "UAV123",
}
"""Benchmark -> the folder of all trackers' results, by the name that GOT-10k's toolkit has for it."""


@dataclass(frozen=True)
class RawPaths:
    """The files of a tracker on a sequence.

    Attributes:
        boxes: ``x,y,w,h`` a line.
        times: seconds, a line a frame.
    """

    boxes: Path
    times: Path


def raw_paths(results: Path, benchmark: str, tracker: str, sequence: str) -> RawPaths:
    """Where the files of a tracker on a sequence are.

    GOT-10k's toolkit and server want a folder a sequence and the number of the repetition in the name; the
    others want a file a sequence. Their times, which only GOT-10k's toolkit reads, lie apart.

    Args:
        results: holds a folder for each benchmark.
        benchmark: a key of :data:`RESULTS`.
        tracker: its name.
        sequence: its name.
    """
    folder = results / RESULTS[benchmark] / tracker
    if benchmark == "got10k":
        return RawPaths(folder / sequence / f"{sequence}_001.txt", folder / sequence / f"{sequence}_time.txt")
    return RawPaths(folder / f"{sequence}.txt", folder / "times" / f"{sequence}_time.txt")
