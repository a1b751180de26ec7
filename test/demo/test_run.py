"""The whole demo on the clip's first frames, and how it ends when it cannot go on."""

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import pytest
from clip import ClipError, get_clip
from files import RESULTS, STILL, SUMMARY, VIDEO

FRAMES = 40

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def clip():
    try:
        return get_clip()
    except ClipError as error:
        pytest.skip(f"no clip: {error}")


@pytest.fixture
def command(demo_folder, clip):
    domain = os.environ["ROS_DOMAIN_ID"]
    return [sys.executable, str(demo_folder / "run.py"), "--clip", str(clip), "--domain", domain]


def test_the_clips_first_frames(command, tmp_path):
    arguments = ["--output", "out", "--frames", str(FRAMES), "--still", "docs/still.png"]
    answer = subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=110)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    summary = json.loads((tmp_path / "out" / SUMMARY).read_text())
    assert summary["sound"]
    assert summary["frames_published"] == FRAMES
    assert summary["frames_tracked"] + summary["frames_dropped"] == FRAMES
    assert summary["detections_received"] == summary["frames_tracked"] > 1
    assert summary["labelled_frames"] == 7
    assert summary["mean_iou"] >= 0.6
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p95"] <= summary["latency_ms"]["p99"]
    assert summary["camera_fps"] == pytest.approx(29.97, rel=0.1)
    for name in RESULTS:
        assert (tmp_path / "out" / name).stat().st_size > 500
        assert name in answer.stdout
    assert (tmp_path / "docs/still.png").read_bytes() == (tmp_path / "out" / STILL).read_bytes()
    assert int(cv2.VideoCapture(str(tmp_path / "out" / VIDEO)).get(cv2.CAP_PROP_FRAME_COUNT)) == FRAMES


def test_a_node_that_cannot_come_up(command, tmp_path):
    """The demo says why, and leaves no results of an earlier run."""
    (tmp_path / SUMMARY).write_text("old")
    arguments = ["--output", str(tmp_path), "--frames", "5", "--device", "nonsense"]
    answer = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=110)
    assert answer.returncode == 1
    assert "Failed: the tracker node" in answer.stderr
    assert "nonsense" in answer.stderr
    assert not (tmp_path / SUMMARY).exists()


def test_ctrl_c(command, tmp_path):
    process = subprocess.Popen(
        [*command, "--output", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore SIGINT, and their children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    log = tmp_path / "tracker.log"
    deadline = time.monotonic() + 60
    while not (log.exists() and "Waiting for images" in log.read_text()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in errors
    assert "Traceback" not in errors + log.read_text() + (tmp_path / "camera.log").read_text()
    assert not running_with(str(tmp_path))


def running_with(text):
    """Command lines of the processes that name something."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found
