"""What benchmarks count, and how they average: the part of a score that is a convention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import OTB_THRESHOLDS


@dataclass(frozen=True)
class Protocol:
    """The conventions of a benchmark.

    Attributes:
        benchmark: its name.
        first_frame: the frame that the tracker was started on counts, with the truth as its answer.
        pooled: scores over several sequences are of all their frames together; otherwise each sequence's
            score counts the same.
        thresholds: (T,) overlaps of the success curve.
        headline: fields of :class:`~gradnet_ros.evaluation.scores.Scores` that the benchmark is known by, the
            one to rank by first.
    """

    benchmark: str
    first_frame: bool
    pooled: bool
    thresholds: NDArray[np.float64]
    headline: tuple[str, ...]


def _mean_of_sequences(benchmark: str, *headline: str) -> Protocol:
    return Protocol(benchmark, True, False, OTB_THRESHOLDS, ("auc", "precision", *headline))


PROTOCOLS = {
    protocol.benchmark: protocol
    for protocol in (
        _mean_of_sequences("folder"),
        _mean_of_sequences("bag"),
        _mean_of_sequences("otb"),
        _mean_of_sequences("uav123"),
        _mean_of_sequences("lasot", "normalised_precision"),
        Protocol("got10k", False, True, np.linspace(0, 1, 101, dtype=np.float64), ("ao", "sr50", "sr75")),
    )
}
"""Benchmark -> its conventions."""
