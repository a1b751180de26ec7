"""OpenCV's trackers: the real ones where this OpenCV has them, and stand-ins for what they may answer."""

import json
from math import isnan

import cv2
import numpy as np
import pytest

from gradnet_ros.evaluation.metrics import (
    OTB_THRESHOLDS,
    PRECISION_PIXELS,
    centre_errors,
    overlaps,
    success_curve,
    valid_rows,
)
from gradnet_ros.evaluation.runner import run_tracker
from gradnet_ros.evaluation.sequences import read_folder
from gradnet_ros.evaluation.trackers.opencv import CLASSES, OpenCVSpec, OpenCVTracker
from support import data_folder, moving_scene

FRAME = np.zeros((60, 80, 3), np.uint8)
BOX = (10.4, 11.6, 20.0, 12.0)


class Standin:
    """Answers as it is told: a box, ``None`` for a failure, or an error."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.started = None

    def init(self, image, box):
        self.started = box

    def update(self, image):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return (False, (0, 0, 0, 0)) if answer is None else (True, answer)


class Scored(Standin):
    def getTrackingScore(self):
        return 0.75


def evaluated(standin, name="csrt"):
    return OpenCVTracker(name, lambda: standin, {})


def need(name):
    if not hasattr(cv2, f"{CLASSES[name]}_create"):
        pytest.skip(f"this OpenCV has no {CLASSES[name]} (no contrib modules)")


def test_a_tracker_is_started_on_whole_pixels():
    standin = Standin()
    evaluated(standin).init(FRAME, BOX)
    assert standin.started == (10, 12, 20, 12)


def test_a_failure_keeps_the_last_box_and_is_called_lost():
    tracker = evaluated(Standin((1, 2, 3, 4), None, cv2.error("inside"), (5, 6, 7, 8)))
    tracker.init(FRAME, BOX)
    answers = [tracker.update(FRAME) for _ in range(4)]
    assert [answer.box for answer in answers] == [(1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4), (5, 6, 7, 8)]
    assert [answer.lost for answer in answers] == [False, True, True, False]
    assert all(isnan(answer.score) and not answer.updated for answer in answers)


def test_the_first_box_is_kept_if_the_first_answer_is_a_failure():
    tracker = evaluated(Standin(None))
    tracker.init(FRAME, BOX)
    assert tracker.update(FRAME)[:3:2] == (BOX, True)


def test_a_tracker_that_scores_itself_is_heard():
    tracker = evaluated(Scored((1, 2, 3, 4)))
    tracker.init(FRAME, BOX)
    assert tracker.update(FRAME).score == 0.75


def test_every_target_gets_a_fresh_tracker():
    made = []

    def factory():
        made.append(Standin((len(made), 0, 5, 5)))
        return made[-1]

    tracker = OpenCVTracker("csrt", factory, {})
    for number in range(2):
        tracker.init(FRAME, BOX)
        assert tracker.update(FRAME).box == (number, 0, 5, 5)


@pytest.mark.parametrize(
    ("frame", "box", "message"),
    [
        (FRAME[..., 0], BOX, "image must be HxWx3"),
        (FRAME, (10, 10, 0, 5), "box width and height must be at least 2 pixels"),
        (FRAME, (200, 10, 5, 5), "box centre must lie inside the 80x60 image"),
    ],
)
def test_bad_images_and_boxes_are_refused(frame, box, message):
    with pytest.raises(ValueError, match=message):
        evaluated(Standin()).init(frame, box)


def test_an_update_needs_a_target():
    with pytest.raises(ValueError, match="no target"):
        evaluated(Standin()).update(FRAME)


def followed(name):
    """The overlap at the end of a short scene with a real tracker that never says that it is lost."""
    frames, boxes = moving_scene(12)
    tracker = OpenCVSpec(name).make()
    assert tracker.about == {"implementation": f"OpenCV {cv2.__version__} {CLASSES[name]}", "device": "cpu"}
    tracker.init(frames[0], tuple(boxes[0]))
    answers = [tracker.update(frame) for frame in frames[1:]]
    assert not any(answer.lost for answer in answers)
    return overlaps(np.array([answers[-1].box]), boxes[-1:])[0]


@pytest.mark.parametrize("name", ["csrt", "kcf"])
def test_the_real_ones_follow_a_target(name):
    need(name)
    assert followed(name) > 0.5


def test_the_real_mil_follows_a_target():
    """It draws its features by the clock, and one start in ten is an unlucky one."""
    assert any(followed("mil") > 0.5 for _ in range(8))


@pytest.mark.parametrize(
    "box",
    [
        (70, 50, 40, 40),  # OpenCV fails: it reaches out of the image
        (10, 10, 4, 4),  # OpenCV would look for features for ever
    ],
)
def test_a_target_that_the_real_mil_cannot_be_started_on_is_lost_from_there(box):
    frame = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    tracker = OpenCVSpec("mil").make()
    tracker.init(frame, box)
    answer = tracker.update(frame)
    assert answer.box == box
    assert answer.lost
    tracker.init(frame, (30, 20, 20, 20))
    assert not tracker.update(frame).lost


def test_a_tracker_of_the_contrib_modules_is_refused_without_them(monkeypatch):
    monkeypatch.delattr(cv2, "TrackerCSRT_create", raising=False)
    with pytest.raises(ValueError, match=r"^tracker csrt: not in this OpenCV .*opencv-contrib-python"):
        OpenCVSpec("csrt").make()


def test_a_tracker_of_newer_versions_is_refused_by_older_ones(monkeypatch, tmp_path):
    monkeypatch.delattr(cv2, "TrackerVit_create")
    with pytest.raises(ValueError, match=r"^tracker vit: not in this OpenCV .*newer versions"):
        OpenCVSpec("vit", tmp_path).make()


def test_models_that_are_not_there_are_told(tmp_path):
    with pytest.raises(ValueError, match=r"^tracker vit: .*no\.onnx: no such file; it takes an ONNX file"):
        OpenCVSpec("vit", tmp_path / "no.onnx").make()
    with pytest.raises(ValueError, match=r"^tracker nano: .*: no such folder; it takes a folder with the"):
        OpenCVSpec("nano", tmp_path / "no").make()
    with pytest.raises(ValueError, match=r"expected one file \*backbone\*\.onnx, found none$"):
        OpenCVSpec("nano", tmp_path).make()
    for name in ("nanotrack_backbone_sim.onnx", "nanotrack_head_sim.onnx", "head_v2.onnx"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"\*head\*\.onnx, found head_v2.onnx, nanotrack_head_sim.onnx$"):
        OpenCVSpec("nano", tmp_path).make()


def test_models_that_opencv_cannot_read_are_told(tmp_path):
    for name in ("backbone.onnx", "neckhead.onnx"):
        (tmp_path / name).write_bytes(b"not a network")
    with pytest.raises(ValueError, match=r"^tracker nano: .*: OpenCV cannot read it: "):
        OpenCVSpec("nano", tmp_path).make()
    with pytest.raises(ValueError, match=r"^tracker vit: .*backbone\.onnx: OpenCV cannot read it: "):
        OpenCVSpec("vit", tmp_path / "backbone.onnx").make()


def test_models_reach_opencv_under_the_names_of_its_parameters(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(cv2, "TrackerNano_create", lambda parameters: given.append(parameters))
    for name in ("nanotrack_backbone_sim.onnx", "nanotrack_head_sim.onnx"):
        (tmp_path / name).write_bytes(b"")
    model = OpenCVSpec("nano", tmp_path).make().about["model"]
    assert model.startswith(f"{tmp_path.name}, sha256 ")
    assert given[0].backbone == str(tmp_path / "nanotrack_backbone_sim.onnx")
    assert given[0].neckhead == str(tmp_path / "nanotrack_head_sim.onnx")
    # Results of one are not to be taken for those of another of the same name.
    (tmp_path / "nanotrack_head_sim.onnx").write_bytes(b"trained longer")
    assert OpenCVSpec("nano", tmp_path).make().about["model"] != model


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sequence"), [("csrt", "VOT15_ball1"), ("kcf", "TLD_05_pedestrian3")])
def test_scores_are_those_that_were_measured_elsewhere(name, sequence):
    need(name)
    root = data_folder()
    if not (root / "dev" / "peers.json").is_file():
        pytest.skip("no peers.json beside the development sequences")
    expected = json.loads((root / "dev" / "peers.json").read_text())[name]["sequences"][sequence]
    (played,) = [each for each in read_folder(root / "dev") if each.name == sequence]
    boxes = run_tracker(OpenCVSpec(name).make(), played).boxes
    valid = valid_rows(played.truth)
    iou = overlaps(boxes[valid], played.truth[valid])
    errors = centre_errors(boxes[valid], played.truth[valid])
    assert success_curve(iou, OTB_THRESHOLDS).mean() == pytest.approx(expected["auc"], abs=0.01)
    assert np.mean(errors <= PRECISION_PIXELS) == pytest.approx(expected["prec"], abs=0.01)
