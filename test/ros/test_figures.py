"""Counters, percentiles, rates, stamps, catching up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.ros.catch_up import choose_step
from gradnet_ros.ros.counters import FrameCounts
from gradnet_ros.ros.rolling import RateMeter, RollingSamples, percentile
from gradnet_ros.ros.stamps import seconds, to_nanoseconds
from gradnet_ros.ros.targets import TargetNames


class Stamp:
    sec, nanosec = 12, 34


def test_counts_add_up():
    counts = FrameCounts()
    for fate in ("received", "received", "received", "tracked", "bad"):
        counts.add(fate)
    totals = counts.totals()
    assert (totals.received, totals.tracked, totals.bad, totals.pending) == (3, 1, 1, 1)


def test_unknown_count_is_refused():
    with pytest.raises(ValueError, match="no such count: 'lost'"):
        FrameCounts().add("lost")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_percentile_is_numpys(values, share):
    assert percentile(values, share) == pytest.approx(np.percentile(values, share * 100), abs=1e-6)


def test_percentile_of_nothing():
    assert percentile([], 0.5) is None
    with pytest.raises(ValueError, match="share"):
        percentile([1.0], 1.5)


def test_old_samples_are_forgotten():
    samples = RollingSamples(size=3)
    for value in (100.0, 1.0, 2.0, 3.0):
        samples.add(value)
    assert samples.percentile(1.0) == 3.0


def test_rate_falls_to_zero_when_events_stop():
    meter = RateMeter(window=2.0)
    for step in range(100):
        meter.tick(step / 10)
    assert meter.rate(9.9) == pytest.approx(10.0)
    assert meter.rate(100.0) == 0.0


def test_stamps():
    assert to_nanoseconds(Stamp) == 12_000_000_034
    assert seconds(12_000_000_034) == "12.000000034 s"
    assert seconds(-1_500_000_000) == "-1.500000000 s"


def test_made_up_names_differ():
    names = TargetNames()
    assert names.next() != names.next()


def test_step_looks_at_each_frame_when_there_is_time():
    assert choose_step(behind=10, cost=0.01, left=1.0) == 0


def test_step_skips_evenly_when_time_is_short():
    assert choose_step(behind=10, cost=0.1, left=0.5) == 1  # five of ten


def test_step_jumps_when_time_is_up():
    assert choose_step(behind=10, cost=0.1, left=0.0) == 9
    assert choose_step(behind=10, cost=0.1, left=0.05) == 9


@given(st.integers(1, 1000), st.floats(0, 10), st.floats(-1, 10))
def test_step_is_always_a_frame(behind, cost, left):
    assert 0 <= choose_step(behind, cost, left) < behind


@given(st.integers(1, 500), st.floats(1e-3, 0.5), st.floats(0, 3))
def test_catching_up_ends_at_the_newest_in_time(behind, cost, budget):
    spent = 0.0
    while behind:
        behind -= choose_step(behind, cost, budget - spent) + 1
        spent += cost
    assert spent <= budget + 2 * cost
