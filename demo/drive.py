"""The run itself: three processes, one target, from the first frame to the last."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from account import NodeCounts
from camera import read_frames
from files import CAMERA_LOG, LEDGER, TRACKER_LOG
from graph import IMAGE, NAMESPACE, Observer
from labels import read_labels
from numpy.typing import NDArray
from processes import Child
from progress import Progress
from recording import Recording, read_ledger
from summary import Scene

DEMO = Path(__file__).resolve().parent
LABELS = DEMO / "carphone_pristine_boxes.csv"
TARGET_ID, CLASS_ID = "driver", "head"

START_TIMEOUT_S = 180.0
"""For the node to come up: a first import of torch from a cold disk takes long."""
INIT_TIMEOUT_S = 60.0
"""For the first frame's detection: on a GPU the first call takes long."""
ANSWER_TIMEOUT_S = 20.0
"""For any other answer, and for the last frames to be through."""


@dataclass(frozen=True)
class Run:
    """All that a run left.

    Attributes:
        scene: what was shown.
        frames: the pictures, H x W x 3 BGR.
        recording: what was seen.
        counts: the node's account of frames.
        diagnostics: keys and values of the node's last diagnostics.
        exit_status: of the node's process, once asked to end.
        tracker_log: the node's output.
    """

    scene: Scene
    frames: list[NDArray[np.uint8]]
    recording: Recording
    counts: NodeCounts
    diagnostics: Mapping[str, str]
    exit_status: int
    tracker_log: Path


def drive(clip: Path, output: Path, options: argparse.Namespace) -> Run:
    """Play the clip to the tracker node.

    Args:
        clip: the video file.
        output: folder for the logs and the camera's list.
        options: of the command line.

    Raises:
        GraphError: the run could not be brought to its end. No process is left in any case.
    """
    frames, fps = read_frames(str(clip), options.frames)
    height, width = frames[0].shape[:2]
    rate = options.rate or fps
    print(
        f"Clip: {clip.name}, {len(frames)} frames of {width} x {height} pixels at {rate:.2f} Hz", flush=True
    )
    labels = read_labels(LABELS)
    ledger = output / LEDGER
    with ExitStack() as stack:

        def start(name: str, command: list[str], log: str) -> Child:
            child = Child(name, [sys.executable, *command], output / log, DEMO.parent)
            return stack.enter_context(child)

        began = time.monotonic()
        tracker = start("tracker node", tracker_command(options, len(frames)), TRACKER_LOG)
        camera = start("camera", camera_command(clip, ledger, len(frames), rate), CAMERA_LOG)
        observer = stack.enter_context(Observer(tracker, camera))
        print("Starting the tracker node ...", flush=True)
        observer.wait_until_active(START_TIMEOUT_S)
        network, device = observer.value("network"), observer.value("device")
        print(f"Tracker node up after {time.monotonic() - began:.1f} s: {network} on {device}", flush=True)
        thresholds = observer.get_numbers(["tracker.tracked_score", "tracker.lost_score"], ANSWER_TIMEOUT_S)
        scene = Scene(width, height, fps, TARGET_ID, CLASS_ID, labels, *thresholds)
        give_target(observer, scene)
        observer.play(ANSWER_TIMEOUT_S)
        follow(observer, scene, lambda: camera.status is not None, len(frames), rate)
        stamps = read_ledger(ledger)
        settle(observer, len(stamps))
        exit_status = tracker.stop()
    return Run(
        scene,
        frames,
        Recording(stamps, observer.detections),
        NodeCounts.from_diagnostics(observer.values),
        observer.values,
        exit_status,
        tracker.log,
    )


def tracker_command(options: argparse.Namespace, frame_count: int) -> list[str]:
    """Arguments of Python for the tracker node."""
    qos = f"qos_overrides.{IMAGE}.subscription"
    parameters = {
        "network": options.network,
        "device": options.device,
        # Every frame is to reach the node, so that it is the node who drops it where it must; the
        # middleware would do so unseen.
        f"{qos}.reliability": "reliable",
        f"{qos}.depth": str(frame_count),
    }
    command = ["-m", "gradnet_ros.ros.tracker_node", "--ros-args"]
    command += ["-r", f"__ns:=/{NAMESPACE}", "-r", f"image:={IMAGE}"]
    return command + [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]


def camera_command(clip: Path, ledger: Path, frame_count: int, rate: float) -> list[str]:
    """Arguments of Python for the camera; it waits for the node and for this process."""
    command = [str(DEMO / "camera.py"), "--clip", str(clip), "--ledger", str(ledger), "--subscribers", "2"]
    command += ["--frames", str(frame_count), "--rate", str(rate)]
    return [*command, "--ros-args", "-r", f"__ns:=/{NAMESPACE}"]


def give_target(observer: Observer, scene: Scene) -> None:
    """Call the init service with the box on the first frame, and wait for that frame's detection."""
    stamp = observer.wait_for_first_image(ANSWER_TIMEOUT_S)
    box = scene.labels.boxes[0]
    target_id = observer.init_target(box, stamp, scene.target_id, scene.class_id, ANSWER_TIMEOUT_S)
    observer.wait(lambda: observer.detections, "the first frame's detection", INIT_TIMEOUT_S)
    x, y, w, h = box
    print(f"Target '{target_id}' taken from the first frame: {w:.0f} x {h:.0f} pixels at {x:.0f}, {y:.0f}")


def follow(
    observer: Observer, scene: Scene, ended: Callable[[], bool], frame_count: int, rate: float
) -> None:
    """Show the progress until the camera ends."""
    began = time.monotonic()
    with Progress(frame_count) as progress:

        def show() -> bool:
            played = min(frame_count, 1 + int((time.monotonic() - began) * rate))
            newest = observer.detections[-1]
            score = "" if newest.score is None else f" {newest.score:.2f}"
            state = newest.state(scene.tracked_score).value
            latency = f", {newest.latency_ms:.0f} ms" if len(observer.detections) > 1 else ""
            progress.show(played, f"{len(observer.detections)} results, {state}{score}{latency}")
            return ended()

        observer.wait(show, "the camera to end", frame_count / rate + INIT_TIMEOUT_S)


def settle(observer: Observer, published: int) -> None:
    """Wait until the node's account is complete and all its detections are here; what is missing then, is."""
    seen = observer.statuses

    def complete() -> bool:
        # The first diagnostics may have been on their way when the last frame was.
        if observer.statuses < seen + 2:
            return False
        counts = NodeCounts.from_diagnostics(observer.values)
        through = counts.frames_received == published and counts.frames_pending == 0
        return through and len(observer.detections) >= counts.results

    observer.watch(complete, ANSWER_TIMEOUT_S)
