"""The target is where the warp says, as large as it says, whatever the warp."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_ros.nn.losses import centre_labels
from gradnet_ros.training.augment import Warp, apply_warp, blend_ellipse, change_colours, occlude
from support import texture

SIDE = 241


def inside_of(crop):
    """Which pixels are target: targets are drawn white on black."""
    return crop[..., 2] > 127


def centre_of_mass(crop):
    rows, columns = np.nonzero(inside_of(crop))
    return float(columns.mean()), float(rows.mean())


def extent(crop):
    """(w, h) of what is white."""
    return tuple(int(np.ptp(np.flatnonzero(inside_of(crop).any(axis=axis)))) + 1 for axis in (0, 1))


def ellipse_picture(centre, size):
    rows, columns = np.mgrid[:200, :200]
    radius = np.hypot((columns - centre[0]) / (size[0] / 2), (rows - centre[1]) / (size[1] / 2))
    return np.where(radius[..., None] <= 1, 255, 0).astype(np.uint8).repeat(3, axis=2)


warps = st.builds(
    dict,
    zoom=st.floats(0.4, 2.5),
    aspect=st.floats(0.75, 1.33),
    angle=st.floats(-3.2, 3.2),
    mirror=st.booleans(),
    offset=st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
)


@settings(max_examples=40, deadline=None)
@given(x=st.floats(60, 140), y=st.floats(60, 140), warp=warps)
def test_the_target_lands_at_the_offset(x, y, warp):
    picture = ellipse_picture((x, y), (16, 16))
    mark = centre_of_mass(picture)
    found = centre_of_mass(apply_warp(picture, Warp(mark, **warp), SIDE))
    assert np.array(found) - 120 == pytest.approx(warp["offset"], abs=0.8)


@settings(max_examples=40, deadline=None)
# Small enough to lie whole in the crop wherever the warp puts it.
@given(warp=warps, w=st.floats(12, 46), h=st.floats(12, 46))
def test_the_box_of_a_turned_ellipse_has_the_size_that_the_warp_says(warp, w, h):
    warp = Warp((100.0, 100.0), **warp)
    found = extent(apply_warp(ellipse_picture((100, 100), (w, h)), warp, SIDE))
    # The ellipse is drawn to the pixel, and every pixel of it grows with the zoom.
    assert found == pytest.approx(warp.box_size((w, h)), abs=1.5 + 1.5 * warp.zoom)


@settings(max_examples=40, deadline=None)
# Large enough to measure, and small enough to lie whole in the crop wherever the warp puts it.
@given(warp=warps, half_w=st.integers(5, 22), half_h=st.integers(5, 22))
def test_the_box_of_an_upright_rectangle_is_exact(warp, half_w, half_h):
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[100 - half_h : 101 + half_h, 100 - half_w : 101 + half_w] = 255
    warp = Warp((100.0, 100.0), **{**warp, "angle": 0.0})
    assert extent(apply_warp(picture, warp, SIDE)) == pytest.approx(
        warp.box_size((2 * half_w + 1, 2 * half_h + 1)), abs=1.5
    )


@settings(max_examples=40, deadline=None)
@given(warp=warps, x=st.floats(80, 120), y=st.floats(80, 120))
def test_the_labels_peak_lies_on_the_object(warp, x, y):
    crop = apply_warp(ellipse_picture((x, y), (40, 40)), Warp((x, y), **warp), SIDE)
    labels = centre_labels(torch.tensor([warp["offset"]]), 19, 8)[0, 0]
    row, column = ((labels > 0).nonzero().double().mean(0).numpy() - 9) * 8 + 120
    assert inside_of(crop)[round(row), round(column)]
    assert np.array(centre_of_mass(crop)) == pytest.approx((column, row), abs=4.5)  # half a cell


def test_mirror_flips_left_and_right():
    picture = texture(np.random.default_rng(0), 101, 101, 10)
    crop = apply_warp(picture, Warp((50, 50), 1.0, mirror=True), 101)
    np.testing.assert_array_equal(crop[:, 1:-1], picture[:, ::-1][:, 1:-1])


def test_a_positive_angle_turns_x_towards_y():
    """Clockwise on the screen, where y points down."""
    picture = np.zeros((101, 101, 3), np.uint8)
    picture[48:53, 78:83] = 255  # 30 pixels right of the centre
    crop = apply_warp(picture, Warp((50.0, 50.0), 1.0, angle=np.pi / 2), 101)
    assert centre_of_mass(crop) == pytest.approx((50, 80), abs=0.5)


def test_beyond_the_picture_is_its_mean_colour():
    picture = np.full((50, 50, 3), (10, 20, 30), np.uint8)
    picture[:25] = (30, 40, 50)
    crop = apply_warp(picture, Warp((25.0, 25.0), 1.0, offset=(60.0, 60.0)), SIDE)
    assert crop[0, 0].tolist() == [20, 30, 40]


def test_colours_change_values_and_nothing_else():
    crop = texture(np.random.default_rng(0), 64, 64, 8)
    before = crop.copy()
    rng = np.random.default_rng(1)
    changes = 0
    for _ in range(60):
        changed = change_colours(crop, rng, 1.0)
        assert changed.shape == crop.shape
        assert changed.dtype == np.uint8
        # Structure stays in place: it still resembles itself more than itself moved.
        here = np.corrcoef(changed.mean(2).ravel(), crop.mean(2).ravel())[0, 1]
        moved = np.corrcoef(changed.mean(2).ravel(), np.roll(crop.mean(2), 9, axis=1).ravel())[0, 1]
        assert here > moved
        changes += bool((changed != crop).any())
    assert changes > 40
    np.testing.assert_array_equal(crop, before)
    np.testing.assert_array_equal(change_colours(crop, rng, 0.0), crop)


places = {"dx": st.floats(-64, 64), "dy": st.floats(-64, 64)}


@settings(max_examples=40, deadline=None)
@given(**places, w=st.floats(2, 200), h=st.floats(2, 200), seed=st.integers(0, 99))
def test_occlusion_hides_a_part_of_the_target_only(dx, dy, w, h, seed):
    crop = texture(np.random.default_rng(2), SIDE, SIDE, 6)
    before = crop.copy()
    occlude(crop, (dx, dy), (w, h), np.random.default_rng(seed))
    rows, columns = np.nonzero((crop != before).any(axis=2))
    if len(rows):
        assert np.ptp(rows) + 1 <= max(4, 0.7 * h) + 1
        assert np.ptp(columns) + 1 <= max(4, 0.7 * w) + 1


@settings(max_examples=40, deadline=None)
@given(**places, w=st.floats(20, 100), h=st.floats(20, 100), seed=st.integers(0, 99))
def test_occlusion_lies_on_the_target(dx, dy, w, h, seed):
    # The target is white and lies before black: what turned black is hidden.
    rows, columns = np.mgrid[:SIDE, :SIDE]
    inside = (np.abs(columns - 120 - dx) <= w / 2) & (np.abs(rows - 120 - dy) <= h / 2)
    crop = np.where(inside[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2)
    # Noise in one channel, so that a patch from anywhere is seen.
    crop[..., 0] = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE))
    before = crop.copy()
    occlude(crop, (dx, dy), (w, h), np.random.default_rng(seed))
    changed = (crop != before).any(axis=2)
    assert (changed & inside).any()
    hidden = inside & (crop[..., 2] == 0)
    assert hidden.sum() <= 0.55 * inside.sum()


@settings(max_examples=30, deadline=None)
@given(dx=st.integers(-60, 60), dy=st.integers(-60, 60), w=st.floats(10, 100), h=st.floats(10, 100))
def test_an_ellipse_is_laid_over_another_picture(dx, dy, w, h):
    behind = np.full((SIDE, SIDE, 3), 50, np.uint8)
    front = np.full((SIDE, SIDE, 3), 200, np.uint8)
    mixed = blend_ellipse(behind, front, (dx, dy), (w, h))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    radius = np.hypot((columns - 120 - dx) / (w / 2), (rows - 120 - dy) / (h / 2))
    assert (mixed[radius < 0.9] == 200).all()
    assert (mixed[radius > 1.25] == 50).all()
    rim = mixed[(radius > 1.05) & (radius < 1.1)]
    assert ((rim > 50) & (rim < 200)).all()
    assert (behind == 50).all()
    assert (front == 200).all()
