"""Replay to a node in a process of its own, and what a user is told when that cannot be."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("rosbags")
from bags.recordings import TOPIC, TRUTH, compressed, film, image, stamp_of, write
from gradnet_ros.evaluation.sequences import read_boxes
from gradnet_ros.video import open_frames
from ros.graph import REAL_NODE
from support import data_folder, moving_scene, need_weights

pytestmark = pytest.mark.integration
UNUSED = "unused"
"""Where the test's own side publishes images: not where the node looks, for the replay is to be alone."""
THREADS = {"OMP_NUM_THREADS": "1"}  # The sum of floats depends on how many share in it.


def gradnet(*arguments, cwd):
    """Run ``gradnet bag`` in a process of its own: exit status, what it printed, what it complained of."""
    command = [sys.executable, "-m", "gradnet_ros.cli.main", "bag", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **THREADS}, capture_output=True, text=True, timeout=110
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr.splitlines()[-1] if done.stderr else ""


def contents(folder):
    """Every file of a run that is to be the same whenever it is repeated, by its name."""
    paths = [folder / "frames.csv", folder / "left_out.csv", *(folder / "detections").iterdir()]
    return {path.relative_to(folder): path.read_bytes() for path in paths}


def rows_of(folder):
    with (folder / "frames.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def squares(count):
    """Frames with the bright square that the fake tracker finds, and its boxes."""
    frames, boxes = [], []
    for number in range(count):
        frame = np.zeros((120, 160, 3), np.uint8)
        frame[40:60, 50 + number : 70 + number] = 255
        frames.append(frame)
        boxes.append((50 + number, 40, 20, 20))
    return frames, boxes


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("storage", "engine"), [("sqlite3", "torch"), ("mcap", "auto")])
def test_lock_step_is_evaluate_byte_for_byte(storage, engine, run, tmp_path):
    need_weights()
    frames, boxes = moving_scene(16)
    make = image if storage == "sqlite3" else compressed
    bag = write(tmp_path / "bag", film(frames, boxes, make=make), storage)
    arguments = ("--truth-topic", TRUTH, "--device", "cpu", "--engine", engine, "--output", "first")
    status, _, error = gradnet("evaluate", bag, *arguments, cwd=tmp_path)
    assert status == 0, error
    transport = "raw" if make is image else "compressed"
    parameters = ("-p", "device:=cpu", "-p", f"engine:={engine}", "-p", f"image_transport:={transport}")
    _, graph = run(*parameters, command=REAL_NODE, image=UNUSED, **THREADS)
    graph.wait(lambda: graph.last("lifecycle") == "active", "the network to be loaded", timeout=100)
    status, printed, error = gradnet(
        "replay", bag, "--truth-topic", TRUTH, "--output", "replay", cwd=tmp_path
    )
    assert status == 0, error
    assert "16 pictures shown, 16 detections, 0 dropped by the node, 0 lost on the way" in printed
    expected = contents(tmp_path / "first")
    assert contents(tmp_path / "replay") == expected
    assert len(expected) == 4
    timing = json.loads((tmp_path / "replay" / "timing.json").read_text())
    assert timing["played"] == "lock-step"
    assert 0 < timing["latency_ms"]["p50"] <= timing["latency_ms"]["p99"]
    summaries = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("first", "replay")]
    found = [summary["trackers"]["gradnet"]["overall"] for summary in summaries]
    for name in ("frames", "auc", "precision", "ao", "auroc", "updates"):
        assert found[0][name] == found[1][name]
    assert found[0]["frames"] == 16


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_development_clip(run, tmp_path):
    need_weights()
    clip = data_folder() / "dev" / "TLD_06_car"
    with open_frames(str(clip / "clip.mp4")) as source:
        frames = [frame for _, frame in zip(range(30), source, strict=False)]
    bag = write(tmp_path / "bag", film(frames, read_boxes(clip / "groundtruth_rect.txt")[:30]), "mcap")
    arguments = ("--truth-topic", TRUTH, "--device", "cpu", "--output", "off")
    status, _, error = gradnet("evaluate", bag, *arguments, cwd=tmp_path)
    assert status == 0, error
    _, graph = run("-p", "device:=cpu", command=REAL_NODE, image=UNUSED, **THREADS)
    graph.wait(lambda: graph.last("lifecycle") == "active", "the network to be loaded", timeout=100)
    status, _, error = gradnet("replay", bag, "--truth-topic", TRUTH, "--output", "on", cwd=tmp_path)
    assert status == 0, error
    assert contents(tmp_path / "on") == contents(tmp_path / "off")


def test_lock_step_waits_for_a_slow_node_twice(run, tmp_path):
    frames, boxes = squares(8)
    bag = write(tmp_path / "bag", film(frames, boxes))
    _, graph = run(image=UNUSED, GRADNET_FAKE_DELAY="0.1", GRADNET_FAKE_LEARN_DELAY="0.3")
    graph.active()
    for output in ("first", "second"):  # The same node: nothing of the first run may be left.
        status, _, error = gradnet("replay", bag, "--truth-topic", TRUTH, "--output", output, cwd=tmp_path)
        assert status == 0, error
        assert [float(row["x"]) for row in rows_of(tmp_path / output)] == [50 + number for number in range(8)]
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    stamps = [stamp_of(number) for number in range(8)]
    assert [int(row["stamp_ns"]) for row in rows_of(tmp_path / "first")] == stamps


def test_at_the_recorded_rate_a_slow_node_drops(run, tmp_path):
    frames, boxes = squares(30)
    bag = write(tmp_path / "bag", film(frames, boxes))
    # Half a second a frame against thirty frames a second; simulated time, as in the launch file.
    _, graph = run("-p", "use_sim_time:=true", image=UNUSED, GRADNET_FAKE_DELAY="0.4")
    graph.active()
    arguments = ("--truth-topic", TRUTH, "--rate", "--output", "out")
    status, _, error = gradnet("replay", bag, *arguments, cwd=tmp_path)
    assert status == 0, error
    timing = json.loads((tmp_path / "out" / "timing.json").read_text())
    assert timing["pictures"] == 30
    assert timing["detections"] + timing["without_detection"] == 30
    assert timing["dropped_by_the_node"] > 10
    assert timing["dropped_by_the_node"] + timing["lost_on_the_way"] == timing["without_detection"]
    assert timing["latency_ms"]["p50"] > 350
    rows = rows_of(tmp_path / "out")
    assert sum(row["state"] == "DROPPED" for row in rows) == timing["without_detection"]
    found = [(number, float(row["x"])) for number, row in enumerate(rows) if row["x"]]
    assert found == [(number, 50.0 + number) for number, _ in found]


def test_time_is_that_of_the_recording(run, tmp_path):
    from rosgraph_msgs.msg import Clock

    frames, boxes = squares(4)
    bag = write(tmp_path / "bag", film(frames, boxes))
    _, graph = run("-p", "use_sim_time:=true", image=UNUSED)
    graph.active()
    clocks = []
    graph.node.create_subscription(Clock, "/clock", clocks.append, 100)
    command = [sys.executable, "-m", "gradnet_ros.ros.replay.main", str(bag), "--truth-topic", TRUTH]
    process = subprocess.Popen([*command, "--output", "out"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    graph.wait(lambda: process.poll() is not None, "the replay to end")
    assert process.returncode == 0
    times = [clock.clock.sec * 1_000_000_000 + clock.clock.nanosec for clock in clocks]
    assert times
    assert {time - 2_000_000 for time in times} <= {stamp_of(number) for number in range(4)}
    assert times == sorted(times)
    values = graph.settled()
    assert float(values["latency_ms_p50"]) == pytest.approx(2.0, abs=0.1)  # recorded 2 ms after the stamp


def test_compressed_pictures_need_a_node_that_takes_them(run, tmp_path):
    frames, boxes = squares(3)
    bag = write(tmp_path / "bag", film(frames, boxes, f"{TOPIC}/compressed", compressed), "mcap")
    _, graph = run()
    graph.active()
    status, _, error = gradnet("replay", bag, "--truth-topic", TRUTH, cwd=tmp_path)
    assert status == 2
    assert error.endswith("start the node with image_transport:=compressed")
    assert not (tmp_path / "bag_replay").exists()


def test_a_refused_target_says_why(run, tmp_path):
    frames, boxes = squares(3)
    bag = write(tmp_path / "bag", film(frames, boxes))
    _, graph = run(image=UNUSED)
    graph.active()
    status, _, error = gradnet("replay", bag, "--init", "150,40,30,20", cwd=tmp_path)
    assert status == 2
    assert "picture 0 of /camera/image_raw: box centre must lie inside the 160x120 image" in error


def test_another_camera_is_in_the_way(run, tmp_path):
    frames, boxes = squares(3)
    bag = write(tmp_path / "bag", film(frames, boxes))
    _, graph = run()
    graph.connected()  # The graph publishes images itself.
    status, _, error = gradnet("replay", bag, "--truth-topic", TRUTH, cwd=tmp_path)
    assert status == 2
    assert "other publishers of /image: end them first" in error


def test_nobody_there(tmp_path):
    frames, boxes = squares(3)
    bag = write(tmp_path / "bag", film(frames, boxes))
    arguments = ("--truth-topic", TRUTH, "--timeout", "2", "--node", "none")
    status, _, error = gradnet("replay", bag, *arguments, cwd=tmp_path)
    assert status == 2
    assert error == (
        "gradnet bag: waited 2 s in vain for diagnostics of /none; /none says nothing: is it running?"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--node", "my node"), "gradnet bag: node 'my node': Invalid service name: "),
        (("--ros-args", "--no-such"), "gradnet bag: --ros-args --no-such: "),
        (("--ros-args", "-r", "no rule"), "gradnet bag: --ros-args -r 'no rule': "),
    ],
)
def test_what_ros_refuses_is_told_in_a_line(given, message, tmp_path):
    frames, boxes = squares(3)
    bag = write(tmp_path / "bag", film(frames, boxes))
    status, _, error = gradnet("replay", bag, "--truth-topic", TRUTH, *given, cwd=tmp_path)
    assert status == 2
    assert error.startswith(message)


def test_a_node_that_gives_no_detection_is_told_about_with_the_topic_it_listens_to(run, tmp_path):
    frames, boxes = squares(3)
    bag = write(tmp_path / "bag", film(frames, boxes))
    _, graph = run("-r", "image:=/camera/front", image=UNUSED, GRADNET_FAKE_DELAY="8")
    graph.active()
    status, _, error = gradnet("replay", bag, "--truth-topic", TRUTH, "--timeout", "4", cwd=tmp_path)
    assert status == 2
    assert "picture 1 with stamp" in error
    assert "set its qos_overrides./camera/front.subscription.reliability:=reliable" in error


def test_a_failing_tracker_ends_the_replay(run, tmp_path):
    frames, boxes = squares(6)
    frames[3][0, 0] = 77  # poison for the fake tracker
    bag = write(tmp_path / "bag", film(frames, boxes))
    _, graph = run(image=UNUSED)
    graph.active()
    status, _, error = gradnet("replay", bag, "--truth-topic", TRUTH, cwd=tmp_path)
    assert status == 2
    assert "/tracker_node failed: tracking failed: RuntimeError: poisoned" in error
