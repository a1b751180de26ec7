"""From maps to a place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.tracking.geometry import context_side
from gradnet_ros.tracking.response import (
    choose_scale,
    find_boxed_peak,
    find_peak,
    fuse,
    hann_window,
    normalise,
    size_trust,
    upsample,
)

SETTINGS = {
    "stride": 8,
    "factor": 16,
    "scale_penalty": 0.97,
    "adaptive_weight": 0.15,
    "raw_fusion": False,
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


@pytest.mark.parametrize(
    ("heights", "penalty", "expected"),
    [
        ([1.5, 1.55, 1.6], 1.0, 2),
        ([1.5, 1.55, 1.6], 0.97, 2),  # 1.552
        ([1.5, 1.55, 1.6], 0.96, 1),  # 1.536
        ([0.7, 0.1, 0.2, 0.6, 0.3], 1.0, 0),
        ([0.4], 0.5, 0),
        ([0.0, 0.0, 0.0], 0.97, 1),  # nothing to be seen: the size stays
        ([1.0, 1.0, 1.0], 1.0, 1),
    ],
)
def test_the_scale_that_fits_best_pays_a_penalty_unless_it_is_the_last(heights, penalty, expected):
    before = np.array(heights)
    assert choose_scale(before, penalty) == expected
    np.testing.assert_array_equal(before, heights)  # left as they were


@pytest.mark.parametrize("level", [0.0, -3.0, 1e4])
@pytest.mark.parametrize("windowed", [True, False])
def test_maps_that_show_nothing_but_rounding_leave_the_target_where_it_was(level, windowed):
    noise = np.random.default_rng(0).uniform(-1, 1, (3, 17, 17))
    fixed = (level + 1e-6 * abs(level) * noise).astype(np.float32)
    peak = find_peak(fixed, fixed[1], hann_window(17 * 16) if windowed else None, **SETTINGS)
    assert abs(peak.dx) < SETTINGS["stride"]
    assert abs(peak.dy) < SETTINGS["stride"]


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


def edges_of(width, height, size=17):
    """Every cell answers with a box of one size around itself."""
    sides = np.array([width, height, width, height], np.float32) / 2
    return np.broadcast_to(sides[:, None, None], (4, size, size)).copy()


lengths = st.floats(5, 150)


@given(width=lengths, height=lengths, penalty=st.floats(0, 10))
def test_an_unchanged_size_is_trusted_fully(width, height, penalty):
    trust = size_trust(edges_of(width, height), (width, height), penalty)
    assert trust.shape == (17, 17)
    assert trust == pytest.approx(1.0, abs=1e-4)


@given(first=st.tuples(lengths, lengths), second=st.tuples(lengths, lengths))
def test_there_and_back_are_trusted_alike(first, second):
    there = size_trust(edges_of(*second), first, 0.2)
    back = size_trust(edges_of(*first), second, 0.2)
    assert there == pytest.approx(back, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("power", [1, -1])
@pytest.mark.parametrize("aspect", [False, True])
def test_trust_falls_with_the_change(power, aspect):
    found = []
    for factor in (1.0, 1.05, 1.2, 1.5, 2.0, 3.0):
        stretch = factor**power
        size = (40 * stretch, 40 / stretch) if aspect else (40 * stretch, 40 * stretch)
        found.append(float(size_trust(edges_of(*size), (40, 40), 0.3)[8, 8]))
    assert found[0] == pytest.approx(1)
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(found)


def test_trust_by_hand():
    grown = size_trust(edges_of(60, 60), (40, 40), 0.4)[0, 0]
    assert grown == pytest.approx(np.exp(-0.4 * 0.5))
    flat = size_trust(edges_of(80, 20), (40, 40), 0.1)[0, 0]
    assert flat == pytest.approx(np.exp(-0.1 * (4 * context_side(80, 20) / context_side(40, 40) - 1)))
    assert size_trust(edges_of(80, 20), (40, 40), 0.0)[0, 0] == 1


def test_trust_is_of_each_cells_own_box_wherever_it_lies():
    edges = edges_of(40, 30)
    edges[:, 3, 5] = (1, 2, 39, 28)  # the same size, beside the cell
    edges[:, 4, 6] = 40
    trust = size_trust(edges, (40, 30), 0.5)
    assert trust[3, 5] == pytest.approx(1)
    assert np.argwhere(trust < 0.99).tolist() == [[4, 6]]


BOXED = {
    "expected": (40.0, 30.0),
    "stride": 8,
    "size_penalty": 0.1,
    "neighbours": 0,
    "adaptive_weight": 0.15,
    "raw_fusion": False,
    "window_influence": 0.25,
}


@given(row=st.integers(0, 16), column=st.integers(0, 16))
def test_the_box_is_that_of_the_strongest_cell(row, column):
    edges = edges_of(40, 30)
    edges[:, row, column] = (25, 10, 19, 16)  # 44 x 26, its middle 3 to the left of the cell, 3 below
    peak = find_boxed_peak(bump(row, column, height=0.7), None, edges, None, **BOXED)
    assert (peak.dx, peak.dy) == ((column - 8) * 8 - 3, (row - 8) * 8 + 3)
    assert peak.size == (44, 26)
    assert peak.scale == 0
    assert peak.raw == pytest.approx(0.7)
    assert peak.trust == pytest.approx(float(size_trust(edges, (40, 30), 0.1)[row, column]))
    assert peak.trust < 0.99


@given(
    row=st.integers(0, 16),
    column=st.integers(0, 16),
    neighbours=st.integers(0, 3),
    box=st.tuples(*[st.floats(5, 60)] * 4),
)
def test_neighbours_that_see_the_same_box_change_nothing(row, column, neighbours, box):
    x, y = (np.arange(17) - 8) * 8.0, (np.arange(17)[:, None] - 8) * 8.0
    cell_x, cell_y = (column - 8) * 8, (row - 8) * 8
    low_x, low_y, high_x, high_y = cell_x - box[0], cell_y - box[1], cell_x + box[2], cell_y + box[3]
    edges = np.stack(np.broadcast_arrays(x - low_x, y - low_y, high_x - x, high_y - y))
    settings = {**BOXED, "size_penalty": 0.0, "neighbours": neighbours}
    peak = find_boxed_peak(bump(row, column), None, edges, None, **settings)
    assert (peak.dx, peak.dy) == pytest.approx(((low_x + high_x) / 2, (low_y + high_y) / 2))
    assert peak.size == pytest.approx((high_x - low_x, high_y - low_y))


def test_neighbours_count_by_their_response():
    fixed = np.zeros((17, 17), np.float32)
    fixed[8, 8], fixed[8, 9] = 1.0, 0.5
    edges = edges_of(40, 30)
    edges[2, 8, 9] += 17  # the neighbour sees the right edge 17 + 8 further out, the left one 8
    settings = {**BOXED, "size_penalty": 0.0}
    alone = find_boxed_peak(fixed, None, edges, None, **settings)
    both = find_boxed_peak(fixed, None, edges, None, **{**settings, "neighbours": 1})
    assert (alone.dx, alone.size) == (0, (40, 30))
    share = 0.5**4 / (1 + 0.5**4)
    assert both.size == pytest.approx((40 + 17 * share, 30))
    assert both.dx == pytest.approx((8 + 17 / 2) * share)


def places_of(peak):
    return round(peak.dy / 8), round(peak.dx / 8)


def test_the_window_holds_back_a_far_box():
    fixed = np.maximum(bump(8, 8, height=0.9), bump(2, 14))
    free = find_boxed_peak(fixed, None, edges_of(40, 30), None, **BOXED)
    held = find_boxed_peak(fixed, None, edges_of(40, 30), hann_window(17), **BOXED)
    assert (places_of(free), places_of(held)) == ((-6, 6), (0, 0))
    assert held.raw == pytest.approx(1.0)  # before the window


def test_the_adaptive_template_decides_between_boxes_that_look_alike():
    fixed = np.maximum(bump(8, 6, height=0.98), bump(8, 12))
    alone = find_boxed_peak(fixed, None, edges_of(40, 30), None, **BOXED)
    both = find_boxed_peak(fixed, bump(8, 6), edges_of(40, 30), None, **BOXED)
    ignored = find_boxed_peak(fixed, bump(8, 6), edges_of(40, 30), None, **{**BOXED, "adaptive_weight": 0.0})
    assert [places_of(peak) for peak in (alone, both, ignored)] == [(0, 4), (0, -2), (0, 4)]


def test_a_box_of_another_size_loses_to_one_that_fits():
    fixed = np.maximum(bump(8, 6, height=0.9), bump(8, 12))
    edges = edges_of(40, 30)
    edges[..., 10:] *= 3
    fits = find_boxed_peak(fixed, None, edges, None, **BOXED)
    any_size = find_boxed_peak(fixed, None, edges, None, **{**BOXED, "size_penalty": 0.0})
    assert (places_of(fits), fits.size) == ((0, -2), (40, 30))
    assert (places_of(any_size), any_size.size) == ((0, 4), (120, 90))
    assert any_size.trust == 1


def test_in_raw_fusion_the_surer_template_counts_more():
    sure, unsure = bump(4, 4, height=4.0), bump(12, 12, height=1.0)
    each = fuse(sure, unsure, 0.55, raw=False)
    together = fuse(sure, unsure, 0.55, raw=True)
    assert np.unravel_index(each.argmax(), each.shape) == (12, 12)
    assert np.unravel_index(together.argmax(), together.shape) == (4, 4)
    for fused in (each, together, fuse(sure, None, 0.55, raw=True)):
        assert fused.sum() == pytest.approx(1.0, abs=1e-4)
