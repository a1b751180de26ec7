"""Strips of pictures: where a tracker went most wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import cv2
import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import Boxes, valid_rows
from gradnet_ros.evaluation.protocols import Protocol
from gradnet_ros.evaluation.report.colours import TRUTH, bgr, colour
from gradnet_ros.evaluation.results import Evaluation
from gradnet_ros.evaluation.scores import SequenceScores, TrackerScores
from gradnet_ros.evaluation.sequences import Sequence

SEQUENCES = 6
"""Strips in a report."""
FRAMES = 5
"""Pictures of a strip after that of the start."""
WIDTH, HEIGHT = 264, 198
"""Of a picture, pixels."""
_APART = 1 / 12
"""Share of the sequence that lies between two pictures at least."""
_SMALLEST_VIEW = 1 / 6
"""Share of the frame's width that a picture shows at least."""
_FINER = 3
_MARGIN = 1.6
"""Side of what a picture shows over that of the boxes in it."""


@dataclass(frozen=True)
class Tile:
    """A picture.

    Attributes:
        frame: its number.
        overlap: of the tracker that the strip is about; NaN for the start.
        picture: a JPEG.
    """

    frame: int
    overlap: float
    picture: bytes


@dataclass(frozen=True)
class Strip:
    """Pictures of one sequence.

    Attributes:
        sequence: its name.
        value: the tracker's score there.
        tiles: the start, then the worst frames in the order of time.
    """

    sequence: str
    value: float
    tiles: tuple[Tile, ...]


def worst_sequences(scores: TrackerScores, protocol: Protocol) -> list[tuple[str, float]]:
    """The sequences where a tracker scores lowest, the worst first, by what the benchmark ranks by.

    Where no sequence has a score, the first ones, with NaN.
    """
    values = [
        (each.sequence, float(getattr(each.scores, protocol.headline[0])))
        for each in scores.sequences.values()
    ]
    scored = sorted((each for each in values if isfinite(each[1])), key=lambda each: each[1])
    return (scored or values)[:SEQUENCES]


def worst_frames(scores: SequenceScores) -> list[int]:
    """The frames of a sequence with the lowest overlap, in the order of time.

    Of equals the earliest come first, so that a lost target is shown when it gets lost; frames that lie close
    to one already taken are passed over. Without any truth: frames spread over the sequence.
    """
    overlap = np.where(scores.frames.counted, scores.frames.overlap, np.nan)
    if not np.isfinite(overlap[1:]).any():
        spread = np.linspace(0, len(overlap) - 1, FRAMES + 1).round().astype(int)
        return sorted(set(spread.tolist()) - {0})
    apart = max(1, int(len(overlap) * _APART))
    taken: list[int] = []
    for number in np.argsort(overlap, kind="stable").tolist():
        if number == 0 or not isfinite(overlap[number]):
            continue
        if all(abs(number - other) >= apart for other in taken):
            taken.append(number)
        if len(taken) == FRAMES:
            break
    return sorted(taken)


def make_strips(
    evaluation: Evaluation, scores: Mapping[str, TrackerScores], tracker: str, protocol: Protocol
) -> list[Strip]:
    """Make the strips of the sequences where one tracker is worst; the boxes of all are drawn.

    Raises:
        ValueError: a picture cannot be read.
    """
    by_name = {each.name: each for each in evaluation.sequences}
    strips = []
    for name, value in worst_sequences(scores[tracker], protocol):
        sequence, found = by_name[name], scores[tracker].sequences[name]
        numbers = worst_frames(found)
        boxes = {other: results[name].boxes for other, results in evaluation.results.items()}
        pictures = sequence.pick([0, *numbers])
        # Where there is no truth the box that the trackers were started with stands for it.
        told = {} if valid_rows(sequence.truth[:1])[0] else boxes
        tiles = [Tile(0, float("nan"), _tile(pictures[0], 0, sequence, told, tracker))]
        tiles += [
            Tile(
                number,
                float(found.frames.overlap[number]),
                _tile(pictures[number], number, sequence, boxes, tracker),
            )
            for number in numbers
        ]
        strips.append(Strip(name, value, tuple(tiles)))
    return strips


def _tile(
    frame: NDArray[np.uint8], number: int, sequence: Sequence, boxes: Mapping[str, Boxes], tracker: str
) -> bytes:
    """A picture around truth and tracker, as JPEG."""
    truth = sequence.truth[number]
    shown = np.array([truth] + ([boxes[tracker][number]] if boxes else []))
    view = _view(shown[valid_rows(shown)], frame.shape[1], frame.shape[0])
    # Warped finer than shown and then averaged: a warp that shrinks takes single pixels.
    fine = cv2.warpAffine(frame, _FINER * view, (_FINER * WIDTH, _FINER * HEIGHT))
    picture = np.asarray(cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    if valid_rows(truth[None])[0]:
        _draw(picture, truth, view, (0, 0, 0), 4)
        _draw(picture, truth, view, bgr(TRUTH), 2)
    for place, (_, found) in enumerate(boxes.items()):
        if valid_rows(found[number][None])[0]:
            _draw(picture, found[number], view, bgr(colour(place)), 2)
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return bytes(coded)


def _view(boxes: Boxes, width: int, height: int) -> NDArray[np.float64]:
    """What of a frame to show: (2, 3), from the frame's pixels to the picture's; all of it without a box."""
    if not len(boxes):
        boxes = np.array([[0.0, 0.0, width, height]])
    low, high = boxes[:, :2].min(axis=0), (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    middle = (low + high) / 2
    across, down = _MARGIN * (high - low)
    shown = max(across, down * WIDTH / HEIGHT, _SMALLEST_VIEW * width)
    # No more than the frame, and nothing beside it as long as there is enough of it.
    shown = min(shown, max(width, height * WIDTH / HEIGHT))
    size = np.array([shown, shown * HEIGHT / WIDTH])
    whole = np.array([width, height], float)
    corner = np.where(
        size < whole, np.clip(middle - size / 2, 0, np.maximum(whole - size, 0)), (whole - size) / 2
    )
    zoom = WIDTH / shown
    return np.array([[zoom, 0, -zoom * corner[0]], [0, zoom, -zoom * corner[1]]])


def _draw(
    picture: NDArray[np.uint8],
    box: NDArray[np.float64],
    view: NDArray[np.float64],
    colour: tuple[int, int, int],
    width: int,
) -> None:
    corners = np.array([box[:2], box[:2] + box[2:]]) @ view[:, :2].T + view[:, 2]
    # Boxes far outside would overflow OpenCV's integers.
    first, second = np.clip(np.rint(corners), -10 * WIDTH, 10 * WIDTH).astype(int).tolist()
    cv2.rectangle(picture, first, second, colour, width, cv2.LINE_AA)
