"""Engines' boxes against each other: the distance, and that only engines differ."""

import numpy as np
import pytest

from gradnet_ros import Tracker
from gradnet_ros.evaluation.agreement import Agreement, box_distance, compare_engines, follow
from gradnet_ros.evaluation.sequences import Sequence
from support import moving_scene, need_weights


def test_distance_is_the_mean_over_frames_and_numbers():
    reference = np.array([[10.0, 20.0, 30.0, 40.0], [11.0, 21.0, 31.0, 41.0]])
    moved = reference + np.array([[1.0, -1.0, 0.0, 0.0], [2.0, 0.0, 0.0, -4.0]])
    assert box_distance(moved, reference) == pytest.approx((1 + 1 + 2 + 4) / 8)
    assert box_distance(reference, reference) == 0.0


def test_the_line_names_what_is_furthest():
    found = Agreement("openvino (float32)", {"a": 0.25, "b": 2.0, "c": 0.0, "d": 0.5})
    assert (found.mean, found.median) == (0.6875, 0.375)
    assert str(found) == (
        "openvino (float32): mean 0.688 px, median 0.375 px; furthest: b 2.00, d 0.50, a 0.25"
    )


class Playing(Sequence):
    """Frames from memory."""

    def frames(self):
        yield from moving_scene(6)[0]


@pytest.fixture
def sequence():
    need_weights()
    return Playing("scene", (), moving_scene(6)[1])


class Filling(Sequence):
    """Frames in which the target takes up most of the picture, where the smallest difference grows."""

    def frames(self):
        for frame in moving_scene(25)[0]:
            yield frame[40:200, 60:260]


def test_openvino_draws_the_boxes_of_eager_pytorch():
    """While boxes are fitted, and after a template update."""
    need_weights()
    pytest.importorskip("openvino")
    large = Filling("large", (), np.tile([50.0, 40.0, 110.0, 90.0], (25, 1)))
    trackers = [Tracker(engine=engine, device="cpu") for engine in ("torch", "openvino")]
    (found,) = compare_engines(trackers[0], trackers[1:], [large], 25)
    assert found.mean < 0.01


def test_an_engine_agrees_with_itself_and_settings_do_not(sequence):
    trackers = [
        Tracker(engine="torch", device="cpu", config={"update_interval": interval, "box_steps": 0})
        for interval in (0, 0, 1)
    ]
    same, other = compare_engines(trackers[0], trackers[1:], [sequence], 4)
    assert same.distances == {"scene": 0.0}
    assert other.engine == "torch (float32)"
    assert other.distances["scene"] > 0.0
    assert follow(trackers[0], sequence, 3).shape == (3, 4)


def test_a_truth_that_cannot_be_started_on_is_told_with_the_sequence(sequence):
    bad = Playing("scene", (), np.full((6, 4), np.nan))
    with pytest.raises(ValueError, match="scene: box must be finite"):
        follow(Tracker(engine="torch", device="cpu"), bad, 3)
