"""Percentiles, and that waiting is part of a time."""

import time

import pytest
import torch

from gradnet_ros.bench.timing import best_of, summarise, time_once

CPU = torch.device("cpu")


def test_percentiles_are_interpolated_and_in_milliseconds():
    timing = summarise([number / 1000 for number in range(101)])
    assert (timing.p50, timing.p95, timing.p99) == pytest.approx((50, 95, 99))
    assert timing.mean == pytest.approx(50)
    assert timing.count == 101


def test_nothing_cannot_be_summarised():
    with pytest.raises(ValueError, match="seconds must hold"):
        summarise([])


def test_the_best_run_counts_and_the_first_does_not():
    pauses = iter([0.0, 0.3, 0.05, 0.2])
    assert 0.05 <= best_of(lambda: time.sleep(next(pauses)), CPU, seconds=0.0) < 0.2
    assert time_once(lambda: time.sleep(0.01), CPU) >= 0.01
