"""What came of the pictures of a bag, as messages carry it: the same off line and through a node."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.bags.pictures import LeftOut, Picture
from gradnet_ros.bags.scene import Scene
from gradnet_ros.evaluation.results import Evaluation, SequenceResult
from gradnet_ros.evaluation.sequences import Sequence as EvaluatedSequence
from gradnet_ros.ros.bbox import Centred, from_centre, to_centre
from gradnet_ros.tracking.track import Box, Track, TrackState

BENCHMARK = "bag"
DROPPED = "DROPPED"
"""Stands for the state of a picture that gave no detection."""


@dataclass(frozen=True)
class Finding:
    """A detection.

    Attributes:
        centred: centre and size of the box, pixels, as the message has them.
        score: in [0, 1]; ``None`` while the target is lost, for the message has none then.
        state: what the tracker makes of it.
    """

    centred: Centred
    score: float | None
    state: TrackState

    @property
    def box(self) -> Box:
        """``(x, y, w, h)``, pixels."""
        return from_centre(self.centred)


@dataclass(frozen=True)
class Row:
    """One picture and what came of it.

    Attributes:
        number: its place in the topic.
        recorded: when it was recorded, ns.
        stamp: its stamp, ns.
        frame_id: of its header.
        truth: where the target is; NaN where that is not known, or it is not to be seen.
        finding: the detection; ``None`` if the picture was dropped.
        seconds: off line, of the tracker's call; through a node, from the publication of the picture to the
            arrival of the detection; NaN if there is none.
    """

    number: int
    recorded: int
    stamp: int
    frame_id: str
    truth: Box
    finding: Finding | None
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """A whole run.

    Attributes:
        scene: what was played.
        rows: picture by picture.
        updates: template updates.
        interrupted: it was ended early: there may be more pictures than rows.
    """

    scene: Scene
    rows: Sequence[Row]
    updates: int
    interrupted: bool = False

    @property
    def detected(self) -> Sequence[Row]:
        """The pictures that have a detection."""
        return [row for row in self.rows if row.finding is not None]


@dataclass(frozen=True, kw_only=True)
class BagSequence(EvaluatedSequence):
    """The pictures of a run for tables and reports; they are read from the bag once more when asked for.

    Attributes:
        scene: what was played.
    """

    scene: Scene

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """The frames, H x W x 3 BGR."""
        for picture in self.scene.play():
            yield picture.pixels


def finding_of(track: Track) -> Finding:
    """What a message would say of a track."""
    lost = track.state is TrackState.LOST
    return Finding(to_centre(track.box), None if lost else float(track.score), track.state)


def row_of(picture: Picture, scene: Scene, finding: Finding | None, seconds: float) -> Row:
    """Put a picture and its detection together."""
    return Row(
        picture.number,
        picture.recorded,
        picture.stamp,
        picture.frame_id,
        scene.truth.box(picture),
        finding,
        seconds,
    )


def to_evaluation(outcome: Outcome, tracker: str, about: dict[str, str]) -> Evaluation:
    """The run as one sequence and one tracker.

    For a dropped picture the box of the last detection before counts: what a subscriber went by then. A lost
    target has no score in a message and counts as one of score 0.

    Args:
        outcome: the run; its first picture has a detection.
        tracker: its name.
        about: what a report says of it.
    """
    rows, scene = outcome.rows, outcome.scene
    held: list[Finding] = []
    for row in rows:
        held.append(row.finding or held[-1])
    truth = np.array([row.truth for row in rows], float)
    # Only a truth that has a line for every picture can say that the target is not there.
    absent = None if scene.truth.complete else np.zeros(len(rows), bool)
    bag = scene.topic.bag
    sequence = BagSequence(bag.name, bag.path, truth, absent, scene=scene)
    scores = np.array([finding.score or 0.0 for finding in held])
    scores[0] = np.nan  # nothing was looked for
    result = SequenceResult(
        tracker,
        sequence.name,
        np.array([finding.box for finding in held]),
        scores,
        np.array([finding.state is TrackState.LOST for finding in held]),
        np.array([row.seconds for row in rows]),
        outcome.updates,
    )
    return Evaluation(BENCHMARK, (sequence,), {tracker: about}, {tracker: {sequence.name: result}})


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write ``frames.csv``: a line a picture, every digit of a number, nothing that differs between runs."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("picture", "recorded_ns", "stamp_ns", "x", "y", "w", "h", "score", "state"))
        for row in rows:
            found = row.finding
            values: tuple[object, ...] = ("",) * 5 + (DROPPED,)
            if found is not None:
                values = (*found.box, "" if found.score is None else found.score, found.state.value)
            writer.writerow((row.number, row.recorded, row.stamp, *values))


def write_left_out(left_out: Sequence[LeftOut], path: Path) -> None:
    """Write ``left_out.csv``: the pictures that were not tracked, and why."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("picture", "recorded_ns", "why"))
        writer.writerows((each.number, each.recorded, each.why) for each in left_out)
