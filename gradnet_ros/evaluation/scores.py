"""Scores of what trackers answered: frame by frame, for a sequence, for an attribute and for a benchmark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.confidence import RIGHT_OVERLAP, ScoreBand, auroc, decisions, score_bands
from gradnet_ros.evaluation.metrics import (
    NORMALISED_PRECISION,
    NORMALISED_THRESHOLDS,
    PRECISION_PIXELS,
    PRECISION_THRESHOLDS,
    centre_errors,
    clip_boxes,
    error_curve,
    normalised_errors,
    overlaps,
    success_curve,
    valid_rows,
)
from gradnet_ros.evaluation.protocols import PROTOCOLS, Protocol
from gradnet_ros.evaluation.results import Evaluation, SequenceResult
from gradnet_ros.evaluation.sequences import Sequence

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Curve = tuple[float, ...]


@dataclass(frozen=True)
class FrameScores:
    """A tracker on each of the N frames of a sequence.

    Attributes:
        counted: (N,) whether the frame counts in AUC, precision, AO and the like.
        known: (N,) whether it is known where the target is, or that it is absent.
        absent: (N,) whether the target is not to be seen.
        overlap: (N,) intersection over union, in [0, 1]; NaN where the truth has no valid box.
        error: (N,) centre error, pixels; NaN as above, infinite where the tracker's box is not finite.
        normalised_error: (N,) the same in shares of the truth's sides.
        confidence: (N,) the tracker's score; NaN where it gives none.
        lost: (N,) whether the tracker said that it does not see the target; ``None``: nobody noted it.
        seconds: (N,) time of every call; the first one starts the tracker.
    """

    counted: Bools
    known: Bools
    absent: Bools
    overlap: Floats
    error: Floats
    normalised_error: Floats
    confidence: Floats
    lost: Bools | None
    seconds: Floats


@dataclass(frozen=True)
class Scores:
    """A tracker on one sequence or on several. Whatever cannot be said (no frame counts, ...) is NaN.

    Attributes:
        frames: frames that count; 0 where a benchmark keeps its truth to itself.
        auc: area under the success curve: its mean over the protocol's thresholds (OTB: 21).
        precision: share of frames with a centre error of at most 20 pixels.
        normalised_precision: share of frames with a centre error of at most 0.2 of the target's sides.
        ao: mean overlap.
        sr50: share of frames with an overlap above 0.5.
        sr75: share of frames with an overlap above 0.75.
        success_curve: share of frames with an overlap above t, for T values of t evenly spaced in [0, 1].
        precision_curve: share of frames with a centre error of at most 0, 1, ... 50 pixels.
        normalised_precision_curve: the same of the normalised error, for 0, 0.01, ... 0.5.
        auroc: of the tracker's score against overlap > 0.5; of several sequences, over all frames together.
        absent: frames without the target to be seen.
        lost_precision: share of the frames called lost in which the target is absent; over all frames.
        lost_recall: share of the frames without the target that were called lost; over all frames.
        mean_ms: mean time of a frame, milliseconds, decoding and the first frame excluded.
        p50_ms: its median.
        p95_ms: its 95th percentile.
        p99_ms: its 99th percentile.
        fps: 1000 / mean_ms.
        updates: template updates; NaN where nobody counted.
    """

    frames: int
    auc: float
    precision: float
    normalised_precision: float
    ao: float
    sr50: float
    sr75: float
    success_curve: Curve
    precision_curve: Curve
    normalised_precision_curve: Curve
    auroc: float
    absent: int
    lost_precision: float
    lost_recall: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    fps: float
    updates: float


@dataclass(frozen=True)
class SequenceScores:
    """A tracker on one sequence.

    Attributes:
        sequence: its name.
        attributes: those of the sequence.
        frames: frame by frame.
        scores: of the whole sequence.
    """

    sequence: str
    attributes: frozenset[str]
    frames: FrameScores
    scores: Scores


@dataclass(frozen=True)
class TrackerScores:
    """A tracker on a benchmark.

    Attributes:
        overall: over all sequences, by the benchmark's protocol.
        attributes: attribute -> over the sequences that have it, by name.
        sequences: sequence -> its scores, in the order of the benchmark.
    """

    overall: Scores
    attributes: Mapping[str, Scores]
    sequences: Mapping[str, SequenceScores]

    def score_bands(self) -> tuple[ScoreBand, ...]:
        """What the tracker's score says of the overlap, over all frames but first ones whose truth is known.

        Empty for a tracker without scores.
        """
        names = ("known", "absent", "overlap", "confidence")
        known, absent, overlap, confidence = (
            np.concatenate([getattr(each.frames, name)[1:] for each in self.sequences.values()])
            for name in names
        )
        judged = known & np.isfinite(confidence)
        if not judged.any():
            return ()
        return score_bands(confidence[judged], np.where(absent, 0.0, overlap)[judged])


def score_sequence(
    result: SequenceResult, sequence: Sequence, protocol: Protocol = PROTOCOLS["folder"]
) -> SequenceScores:
    """Score a tracker on one sequence.

    Raises:
        ValueError: another number of boxes than rows of truth.
    """
    if len(result.boxes) != len(sequence.truth):
        raise ValueError(
            f"{sequence.name}: {len(result.boxes)} boxes of {result.tracker}, but {len(sequence.truth)} rows"
            " of truth"
        )
    frames = _score_frames(result, sequence, protocol)
    counted = frames.counted
    geometry = _geometry(
        frames.overlap[counted], frames.error[counted], frames.normalised_error[counted], protocol
    )
    updates = float("nan") if result.updates is None else result.updates
    scores = Scores(**geometry, **_behaviour([frames]), updates=updates)
    return SequenceScores(sequence.name, sequence.attributes, frames, scores)


def score_evaluation(evaluation: Evaluation) -> dict[str, TrackerScores]:
    """Score all trackers of an evaluation by its benchmark's protocol: tracker's name -> scores."""
    protocol = PROTOCOLS[evaluation.benchmark]
    return {
        tracker: score_tracker(
            [score_sequence(results[each.name], each, protocol) for each in evaluation.sequences], protocol
        )
        for tracker, results in evaluation.results.items()
    }


def score_tracker(sequences: SequenceOf[SequenceScores], protocol: Protocol) -> TrackerScores:
    """Put the scores of single sequences together.

    Raises:
        ValueError: no sequence.
    """
    names = sorted(set().union(*(each.attributes for each in sequences)))
    having = {name: [each for each in sequences if name in each.attributes] for name in names}
    return TrackerScores(
        combine(sequences, protocol),
        {name: combine(several, protocol) for name, several in having.items()},
        {each.sequence: each for each in sequences},
    )


def combine(sequences: SequenceOf[SequenceScores], protocol: Protocol) -> Scores:
    """The scores over several sequences; those without a frame that counts have no part in averages.

    Raises:
        ValueError: no sequence.
    """
    if not sequences:
        raise ValueError("no sequence to average over")
    all_frames = [each.frames for each in sequences]
    if protocol.pooled:
        overlap, error, normalised = (
            np.concatenate([getattr(frames, name)[frames.counted] for frames in all_frames])
            for name in ("overlap", "error", "normalised_error")
        )
        geometry = _geometry(overlap, error, normalised, protocol)
    else:
        geometry = _mean([each.scores for each in sequences])
    return Scores(
        **geometry, **_behaviour(all_frames), updates=sum(each.scores.updates for each in sequences)
    )


def _score_frames(result: SequenceResult, sequence: Sequence, protocol: Protocol) -> FrameScores:
    truth, found = sequence.truth, result.boxes.copy()
    found[0] = truth[0]
    valid, answered = valid_rows(truth), np.isfinite(found).all(axis=1)
    counted = sequence.counts()
    if not protocol.first_frame:
        counted[0] = False
    shapes = found, truth
    if sequence.bound is not None:
        # Benchmarks cut boxes in the coordinates of their own files.
        shift = np.array([sequence.origin, sequence.origin, 0, 0])
        shapes = clip_boxes(found + shift, sequence.bound), clip_boxes(truth + shift, sequence.bound)
    both = valid & answered
    overlap = np.where(valid, 0.0, np.nan)
    overlap[both] = overlaps(shapes[0][both], shapes[1][both])
    error, normalised = np.where(valid, np.inf, np.nan), np.where(valid, np.inf, np.nan)
    error[both] = centre_errors(found[both], truth[both])
    normalised[both] = normalised_errors(found[both], truth[both])
    absent = sequence.is_absent()
    return FrameScores(
        counted,
        valid | absent,
        absent,
        overlap,
        error,
        normalised,
        result.scores,
        result.lost,
        result.seconds,
    )


def _geometry(overlap: Floats, error: Floats, normalised: Floats, protocol: Protocol) -> dict[str, Any]:
    """The scores of boxes, over the frames that are given."""
    success = success_curve(overlap, protocol.thresholds)
    sr50, sr75 = success_curve(overlap, np.array([0.5, 0.75])).tolist()
    (precise,) = error_curve(error, np.array([PRECISION_PIXELS])).tolist()
    (normalised_precise,) = error_curve(normalised, np.array([NORMALISED_PRECISION])).tolist()
    return {
        "frames": len(overlap),
        "auc": float(success.mean()),
        "precision": precise,
        "normalised_precision": normalised_precise,
        "ao": float(overlap.mean()) if len(overlap) else float("nan"),
        "sr50": sr50,
        "sr75": sr75,
        "success_curve": tuple(success.tolist()),
        "precision_curve": tuple(error_curve(error, PRECISION_THRESHOLDS).tolist()),
        "normalised_precision_curve": tuple(error_curve(normalised, NORMALISED_THRESHOLDS).tolist()),
    }


_GEOMETRY = tuple(field.name for field in fields(Scores))[1:10]
"""The fields of :class:`Scores` that are averaged, from ``auc`` to the curves."""


def _mean(sequences: SequenceOf[Scores]) -> dict[str, Any]:
    """The scores of boxes, averaged over sequences."""
    having = [each for each in sequences if each.frames] or sequences
    means: dict[str, Any] = {"frames": sum(each.frames for each in sequences)}
    for name in _GEOMETRY:
        mean = np.mean([getattr(each, name) for each in having], axis=0)
        means[name] = tuple(mean.tolist()) if name.endswith("curve") else float(mean)
    return means


def _behaviour(several: Iterable[FrameScores]) -> dict[str, Any]:
    """Confidence and speed, over all frames but first ones."""
    names = ("absent", "counted", "overlap", "confidence", "seconds")
    several = list(several)
    absent, counted, overlap, confidence, seconds = (
        np.concatenate([getattr(frames, name)[1:] for frames in several]) for name in names
    )
    said = [(frames.lost[1:], frames) for frames in several if frames.lost is not None]
    lost = np.concatenate([each[frames.known[1:]] for each, frames in said] or [np.zeros(0, bool)])
    gone = np.concatenate([frames.absent[1:][frames.known[1:]] for _, frames in said] or [np.zeros(0, bool)])
    judged = counted & np.isfinite(confidence)
    lost_precision, lost_recall = decisions(lost, gone)
    timed = 1e3 * seconds[np.isfinite(seconds)]
    p50, p95, p99 = np.percentile(timed, (50, 95, 99)).tolist() if len(timed) else [float("nan")] * 3
    mean_ms = float(timed.mean()) if len(timed) else float("nan")
    return {
        "auroc": auroc(confidence[judged], overlap[judged] > RIGHT_OVERLAP),
        "absent": int(absent.sum()),
        "lost_precision": lost_precision,
        "lost_recall": lost_recall,
        "mean_ms": mean_ms,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "fps": 1e3 / mean_ms if mean_ms > 0 else float("nan"),
    }
