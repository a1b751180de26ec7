"""``gradnet bag``, but for replay, which test/ros has."""

import json

import numpy as np
import pytest

pytest.importorskip("rosbags")
pytest.importorskip("jinja2")
from bags.recordings import (
    STORAGES,
    TOPIC,
    TRUTH,
    compressed,
    cut,
    film,
    image,
    noise,
    stamp_of,
    storage_file,
    write,
)
from gradnet_ros.cli.main import main
from gradnet_ros.evaluation.metrics import overlaps
from gradnet_ros.tracking.tracker import Tracker
from gradnet_ros.video import open_frames
from support import moving_scene, need_weights

FRAMES, BOXES = moving_scene(10)
SAME = ("frames.csv", "left_out.csv", "detections/metadata.yaml")


REFERENCE = ("--device", "cpu", "--engine", "torch")
"""The engine that is there at once."""


def bag(*arguments):
    return main(["bag", *map(str, arguments)])


@pytest.mark.parametrize(("action", "folder"), [("evaluate", "BAG_evaluation"), ("replay", "BAG_replay")])
def test_help_has_the_folder_that_is_written_by_default(action, folder, capsys):
    with pytest.raises(SystemExit):
        bag(action, "--help")
    assert f"(default: {folder})" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("storage", STORAGES)
def test_two_evaluations_are_the_same_bytes(storage, tmp_path, capsys):
    need_weights()
    path = write(tmp_path / "drive", film(FRAMES, BOXES), storage)
    for name in ("first", "second"):
        arguments = ("--image-topic", TOPIC, "--truth-topic", TRUTH, *REFERENCE)
        assert bag("evaluate", path, *arguments, "--output", tmp_path / name) == 0
    assert f"10 pictures, 10 detections; wrote {tmp_path / 'second'}, report:" in capsys.readouterr().out
    messages = f"detections/detections{storage_file(path).suffix}"
    for file in (*SAME, messages):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    rows = np.loadtxt(tmp_path / "first" / "frames.csv", delimiter=",", skiprows=1, usecols=(3, 4, 5, 6))
    assert overlaps(rows, BOXES).min() > 0.5
    summary = json.loads((tmp_path / "first" / "summary.json").read_text())
    assert summary["benchmark"] == "bag"
    assert summary["trackers"]["gradnet"]["overall"]["frames"] == 10
    assert summary["trackers"]["gradnet"]["overall"]["ao"] > 0.7
    assert (tmp_path / "first" / "report.html").stat().st_size > 1000


def test_what_was_tracked_until_ctrl_c_is_kept(tmp_path, capsys, monkeypatch):
    need_weights()
    path, out = write(tmp_path / "drive", film(FRAMES, BOXES)), tmp_path / "out"
    update = Tracker.update
    arguments = ("evaluate", path, "--truth-topic", TRUTH, *REFERENCE, "--output", out)

    def stop_in_time(tracker, frame):
        if np.array_equal(frame, FRAMES[6]):
            raise KeyboardInterrupt
        return update(tracker, frame)

    monkeypatch.setattr(Tracker, "update", stop_in_time)
    assert bag(*arguments) == 0
    printed = capsys.readouterr().out
    assert "interrupted: what was tracked so far is kept" in printed
    assert "6 pictures, 6 detections; wrote" in printed
    summary = json.loads((out / "summary.json").read_text())
    assert summary["trackers"]["gradnet"]["about"]["interrupted"] == "after picture 5"
    assert summary["trackers"]["gradnet"]["overall"]["frames"] == 6
    assert "after picture 5" in (out / "report.html").read_text()


def test_ctrl_c_before_anything_was_tracked_writes_nothing(tmp_path, capsys, monkeypatch):
    path, out = write(tmp_path / "drive", film(FRAMES, BOXES)), tmp_path / "out"
    need_weights()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Tracker, "init", stop)
    assert bag("evaluate", path, "--truth-topic", TRUTH, *REFERENCE, "--output", out) == 130
    assert "gradnet bag: interrupted" in capsys.readouterr().err
    assert not out.exists()


def test_a_cut_bag_without_truth_is_evaluated_if_the_user_says_so(tmp_path, capsys, monkeypatch):
    need_weights()
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "drive", film(FRAMES))
    file = storage_file(path)
    cut(file, 0.7)
    init = ",".join(f"{value:g}" for value in BOXES[0])
    arguments = ("evaluate", path, "--init", init, *REFERENCE)
    assert bag(*arguments) == 2
    assert f"{file}: " in (error := capsys.readouterr().err)
    assert "--salvage uses what can still be read" in error
    assert not (tmp_path / "drive_evaluation").exists()
    assert bag(*arguments, "--salvage") == 0
    printed = capsys.readouterr().out
    assert f"salvaged: {file}: " in printed
    count = len((tmp_path / "drive_evaluation" / "frames.csv").read_text().splitlines()) - 1
    assert 4 <= count <= 7
    assert f"{count} pictures, {count} detections" in printed
    summary = json.loads((tmp_path / "drive_evaluation" / "summary.json").read_text())
    assert summary["trackers"]["gradnet"]["overall"]["auc"] is None


def test_all_that_was_left_out_is_counted(tmp_path, capsys, monkeypatch):
    need_weights()
    monkeypatch.chdir(tmp_path)
    messages = list(film(FRAMES))
    unknown = image(FRAMES[0], stamp_of(0), encoding="32FC7")
    messages[4:6] = [(topic, recorded, unknown) for topic, recorded, _ in messages[4:6]]
    path = write(tmp_path / "run.1", messages)
    init = ",".join(f"{value:g}" for value in BOXES[0])
    np.savetxt("truth.txt", BOXES, "%g", ",")
    assert bag("evaluate", path, "--init", init, "--truth", "truth.txt", *REFERENCE) == 0
    output = capsys.readouterr().out
    assert "2 pictures left out; the first, picture 4: " in output
    assert "8 pictures, 8 detections; wrote run.1_evaluation, report" in output


def test_info_and_video(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "drive", film(FRAMES, make=compressed), "mcap")
    assert bag("info", path) == 0
    assert f"{TOPIC}  sensor_msgs/msg/CompressedImage, 10 messages" in capsys.readouterr().out
    assert bag("export-video", path, "--fps", "12.5") == 0
    assert f"wrote drive.mp4: 10 pictures of {TOPIC}" in capsys.readouterr().out
    with open_frames(str(tmp_path / "drive.mp4")) as video:
        assert (video.count, video.fps) == (10, 12.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "{path}_none"], "drive_none: no such bag"),
        (["evaluate", "{path}", "--image-topic", "/none", "--init", "1,1,9,9"], "no topic /none; it has"),
        (
            ["evaluate", "{path}", "--image-topic", TRUTH, "--init", "1,1,9,9"],
            "topics with pictures: /cam",
        ),
        (["evaluate", "{path}", "--truth-topic", "/labels"], "no topic /labels; it has"),
        (["evaluate", "{path}", "--truth", "{path}.txt"], "No such file"),
        (["evaluate", "{path}"], "no target is given: --init X,Y,W,H, --truth-topic or --truth"),
        (["evaluate", "{path}", "--init", "900,1,9,9", *REFERENCE], "box centre must lie inside"),
        (["evaluate", "{path}", "--init", "1,1,9,9", "--output", "{path}"], "is not an empty folder"),
        (
            ["evaluate", "{path}", "--init", "1,1,9,9", "--output", "{path}/metadata.yaml/out"],
            "metadata.yaml: it is no folder; give another --output",
        ),
        (["evaluate", "{path}", "--truth-topic", TRUTH, "--stamps", "record"], "does not go with it"),
        (["export-video", "{path}", "--image-topic", TRUTH], "not pictures"),
    ],
)
def test_mistakes_end_with_one_line(arguments, message, tmp_path, capsys):
    if "--device" in arguments:
        need_weights()
    path = write(tmp_path / "drive", film(noise(3), [(1, 1, 9, 9)] * 3))
    output = [] if arguments[0] != "evaluate" or "--output" in arguments else ["--output", tmp_path / "out"]
    assert bag(*[argument.format(path=path) for argument in arguments], *output) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("gradnet bag: ")
    assert message in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "drive", "--rate", "0"], "expected a number above 0"),
        (["replay", "drive", "--timeout", "soon"], "expected a number above 0"),
        (["evaluate", "drive", "--truth", "a", "--truth-topic", "b"], "not allowed with argument"),
        ([], "ACTION"),
    ],
)
def test_a_wrong_command_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        bag(*arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
