"""What is timed: the right calls, in the right numbers."""

import pytest

from gradnet_ros.bench.clip import generate_clip
from gradnet_ros.bench.frames import WARM_UP, spread_boxes, time_decoded, time_follower, time_frames
from gradnet_ros.bench.stages import time_stages
from gradnet_ros.engines.torch_engine import TorchEngine
from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.tracking.geometry import check_box
from gradnet_ros.tracking.tracker import Tracker
from support import need_weights


@pytest.fixture(scope="module")
def clip():
    return generate_clip(160, 120, 6)


@pytest.fixture(scope="module")
def tracker():
    need_weights()
    return Tracker("lite", "cpu", config={"update_interval": 5}, engine="torch")


def test_frames_with_and_without_an_update_are_told_apart(tracker, clip):
    tracker.configure({"update_interval": 5, "early_frames": 0})
    times = time_frames(tracker, clip, 10)
    assert (times.every.count, times.plain.count, times.update.count) == (10, 8, 2)
    tracker.configure({"update_interval": 0})
    assert time_frames(tracker, clip, 2).update is None


@pytest.mark.parametrize(("box_steps", "before"), [(0, WARM_UP), (WARM_UP + 5, WARM_UP + 5)])
def test_no_box_is_fitted_in_a_timed_frame(tracker, clip, monkeypatch, tmp_path, box_steps, before):
    tracker.configure({"update_interval": 5, "box_steps": box_steps})
    tracked, fitted = [], []
    update, fit = tracker.update, tracker._engine.fit_boxes
    monkeypatch.setattr(tracker, "update", lambda frame: tracked.append(1) or update(frame))
    monkeypatch.setattr(tracker._engine, "fit_boxes", lambda state: fitted.append(len(tracked)) or fit(state))
    for measure in (time_frames, lambda *a: time_decoded(*a, tmp_path)):
        tracked.clear()
        fitted.clear()
        measure(tracker, clip, 2)
        assert len(tracked) == before + 2
        assert len(fitted) == box_steps
        assert all(number <= before for number in fitted)
    tracker.configure({"box_steps": 0})


def test_decoding_is_timed_too(tracker, clip, tmp_path):
    assert time_decoded(tracker, clip, 3, tmp_path).count == 3
    assert (tmp_path / "160x120.mp4").stat().st_size > 1000


def test_a_follower_is_started_once(clip):
    seen = []
    timing = time_follower(
        lambda frame: seen.append(("init", frame)), lambda frame: seen.append(("update", frame)), clip, 4
    )
    assert [name for name, _ in seen] == ["init"] + ["update"] * (WARM_UP + 4)
    assert seen[0][1] is clip.frames[0]
    assert seen[1][1] is clip.frames[1]
    assert timing.count == 4


def test_stages_are_parts_of_a_frame(tracker, clip):
    engine = TorchEngine(load_network(shipped_weights("lite")).net, tracker.device)
    tracker.configure({"update_interval": 2, "box_steps": 7})
    stages = time_stages(engine, tracker.config, clip, 6)
    assert stages.network.count == 6
    assert stages.update.count == 3
    assert stages.box_fit.count == 4  # of seven steps three fell on a template update
    assert stages.network.p50 > stages.crop.p50 > 0
    assert stages.network.p50 > stages.response.p50 > 0


@pytest.mark.parametrize("count", [1, 4, 16])
def test_boxes_are_spread_over_the_frame(clip, count):
    boxes = spread_boxes(clip, count)
    assert boxes[0] == clip.box
    assert len(set(boxes)) == count
    for box in boxes:
        check_box(box, *clip.size)
