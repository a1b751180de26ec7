"""``gradnet tune`` with the real tracker, on scenes made of noise."""

import json
import subprocess
import sys

import numpy as np
import pytest

from gradnet_ros import Tracker
from gradnet_ros.cli import tune as tune_command
from gradnet_ros.cli.main import main
from gradnet_ros.evaluation import segments
from gradnet_ros.evaluation.search import halves
from gradnet_ros.evaluation.search.scorer import TrackerScorer, mean_score
from gradnet_ros.evaluation.sequences import read_folder
from gradnet_ros.video import VideoWriter
from support import moving_scene, need_weights

SPACE = """
search: {window_influence: {low: 0.0, high: 0.5}}
fixed: {scale_count: 1}
try: [{window_influence: 0.45}]
"""


@pytest.fixture
def root(tmp_path):
    for number, name in enumerate("abc"):
        folder = tmp_path / "sequences" / name
        folder.mkdir(parents=True)
        frames, boxes = moving_scene(3 + number, seed=number)
        with VideoWriter(folder / "clip.mp4", 30) as video:
            for frame in frames:
                video.write(frame)
        np.savetxt(folder / "groundtruth_rect.txt", boxes, "%g", ",")
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path


def tune(root, *arguments):
    command = ["tune", str(root / "sequences"), "--space", str(root / "space.yaml")]
    engine = ["--device", "cpu", "--engine", "torch"]  # It is there at once.
    return main([*command, *engine, "--output", str(root / "out"), *arguments])


def test_a_search_and_its_report_agree_with_the_evaluation(root, capsys):
    need_weights()
    assert tune(root, "--trials", "3") == 0
    output = capsys.readouterr().out
    out = root / "out"
    table = (out / "table.md").read_text()
    assert table in output
    lines = table.split("\n\n")[1].splitlines()[2:]
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in lines}
    best = json.loads((out / "best.json").read_text())
    sequences = read_folder(root / "sequences")
    for title, overrides in (
        ("defaults", {}),
        ("defaults, gradient off", {"update_interval": 0}),
        ("best", best),
        ("best, gradient off", {**best, "update_interval": 0}),
    ):
        tracker = Tracker("lite", "cpu", config=overrides, engine="torch")
        score = TrackerScorer(tracker)
        results = {each.name: score(tracker.config, each) for each in sequences}
        means = [mean_score({name: results[name] for name in part}) for part in ("ac", "b", "abc")]
        expected = [value for mean in means for value in (mean.auc, mean.precision)]
        assert [cell.strip() for cell in rows[title]] == [f"{value:.4f}" for value in expected]
    assert (out / "search.png").read_bytes().startswith(b"\x89PNG")
    assert len((out / "trials.csv").read_text().splitlines()) == 4
    assert "lite.safetensors (lite), SHA-256" in table

    # The same search, reported by other processes.
    assert tune(root, "--trials", "3", "--resume", "--workers", "2") == 0
    assert (out / "table.md").read_text() == table

    assert tune(root, "--trials", "3") == 2
    assert "holds a search already: --resume" in capsys.readouterr().err
    assert tune(root, "--trials", "3", "--half", "odd", "--resume") == 2
    assert "half differs from that of the search" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("space", "arguments", "message"),
    [
        (SPACE, ["--trials", "0"], "trials must be at least 1, got 0"),
        (SPACE, ["--segments", "-1"], "segments must be 0 (none) or at least 1, got -1"),
        (SPACE, ["--segments", "2", "--segment-frames", "1"], "segment frames must be at least 2, got 1"),
        (SPACE, ["--segments", "2", "--max-frames", "9"], "segments lie all over it: give one of them"),
        (SPACE, ["--cache-mb", "-1"], "the frame cache must be at least 0 MB, got -1"),
        (SPACE, ["--workers", "0"], "the number of workers must be at least 1, got 0"),
        (SPACE, ["--space", "none.yaml"], "no search space at none.yaml"),
        (SPACE, ["--network", "vgg"], "network must be one of"),
        (SPACE, ["--resume"], "holds no search to resume"),
        (SPACE.replace("0.5}", "1.5}"), [], "window_influence.high must be in [0.0, 1.0], got 1.5"),
        (SPACE.replace("count: 1", "count: 2"), [], "space.yaml: fixed: scale_count must be odd, got 2"),
    ],
)
def test_wrong_arguments_end_with_one_line(space, arguments, message, root, capsys):
    need_weights()
    (root / "space.yaml").write_text(space)
    assert tune(root, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (root / "out" / "table.md").exists()


def test_missing_packages_are_named(tmp_path):
    code = (
        "import sys; sys.modules['optuna'] = None; from gradnet_ros.cli.main import main;"
        "sys.exit(main(['tune', '.', '--space', 'x', '--output', 'y']))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2
    assert (
        "tuning needs optuna, which is not installed: pip install matplotlib optuna pyyaml" in result.stderr
    )


def test_the_halves_and_frames_are_the_librarys():
    assert tune_command.HALVES == halves.HALVES
    assert tune_command.SEGMENT_FRAMES == segments.FRAMES
