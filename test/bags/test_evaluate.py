"""A tracker on a bag is the tracker on the clip that the bag was made of."""

import pytest

pytest.importorskip("rosbags")
from bags.recordings import film, image, write
from gradnet_ros.bags.bag import Bag
from gradnet_ros.bags.evaluate import track_scene
from gradnet_ros.bags.pictures import PictureTopic
from gradnet_ros.bags.scene import Scene
from gradnet_ros.bags.timing import calls, percentiles
from gradnet_ros.ros.bbox import as_received
from gradnet_ros.tracking.tracker import Tracker
from support import moving_scene, need_weights


def test_boxes_are_those_of_the_clip(tmp_path):
    need_weights()
    frames, boxes = moving_scene(12)
    box = tuple(boxes[0].tolist())
    tracker = Tracker("lite", "cpu", config={"update_interval": 5}, engine="torch")
    expected = [tracker.init(frames[0], box), *map(tracker.update, frames[1:])]
    updates = tracker.template_updates
    seen = []
    with Bag(write(tmp_path / "bag", film(frames))) as bag:
        outcome = track_scene(tracker, Scene(PictureTopic(bag, None), init=box), seen.append)
    assert [row.finding.box for row in outcome.rows] == [as_received(each.box) for each in expected]
    assert [row.finding.state for row in outcome.rows] == [each.state for each in expected]
    assert outcome.updates == updates > 0
    assert seen == [row.finding for row in outcome.rows]
    timing = calls(outcome.rows, "cpu")["call_ms"]
    assert 0 < timing["p50"] <= timing["p95"] <= timing["p99"]


def test_what_was_left_out_before_an_interruption_is_kept(tmp_path):
    need_weights()
    frames, boxes = moving_scene(6)
    numbers = iter(range(6))

    def make(frame, stamp):
        if next(numbers) == 1:
            return image(frame, stamp, encoding="32FC7")
        return image(frame, stamp)

    def interrupt(finding):
        seen.append(finding)
        if len(seen) == 2:
            raise KeyboardInterrupt

    seen = []
    tracker = Tracker("lite", "cpu", engine="torch")
    with Bag(write(tmp_path / "bag", film(frames, make=make))) as bag:
        scene = Scene(PictureTopic(bag, None), init=tuple(boxes[0].tolist()))
        outcome = track_scene(tracker, scene, interrupt)
    assert (outcome.interrupted, [row.number for row in outcome.rows]) == (True, [0, 2])
    assert [each.number for each in outcome.scene.left_out] == [1]
    assert "32FC7" in outcome.scene.left_out[0].why


def test_percentiles_leave_out_what_is_unknown():
    assert percentiles([0.1, float("nan"), 0.3]) == {"p50": 200.0, "p95": 290.0, "p99": 298.0, "mean": 200.0}
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None, "mean": None}
