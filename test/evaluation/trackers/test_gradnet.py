"""Our own tracker as an evaluated one."""

import json

import numpy as np
import pytest

from gradnet_ros import Tracker
from gradnet_ros.evaluation.trackers.gradnet import GradNetSpec, GradNetTracker
from gradnet_ros.nn.checkpoint import save_network
from support import moving_scene, random_network


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "net.safetensors"
    save_network(path, random_network("lite"))
    return path


def spec(weights, **settings):
    return GradNetSpec("gradnet", "lite", "cpu", "torch", weights, tuple(settings.items()))


def test_answers_are_those_of_the_tracker(weights):
    frames, boxes = moving_scene(5)
    box = tuple(boxes[0])
    tracker = Tracker("lite", "cpu", weights, {"update_interval": 2}, engine="torch")
    tracker.init(frames[0], box)
    expected = [tracker.update(frame) for frame in frames[1:]]
    evaluated = spec(weights, update_interval=2).make()
    evaluated.init(frames[0], box)
    answers = [evaluated.update(frame) for frame in frames[1:]]
    assert [answer.box for answer in answers] == [track.box for track in expected]
    assert [answer.score for answer in answers] == [track.score for track in expected]
    assert [answer.updated for answer in answers] == [track.updated for track in expected]
    assert tracker.template_updates == sum(answer.updated for answer in answers) > 0


@pytest.mark.parametrize(("lost_score", "lost"), [(0.0, False), (1.0, True)])
def test_only_the_state_lost_counts_as_lost(weights, lost_score, lost):
    frames, boxes = moving_scene(2)
    evaluated = spec(weights, lost_score=lost_score, tracked_score=1.0).make()
    evaluated.init(frames[0], tuple(boxes[0]))
    assert evaluated.update(frames[1]).lost is lost


def test_an_answer_has_learned(weights, monkeypatch):
    frames, boxes = moving_scene(2)
    evaluated = spec(weights, update_interval=1).make()
    evaluated.init(frames[0], tuple(boxes[0]))
    learned = []
    learn = Tracker.learn
    monkeypatch.setattr(Tracker, "learn", lambda self: learned.append(learn(self)))
    updated = evaluated.update(frames[1]).updated
    assert learned[-1] is updated


def test_a_report_can_say_what_ran(weights, tmp_path):
    about = spec(weights, update_interval=3).make().about
    assert (about["network"], about["device"]) == ("lite", "cpu")
    assert about["engine"].startswith("torch ")
    assert json.loads(about["settings"])["update_interval"] == 3
    assert about["weights"].startswith("net.safetensors, sha256 ")
    other = tmp_path / "net.safetensors"
    save_network(other, random_network("lite"), {"update_interval": 3}, {"note": "another file"})
    assert spec(other).make().about["weights"] != about["weights"]


def test_settings_that_change_later_are_told(weights):
    tracker = Tracker("lite", "cpu", weights, engine="torch")
    evaluated = GradNetTracker(tracker)
    tracker.configure({"update_interval": 7})
    assert json.loads(evaluated.about["settings"])["update_interval"] == 7
    assert "weights" not in evaluated.about


def test_what_the_tracker_refuses_is_refused(weights, tmp_path):
    with pytest.raises(ValueError, match="no weights at"):
        spec(tmp_path / "none.safetensors").make()
    with pytest.raises(ValueError, match="unknown tracker setting speed"):
        spec(weights, speed=1).make()
    with pytest.raises(ValueError, match="box width and height"):
        spec(weights).make().init(np.zeros((40, 40, 3), np.uint8), (1, 1, 0, 3))
