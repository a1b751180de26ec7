"""``gradnet track`` from every kind of source."""

import cv2
import numpy as np
import pytest

from gradnet_ros.cli.main import main
from gradnet_ros.evaluation.metrics import overlaps
from gradnet_ros.video import VideoWriter, open_frames
from support import moving_scene, need_weights

FRAMES, TRUTH = moving_scene(10)
INIT = ",".join(f"{value:g}" for value in TRUTH[0])


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 25) as writer:
        for frame in FRAMES:
            writer.write(frame)
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "frames"
    path.mkdir()
    for number, frame in enumerate(FRAMES):
        cv2.imwrite(str(path / f"{number:04d}.png"), frame)
    (path / "notes.txt").write_text("not a picture")
    return path


@pytest.mark.parametrize("source", ["video", "folder"])
def test_boxes_video_and_speed(source, request, tmp_path, capsys):
    need_weights()
    boxes, drawn = tmp_path / "out.txt", tmp_path / "out.mp4"
    path = str(request.getfixturevalue(source))
    arguments = [
        "track",
        path,
        "--init",
        INIT,
        "--boxes",
        str(boxes),
        "--video",
        str(drawn),
        "--device",
        "cpu",
    ]
    assert main(arguments) == 0
    rows = [line.split(",") for line in boxes.read_text().splitlines()]
    assert len(rows) == 10
    found = np.array([[float(value) for value in row[:4]] for row in rows])
    assert found[0].tolist() == TRUTH[0].tolist()
    assert overlaps(found, TRUTH).min() > 0.5
    assert all(0 <= float(row[4]) <= 1 for row in rows)
    assert {row[5] for row in rows} <= {"TRACKED", "UNCERTAIN", "LOST"}
    with open_frames(str(drawn)) as frames:
        pictures = list(frames)
    assert len(pictures) == 10
    assert np.abs(pictures[5].astype(int) - FRAMES[5]).max() > 60  # something is drawn
    output = capsys.readouterr().out
    assert "10 frames" in output
    assert "fps" in output
    assert f"wrote {boxes}" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.mp4", "--init", INIT], "none.mp4: no such video file"),
        (["{video}", "--init", "0,0,0,9"], "at least 2 pixels"),
        (["{video}", "--init", INIT, "--network", "vgg"], "network must be one of"),
        (["{video}", "--init", INIT, "--device", "npu"], "device must be"),
        (["{video}", "--init", INIT, "--weights", "none.safetensors"], "no weights at none.safetensors"),
        (["{video}", "--init", INIT, "--set", "scale_count=2"], "scale_count must be odd"),
    ],
)
def test_wrong_arguments_end_with_one_line(arguments, message, video, capsys):
    need_weights()
    status = main(["track", *[argument.format(video=video) for argument in arguments]])
    assert status == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_start_that_is_refused_leaves_an_earlier_result(video, tmp_path, capsys):
    need_weights()
    boxes = tmp_path / "out.txt"
    boxes.write_text("earlier")
    arguments = ["--boxes", str(boxes), "--engine", "torch", "--device", "cpu"]
    assert main(["track", str(video), "--init", "5000,3,50,50", *arguments]) == 2
    assert "box centre must lie inside" in capsys.readouterr().err
    assert boxes.read_text() == "earlier"


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (["--video", "{video}"], "--video: {video} is SOURCE itself"),
        (["--boxes", "{folder}/../{name}"], "is SOURCE itself"),
        (["--boxes", "{folder}/o", "--video", "{folder}/o"], "--video: {folder}/o is --boxes itself"),
    ],
)
def test_nothing_is_written_over_what_is_read(outputs, message, video, capsys):
    names = {"video": video, "folder": video.parent, "name": f"{video.parent.name}/{video.name}"}
    before = video.read_bytes()
    texts = [text.format(**names) for text in outputs]
    assert main(["track", str(video), "--init", INIT, *texts]) == 2
    assert message.format(**names) in capsys.readouterr().err
    assert video.read_bytes() == before


def test_a_target_may_reach_out_of_the_image(video, tmp_path):
    need_weights()
    boxes = tmp_path / "out.txt"
    arguments = ["--init", "-5.5,3,50,50", "--boxes", str(boxes), "--engine", "torch"]
    assert main(["track", str(video), *arguments]) == 0
    assert boxes.read_text().startswith("-5.500,3.000,50.000,50.000,")


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", ""])
def test_a_box_that_is_none(text, video, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["track", str(video), "--init", text])
    assert stop.value.code == 2
    assert "expected X,Y,W,H" in capsys.readouterr().err


def test_a_file_that_is_no_video(tmp_path, capsys):
    need_weights()
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"nothing")
    assert main(["track", str(path), "--init", INIT]) == 2
    assert "cannot be opened as a video" in capsys.readouterr().err
