"""Maps over crops."""

import numpy as np
import torch

from gradnet_ros.training.stages.pictures import overlay


def crops_of(count, side=38):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def test_a_row_is_the_crop_and_its_maps():
    crops = crops_of(6)
    maps = torch.randn(6, 1, 19, 19), torch.randn(6, 1, 19, 19)
    picture = overlay(crops, *maps)
    assert picture.shape == (4 * 38, 3 * 38, 3)
    assert picture.dtype == np.uint8
    for row in range(4):
        shown = picture[38 * row : 38 * row + 38, :38]
        np.testing.assert_array_equal(shown, crops[row].permute(1, 2, 0).flip(-1).numpy())  # RGB
    assert overlay(crops, maps[0], count=2).shape == (2 * 38, 2 * 38, 3)
    assert overlay(crops[:1], maps[0][:1]).shape == (38, 2 * 38, 3)


def test_the_brightest_place_is_the_peak():
    crops = torch.full((1, 3, 38, 38), 90, dtype=torch.uint8)
    scores = torch.zeros(1, 1, 19, 19)
    scores[0, 0, 5, 12] = 1
    shown = overlay(crops, scores)[:, 38:].astype(int).sum(axis=2)
    rows, columns = np.nonzero(shown == shown.max())
    assert set(rows) == {10, 11}
    assert set(columns) == {24, 25}


def test_maps_of_a_row_share_one_colour_scale():
    crops = torch.zeros(1, 3, 38, 38, dtype=torch.uint8)
    low, high = torch.zeros(1, 1, 19, 19), torch.zeros(1, 1, 19, 19)
    low[..., 0, 0], high[..., 0, 0] = 0.5, 1.0
    first, second = np.split(overlay(crops, low, high)[:, 38:], 2, axis=1)
    assert (first[0, 0] != second[0, 0]).any()
    np.testing.assert_array_equal(first[10, 10], second[10, 10])


def test_flat_maps_do_no_harm():
    scores = torch.full((2, 1, 19, 19), -3.0, requires_grad=True)
    assert overlay(crops_of(2), scores).shape == (2 * 38, 2 * 38, 3)
