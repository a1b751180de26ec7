"""The target is where the warp says, whatever the warp."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_ros.training.augment import Warp, apply_warp, change_colours, occlude, replace_background
from support import texture


def centre_of_mass(crop):
    weight = (crop[..., 2].astype(float) > 200).astype(float)
    rows, columns = np.mgrid[: crop.shape[0], : crop.shape[1]]
    total = weight.sum()
    return float((columns * weight).sum() / total), float((rows * weight).sum() / total)


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(60, 140),
    y=st.floats(60, 140),
    zoom=st.floats(0.3, 3.0),
    aspect=st.floats(0.8, 1.25),
    angle=st.floats(-3, 3),
    mirror=st.booleans(),
    dx=st.floats(-60, 60),
    dy=st.floats(-60, 60),
)
def test_the_target_lands_at_the_offset(x, y, zoom, aspect, angle, mirror, dx, dy):
    rows, columns = np.mgrid[:200, :200]
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[(columns - x) ** 2 + (rows - y) ** 2 <= 8**2] = 255
    mark = centre_of_mass(picture)
    crop = apply_warp(picture, Warp(mark, zoom, aspect, angle, mirror, (dx, dy)), 241)
    found = centre_of_mass(crop)
    assert found[0] - 120 == pytest.approx(dx, abs=0.8)
    assert found[1] - 120 == pytest.approx(dy, abs=0.8)


def test_zoom_and_aspect_set_the_targets_size():
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[80:120, 90:110] = 255
    crop = apply_warp(picture, Warp((99.5, 99.5), 2.0, aspect=1.25), 241)
    inside = crop[..., 0] > 127
    assert inside.any(axis=0).sum() == pytest.approx(20 * 2 * 1.25, abs=1)
    assert inside.any(axis=1).sum() == pytest.approx(40 * 2 / 1.25, abs=1)


def test_mirror_flips_left_and_right():
    picture = texture(np.random.default_rng(0), 101, 101, 10)
    crop = apply_warp(picture, Warp((50, 50), 1.0, mirror=True), 101)
    np.testing.assert_array_equal(crop[:, 1:-1], picture[:, ::-1][:, 1:-1])


def test_colours_change_values_and_nothing_else():
    crop = texture(np.random.default_rng(0), 64, 64, 8)
    before = crop.copy()
    rng = np.random.default_rng(1)
    for _ in range(60):
        changed = change_colours(crop, rng, 1.0)
        assert changed.shape == crop.shape
        assert changed.dtype == np.uint8
        # Structure stays in place: it still resembles itself more than itself moved.
        here = np.corrcoef(changed.mean(2).ravel(), crop.mean(2).ravel())[0, 1]
        moved = np.corrcoef(changed.mean(2).ravel(), np.roll(crop.mean(2), 9, axis=1).ravel())[0, 1]
        assert here > moved
    np.testing.assert_array_equal(crop, before)
    np.testing.assert_array_equal(change_colours(crop, rng, 0.0), crop)


@settings(max_examples=40, deadline=None)
@given(dx=st.floats(-64, 64), dy=st.floats(-64, 64), w=st.floats(2, 200), h=st.floats(2, 200))
def test_occlusion_hides_a_part_of_the_target_only(dx, dy, w, h):
    crop = texture(np.random.default_rng(2), 241, 241, 6)
    before = crop.copy()
    occlude(crop, (dx, dy), (w, h), np.random.default_rng(int(abs(dx * 7 + dy))))
    changed = (crop != before).any(axis=2)
    rows, columns = np.nonzero(changed)
    if len(rows):
        assert (rows.max() - rows.min() + 1) <= max(4, 0.7 * h) + 1
        assert (columns.max() - columns.min() + 1) <= max(4, 0.7 * w) + 1


@settings(max_examples=30, deadline=None)
@given(dx=st.integers(-60, 60), dy=st.integers(-60, 60), w=st.floats(10, 100), h=st.floats(10, 100))
def test_another_background_leaves_the_target_alone(dx, dy, w, h):
    crop = np.full((241, 241, 3), 200, np.uint8)
    background = np.full((241, 241, 3), 50, np.uint8)
    mixed = replace_background(crop, background, (dx, dy), (w, h))
    rows, columns = np.mgrid[:241, :241]
    radius = np.hypot((columns - 120 - dx) / (w / 2), (rows - 120 - dy) / (h / 2))
    assert (mixed[radius < 0.9] == 200).all()
    assert (mixed[radius > 1.25] == 50).all()
    assert (crop == 200).all()
