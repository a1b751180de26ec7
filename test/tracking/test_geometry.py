"""Boxes and images that cannot be tracked are refused with the field and the bound."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.tracking.geometry import check_box, check_image, context_side, steady_place, steady_zoom

IMAGE = np.zeros((48, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (None, "NoneType"),
        ([[1, 2, 3]], "list"),
        (IMAGE[..., 0], r"shape \(48, 64\)"),
        (IMAGE[..., :2], r"shape \(48, 64, 2\)"),
        (IMAGE.astype(np.float32), "float32"),
        (IMAGE[:4], "at least 8x8 pixels, got 64x4"),
        (np.zeros((0, 64, 3), np.uint8), "at least 8x8"),
        (np.zeros((8, 32767, 3), np.uint8), "at most 32766 pixels, got 32767x8"),
    ],
)
def test_bad_images(image, found):
    with pytest.raises(ValueError, match=found):
        check_image(image)


def test_a_good_image_is_returned_itself():
    assert check_image(IMAGE) is IMAGE


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (None, "four numbers"),
        ("abcd", "four numbers"),
        ((1, 2, 3), "four numbers"),
        ((1, 2, 3, 4, 5), "four numbers"),
        ((math.nan, 2, 10, 10), "finite"),
        ((1, 2, math.inf, 10), "finite"),
        ((1, 2, 0, 10), "at least 2 pixels"),
        ((1, 2, 10, -5), "at least 2 pixels"),
        ((60, 2, 10, 10), "inside the 64x48 image"),
        ((-20, 2, 10, 10), "inside the 64x48 image"),
        ((1, 50, 10, 10), "inside the 64x48 image"),
        ((-300, 2, 600, 10), "at most four times"),
    ],
)
def test_bad_boxes(box, message):
    with pytest.raises(ValueError, match=message):
        check_box(box, 64, 48)


ANY = st.one_of(st.floats(-100, 300), st.floats())


@given(x=ANY, y=ANY, w=ANY, h=ANY)
def test_a_box_is_refused_or_usable(x, y, w, h):
    try:
        found = check_box((x, y, w, h), 64, 48)
    except ValueError:
        return
    assert found == (x, y, w, h)
    assert 0 <= x + w / 2 <= 64
    assert 0 <= y + h / 2 <= 48
    assert 2 <= w <= 256
    assert 2 <= h <= 192


@given(w=st.floats(2, 1000), h=st.floats(2, 1000), factor=st.floats(0.1, 10))
def test_context_scales_with_the_box_and_holds_it(w, h, factor):
    side = context_side(w, h)
    assert side == pytest.approx(context_side(h, w))
    assert context_side(factor * w, factor * h) == pytest.approx(factor * side)
    assert side >= math.sqrt(w * h)


def test_context_of_a_square_is_twice_its_side():
    assert context_side(40, 40) == pytest.approx(80)
    assert context_side(40, 40, 0.0) == pytest.approx(40)


@given(zoom=st.floats(1e-3, 1e3))
def test_zooms_are_steps_of_half_a_percent(zoom):
    steady = steady_zoom(zoom)
    assert abs(math.log2(steady / zoom)) <= 1 / 256 + 1e-12
    steps = math.log2(steady) * 128
    assert steps == pytest.approx(round(steps), abs=1e-9)
    assert steady_zoom(steady) == steady


@given(at=st.floats(-1e4, 1e4), pixel=st.floats(0.05, 100))
def test_places_are_halves_of_a_crops_pixels(at, pixel):
    steady = steady_place(at, pixel)
    assert abs(steady - at) <= pixel / 4 + 1e-9
    halves = steady / pixel * 2
    assert halves == pytest.approx(round(halves), abs=1e-6)
    assert steady_place(steady, pixel) == steady
