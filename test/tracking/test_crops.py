"""Crops against sampling written out pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_ros.tracking.crops import crop_matrix, mean_colour, warp_crops
from support import texture

BORDER = (10.0, 20.0, 30.0)


def slow_crop(image, centre, side, size):
    """Bilinear sampling by definition; outside the picture is the border's colour."""
    height, width = image.shape[:2]
    crop = np.empty((size, size, 3))

    def pixel(row, column):
        inside = 0 <= row < height and 0 <= column < width
        return image[row, column].astype(float) if inside else np.array(BORDER)

    for r in range(size):
        for c in range(size):
            # Continuous coordinates of the crop pixel's centre, then of the picture's pixel centres.
            x = centre[0] + ((c + 0.5) / size - 0.5) * side - 0.5
            y = centre[1] + ((r + 0.5) / size - 0.5) * side - 0.5
            left, top = int(np.floor(x)), int(np.floor(y))
            fx, fy = x - left, y - top
            crop[r, c] = (1 - fy) * ((1 - fx) * pixel(top, left) + fx * pixel(top, left + 1)) + fy * (
                (1 - fx) * pixel(top + 1, left) + fx * pixel(top + 1, left + 1)
            )
    return crop


@settings(max_examples=20, deadline=None)
@given(x=st.floats(-10, 74), y=st.floats(-10, 58), side=st.floats(12, 46))
def test_a_crop_equals_the_slow_reference(x, y, side):
    image = texture(np.random.default_rng(0), 48, 64, 8)
    out = np.empty((1, 24, 24, 3), np.uint8)
    warp_crops(image, [crop_matrix((x, y), side, 24)], BORDER, out)
    # OpenCV rounds sampling positions to 1/32 of a pixel.
    assert np.abs(out[0] - slow_crop(image, (x, y), side, 24)).max() <= 16


def test_the_crop_of_the_same_size_is_the_picture_itself():
    image = texture(np.random.default_rng(1), 40, 60, 6)
    out = np.empty((1, 20, 20, 3), np.uint8)
    warp_crops(image, [crop_matrix((30, 25), 20, 20)], BORDER, out)
    np.testing.assert_array_equal(out[0], image[15:35, 20:40])


@settings(max_examples=30, deadline=None)
@given(
    x=st.floats(-50, 450),
    y=st.floats(-50, 350),
    side=st.floats(20, 900),
    u=st.floats(-0.4, 0.4),
    v=st.floats(-0.4, 0.4),
)
def test_a_mark_lands_where_the_matrix_says_at_every_reduction(x, y, side, u, v):
    """A ramp's colour tells the place: what is sampled must be what lies there, shrunk or not."""
    columns, rows = np.meshgrid(np.arange(400) * 0.5, np.arange(300) * 0.5)
    image = np.stack([columns, rows, np.full_like(rows, 255)], axis=2).astype(np.uint8)
    size = 33
    out = np.empty((3, size, size, 3), np.uint8)
    sides = [side / 1.05, side, side * 1.05]
    warp_crops(image, [crop_matrix((x, y), s, size) for s in sides], (0, 0, 0), out)
    for crop, s in zip(out, sides, strict=True):
        column, row = int((u + 0.5) * size), int((v + 0.5) * size)
        px = x + ((column + 0.5) / size - 0.5) * s
        py = y + ((row + 0.5) / size - 0.5) * s
        reach = max(2.0, 2 * s / size)
        blue, green, red = (float(value) for value in crop[row, column])
        if reach < px < 400 - reach and reach < py < 300 - reach:
            assert red == 255
            assert blue == pytest.approx((px - 0.5) * 0.5, abs=1.6)
            assert green == pytest.approx((py - 0.5) * 0.5, abs=1.6)
        elif px < -reach or px > 400 + reach or py < -reach or py > 300 + reach:
            assert red == 0


def test_shrinking_averages_instead_of_skipping():
    image = np.zeros((400, 400, 3), np.uint8)
    image[::2] = 200  # every other row: bilinear sampling at 1/8 would see all or nothing
    out = np.empty((1, 32, 32, 3), np.uint8)
    warp_crops(image, [crop_matrix((200, 200), 270, 32)], BORDER, out)
    assert abs(float(out.mean()) - 100) < 2
    assert out.std() < 5


def test_a_crop_that_misses_the_picture_is_all_border():
    image = np.full((100, 100, 3), 255, np.uint8)
    for side in (20.0, 400.0):
        out = np.empty((1, 16, 16, 3), np.uint8)
        warp_crops(image, [crop_matrix((-900, 1900), side, 16)], BORDER, out)
        np.testing.assert_array_equal(out[0, 0, 0], BORDER)
        assert out.std(axis=(0, 1, 2)).max() == 0


def test_mean_colour():
    image = np.zeros((10, 10, 3), np.uint8)
    image[:5] = (100, 50, 20)
    assert mean_colour(image) == (50, 25, 10)
