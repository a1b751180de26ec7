"""From maps to a place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.tracking.response import find_peak, hann_window, normalise, upsample

SETTINGS = {
    "stride": 8,
    "factor": 16,
    "scale_penalty": 0.97,
    "adaptive_weight": 0.15,
    "window_influence": 0.25,
}


def bump(row, column, size=17, height=1.0, spread=1.5, floor=0.0):
    rows, columns = np.mgrid[:size, :size]
    bell = height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * spread**2))
    return (bell + floor).astype(np.float32)


@given(row=st.floats(3, 13), column=st.floats(3, 13), floor=st.floats(-5, 5))
def test_the_peak_is_found_between_cells(row, column, floor):
    fixed = np.stack([bump(row, column, floor=floor)] * 3)
    peak = find_peak(fixed, None, None, **SETTINGS)
    assert peak.scale == 1  # equal maps: the middle one, by the penalty, whatever the floor
    assert peak.dx == pytest.approx((column - 8) * 8, abs=1.0)
    assert peak.dy == pytest.approx((row - 8) * 8, abs=1.0)


def test_another_scale_must_win_by_more_than_the_penalty():
    low = bump(8, 8)
    for height, expected in ((1.02, 1), (1.05, 2)):
        fixed = np.stack([low, low, bump(8, 8, height=height)])
        assert find_peak(fixed, None, None, **SETTINGS).scale == expected


def test_raw_peak_is_before_penalty_and_window():
    fixed = np.stack([bump(8, 8), bump(8, 8), bump(8, 8, height=3.0)])
    peak = find_peak(fixed, None, hann_window(17 * 16), **SETTINGS)
    assert peak.raw == pytest.approx(3.0)


def test_the_window_holds_back_a_far_rival():
    fixed = np.maximum(bump(8, 8, height=0.9), bump(2, 14))[None]
    free = find_peak(fixed, None, None, **SETTINGS)
    held = find_peak(fixed, None, hann_window(17 * 16), **SETTINGS)
    assert (round(free.dy / 8), round(free.dx / 8)) == (-6, 6)
    assert (round(held.dy / 8), round(held.dx / 8)) == (0, 0)


def test_the_adaptive_template_decides_between_look_alikes():
    fixed = np.maximum(bump(8, 6, height=0.98), bump(8, 12))[None]
    peak = find_peak(fixed, bump(8, 6), None, **SETTINGS)
    assert round(peak.dx / 8) == -2


@given(st.lists(st.floats(-100, 100, width=32), min_size=4, max_size=4))
def test_normalised_maps_sum_to_one(values):
    found = normalise(np.array(values, np.float32).reshape(2, 2))
    assert found.sum() == pytest.approx(1.0, abs=1e-4)
    assert found.min() >= 0


def test_upsampling_keeps_cell_centres():
    large = upsample(bump(8, 8), 16)
    assert large.shape == (272, 272)
    middle = np.unravel_index(large.argmax(), large.shape)
    assert all(135 <= place <= 136 for place in middle)


def test_hann_window_is_a_share():
    window = hann_window(32)
    assert window.sum() == pytest.approx(1.0, abs=1e-5)
    assert window[0, 0] == 0
