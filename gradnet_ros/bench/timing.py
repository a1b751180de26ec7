"""Durations and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch


@dataclass(frozen=True)
class Timing:
    """What many runs of one thing took.

    Attributes:
        p50: median, ms.
        p95: 95th percentile, ms.
        p99: 99th percentile, ms.
        mean: ms.
        count: runs.
    """

    p50: float
    p95: float
    p99: float
    mean: float
    count: int


def summarise(seconds: Sequence[float]) -> Timing:
    """Percentiles (linear interpolation) of durations.

    Args:
        seconds: at least one, s.

    Raises:
        ValueError: no durations.
    """
    if not seconds:
        raise ValueError("seconds must hold at least one duration, got none")
    milliseconds = np.asarray(seconds, float) * 1e3
    p50, p95, p99 = np.percentile(milliseconds, (50, 95, 99))
    return Timing(float(p50), float(p95), float(p99), float(milliseconds.mean()), len(seconds))


def wait(device: torch.device) -> None:
    """Wait until a device has done all that it was asked for; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def time_once(call: Callable[[], object], device: torch.device) -> float:
    """Seconds from a call to the end of all work that it started on ``device``."""
    wait(device)
    start = perf_counter()
    call()
    wait(device)
    return perf_counter() - start


def best_of(call: Callable[[], object], device: torch.device, seconds: float) -> float:
    """The shortest of as many runs as fit into ``seconds``, at least three: what disturbs only slows down."""
    call()  # Allocations and the choice of a kernel are not what is measured.
    end = perf_counter() + seconds
    best = min(time_once(call, device) for _ in range(3))
    while perf_counter() < end:
        best = min(best, time_once(call, device))
    return best
