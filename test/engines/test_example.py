"""The example tracks with what was exported, without PyTorch, and finds what the package's tracker finds."""

import ast
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from gradnet_ros.cli.main import main
from gradnet_ros.evaluation.metrics import overlaps
from support import moving_scene, need_weights

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
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
    video = cv2.VideoWriter(str(tmp_path / "scene.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for frame in frames:
        video.write(frame)
    video.release()
    assert main(["export", str(tmp_path / "out"), "--network", network]) == 0
    box = ",".join(str(value) for value in truth[0])
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "out", tmp_path / "scene.avi", "--init", box],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    rows = np.array([[float(value) for value in line.split(",")] for line in done.stdout.split()])
    assert rows.shape == (20, 5)
    assert overlaps(rows[:, :4], truth).min() > 0.5
