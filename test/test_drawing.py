"""What is drawn on a frame."""

import numpy as np
import pytest

from gradnet_ros.drawing import COLOURS, draw_track
from gradnet_ros.tracking.track import Track, TrackState


@pytest.mark.parametrize("state", TrackState)
@pytest.mark.parametrize("box", [(30.0, 40.0, 20.0, 10.0), (-50.0, -50.0, 100.0, 90.0)])
def test_the_box_is_drawn_in_the_colour_of_its_state(state, box):
    image = np.zeros((120, 160, 3), np.uint8)
    drawn = draw_track(image, Track(box, 0.5, state, 1.0, False), "cup")
    assert drawn is image
    assert (drawn == COLOURS[state]).all(axis=2).any()
    assert image.any(axis=2).mean() < 0.5
