"""The example tracks with what was exported, without PyTorch, and finds what the package's tracker finds."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from gradnet_ros import Tracker
from gradnet_ros.cli.main import main
from gradnet_ros.evaluation.metrics import overlaps
from support import moving_scene, need_weights

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
BOX = np.array([136, 100, 48, 40])
SCRIPT = Path(__file__).parents[2] / "examples" / "track_onnxruntime.py"


def test_it_imports_neither_torch_nor_this_package():
    nodes = [node for node in ast.walk(ast.parse(SCRIPT.read_text())) if isinstance(node, ast.Import)]
    nodes += [node for node in ast.walk(ast.parse(SCRIPT.read_text())) if isinstance(node, ast.ImportFrom)]
    names = {name.name for node in nodes for name in node.names} | {
        getattr(node, "module", None) for node in nodes
    }
    assert not {str(name).split(".")[0] for name in names} & {"torch", "gradnet_ros"}
    assert "onnxruntime" in names


@pytest.mark.slow
@pytest.mark.parametrize("network", ["lite", "alexnet"])
def test_it_follows_a_moving_target(tmp_path, network):
    need_weights(network)
    frames, truth = moving_scene(20)
    rows = track(tmp_path, network, frames, truth[0])
    assert overlaps(rows[:, :4], truth).min() > 0.5


@pytest.mark.slow
def test_it_compares_sizes(tmp_path):
    need_weights("alexnet")
    (frame,), _ = moving_scene(1)
    zooms = 1.02 ** np.arange(16)
    turns = [cv2.getRotationMatrix2D((160, 120), 0, zoom) for zoom in zooms]
    rows = track(tmp_path, "alexnet", [cv2.warpAffine(frame, turn, (320, 240)) for turn in turns], BOX)
    np.testing.assert_allclose(rows[-1, 2:4] / BOX[2:], zooms[-1], rtol=0.06)


def test_it_fits_the_template_as_the_tracker_does(tmp_path):
    need_weights("alexnet")
    (frame,), truth = moving_scene(1)
    assert main(["export", str(tmp_path), "--network", "alexnet"]) == 0
    spec = importlib.util.spec_from_file_location("track_onnxruntime", SCRIPT)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    exported, found = example.OnnxTracker(tmp_path), []
    for steps in (exported.template_steps, 0):
        exported.template_steps = steps
        exported.init(frame, [float(value) for value in truth[0]])
        tracker = Tracker("alexnet", "cpu", None, {"template_steps": steps}, engine="torch")
        tracker.init(frame, truth[0])
        own, its = exported.target["fixed"], tracker._target._state.fixed.numpy()
        np.testing.assert_allclose(own, its, atol=0.02 * np.abs(its).max())
        found.append(its)
    assert np.abs(found[0] - found[1]).max() > 0.5 * np.abs(found[1]).max()


def track(folder, network, frames, box):
    """Export, write a video, run the script: rows of x, y, w, h, score."""
    video = cv2.VideoWriter(str(folder / "scene.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for frame in frames:
        video.write(frame)
    video.release()
    assert main(["export", str(folder / "out"), "--network", network]) == 0
    done = subprocess.run(
        [sys.executable, SCRIPT, folder / "out", folder / "scene.avi", "--init", ",".join(map(str, box))],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    rows = np.array([[float(value) for value in line.split(",")] for line in done.stdout.split()])
    assert rows.shape == (len(frames), 5)
    return rows
