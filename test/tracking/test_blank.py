"""Pictures that show nothing."""

import numpy as np
import pytest

from gradnet_ros import Tracker
from gradnet_ros.engines.protocol import Region
from gradnet_ros.tracking.blank import is_blank
from gradnet_ros.tracking.track import TrackState
from support import moving_scene, need_weights

SQUARE = Region((160.0, 120.0), (150.0, 200.0))


def grey(level, noise=0.0, size=(240, 320)):
    values = level + noise * np.random.default_rng(0).standard_normal((*size, 3))
    return np.clip(values.round(), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_one_colour_is_blank_with_a_camera_s_noise_too(level, noise):
    assert is_blank(grey(level, noise), SQUARE)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_small_faint_target_is_something(channel):
    image = grey(120, 1.0)
    image[115:131, 150:166, channel] += 12
    assert not is_blank(image, SQUARE)


def test_what_lies_beside_the_largest_square_does_not_count():
    image = grey(120)
    image[:, :50] = 0  # The square is 200 pixels wide and begins at 60.
    assert is_blank(image, SQUARE)
    image[:, :64] = 0
    assert not is_blank(image, SQUARE)


@pytest.mark.parametrize("centre", [(0.0, 0.0), (320.0, 240.0), (-500.0, 90.0)])
def test_a_square_that_reaches_out_of_the_image(centre):
    assert is_blank(grey(120), Region(centre, (200.0,)))


@pytest.mark.parametrize("network", ["lite", "alexnet"])
@pytest.mark.parametrize("level", [0, 255])
def test_a_blinded_camera_does_not_lead_the_target_astray(network, level):
    """A second of black or white frames: it is LOST where it was, and found there when it is seen again."""
    need_weights(network)
    frames, truth = moving_scene(4)
    tracker = Tracker(network, "cpu", engine="torch")
    tracker.init(frames[0], tuple(truth[0]))
    seen = [tracker.update(frame) for frame in frames[1:]][-1]
    assert seen.state is TrackState.TRACKED
    blind = [tracker.update(np.full_like(frames[0], level)) for _ in range(30)]
    assert {(track.box, track.score, track.state) for track in blind} == {(seen.box, 0.0, TrackState.LOST)}
    again = tracker.update(frames[-1])
    assert again.state is TrackState.TRACKED
    np.testing.assert_allclose(again.box, seen.box, atol=4)
