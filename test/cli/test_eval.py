"""``gradnet eval`` with the real tracker, on scenes made of noise."""

import json
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from evaluation.layouts import (
    draw_pictures,
    save_boxes,
    save_lines,
    write_folder,
    write_got10k,
    write_lasot,
)
from gradnet_ros.cli import eval as eval_command
from gradnet_ros.cli.main import main
from gradnet_ros.evaluation.benchmarks.formats import FORMATS
from support import need_weights


@pytest.fixture(autouse=True)
def _weights():
    need_weights()


@pytest.fixture
def root(tmp_path):
    write_folder(tmp_path / "data", (6, 4, 5))
    return tmp_path


def evaluate(folder, *arguments):
    return main(["eval", str(folder), "--device", "cpu", "--engine", "torch", *map(str, arguments)])


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def figures(content):
    """Tracker and sequence (or overall) -> what does not depend on the clock."""
    clock = ("mean_ms", "p50_ms", "p95_ms", "p99_ms", "fps")
    found = {}
    for tracker, scores in content["trackers"].items():
        for name, values in {"overall": scores["overall"], **scores["sequences"]}.items():
            found[tracker, name] = {key: value for key, value in values.items() if key not in clock}
    return found


def test_trackers_side_by_side(root, capsys):
    assert evaluate(root / "data", "--trackers", "gradnet,kcf") == 0
    head, *rows, difference = capsys.readouterr().out.splitlines()[-4:]
    assert difference.startswith("AUC of gradnet less that of kcf: ")
    assert head.split() == ["tracker", "AUC", "precision", "ms", "p50", "ms", "p95", "fps"]
    assert [row.split()[0] for row in rows] == ["gradnet", "kcf"]
    assert all(0 <= float(row.split()[1]) <= 1 for row in rows)


def test_an_interrupted_evaluation_goes_on_and_ends_with_the_same_figures(root, capsys):
    whole, part = root / "whole", root / "part"
    assert evaluate(root / "data", "--output", whole, "--set", "update_interval=2") == 0
    assert evaluate(root / "data", "--output", part, "--set", "update_interval=2", "--only", "b") == 0
    capsys.readouterr()
    assert evaluate(root / "data", "--output", part, "--set", "update_interval=2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "finished before" in line] == ["b"]
    assert figures(summary(part)) == figures(summary(whole))
    raw = [
        {file.relative_to(folder): file.read_text() for file in (folder / "raw").rglob("?.txt")}
        for folder in (whole, part)
    ]
    assert raw[0] == raw[1]
    assert len(raw[0]) == 3

    assert evaluate(root / "data", "--output", part, "--set", "update_interval=3") == 2
    error = capsys.readouterr().err
    assert "settings.update_interval of tracker gradnet differs" in error
    assert ": 3, there 2;" in error
    assert evaluate(root / "data", "--output", part, "--format", "lasot") == 2


def test_the_summary_says_what_the_figures_depend_on(root):
    assert evaluate(root / "data", "--output", root / "out", "--only", "a", "c") == 0
    content = summary(root / "out")
    assert (content["benchmark"], content["sequences"], content["frames"]) == ("folder", 2, 11)
    assert content["settings"]["only"] == ["a", "c"]
    assert {"gradnet_ros", "commit", "python", "torch", "numpy"} <= content["versions"].keys()
    assert content["machine"]["torch_threads"] >= 1
    tracker = content["trackers"]["gradnet"]
    assert "sha256" in tracker["about"]["weights"]
    assert json.loads(tracker["about"]["settings"])["update_interval"] >= 0
    assert tracker["overall"]["lost_recall"] is None  # the target is never absent
    assert sum(band["frames"] for band in tracker["score_bands"]) == 9  # all but the two first ones
    assert {band["right"] for band in tracker["score_bands"] if not band["frames"]} <= {None}
    assert list(root.glob("out/*.html"))


def test_raw_results_are_scored_without_a_tracker(root, capsys):
    assert evaluate(root / "data", "--output", root / "out") == 0
    assert evaluate(root / "data", "--results", root / "out" / "raw", "--output", root / "again") == 0
    first, again = (figures(summary(root / name)) for name in ("out", "again"))
    for key, values in first.items():
        assert again[key]["auc"] == pytest.approx(values["auc"], abs=1e-9)
        assert again[key]["precision"] == values["precision"]
        assert again[key]["auroc"] is None


def test_segments_are_played_as_sequences_of_their_own(root, capsys):
    options = ("--trackers", "gradnet,gradnet-fixed", "--segments", 2, "--segment-frames", 2)
    assert evaluate(root / "data", *options, "--output", root / "out") == 0
    assert "6 segments of 3 sequences, 12 frames" in capsys.readouterr().out
    content = summary(root / "out")
    names = [name for tracker, name in figures(content) if tracker == "gradnet-fixed"]
    assert [name.partition("@")[2] for name in names] == ["", "0", "4", "0", "2", "0", "3"]
    (difference,) = content["differences"]
    assert (difference["other"], difference["sequences"]) == ("gradnet-fixed", 3)
    assert (content["settings"]["segments"], content["settings"]["segment_frames"]) == (2, 2)
    page = (root / "out" / "report.html").read_text()
    assert "6 segments, 12 frames" in page
    assert "AUC of gradnet less that of gradnet-fixed" in page
    assert content["trackers"]["gradnet-fixed"]["overall"]["updates"] == 0


@contextmanager
def half_of_the_threads():
    """As many as one of two workers has: sums depend in their last digits on how they are shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def test_workers(root):
    with half_of_the_threads():
        assert evaluate(root / "data", "--output", root / "one") == 0
    assert evaluate(root / "data", "--output", root / "two", "--workers", 2) == 0
    assert figures(summary(root / "one")) == figures(summary(root / "two"))


@pytest.mark.parametrize(("name", "write"), [("got10k", write_got10k), ("lasot", write_lasot)])
def test_other_layouts(tmp_path, name, write, capsys):
    more = (np.random.default_rng(0), (6, 5), True) if name == "got10k" else ()
    write(tmp_path / "data", *more)
    assert evaluate(tmp_path / "data", "--format", name) == 0
    head = capsys.readouterr().out.splitlines()[-2]
    assert ("AO" in head) == (name == "got10k")
    assert ("norm. precision" in head) == (name == "lasot")


def test_a_split_without_truth_gives_raw_results_to_submit(tmp_path, capsys):
    name = "GOT-10k_Test_000001"
    boxes = draw_pictures(tmp_path / "test" / name, 4, 0, 8) + np.array([1, 1, 0, 0])
    save_boxes(tmp_path / "test" / name / "groundtruth.txt", boxes[:1])
    save_lines(tmp_path / "test" / "list.txt", [name])
    options = ("--format", "got10k", "--trackers", "kcf", "--output", tmp_path / "out")
    assert evaluate(tmp_path / "test", *options) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:4] == ["kcf", "-", "-", "-"]
    raw = tmp_path / "out" / "raw" / "GOT-10k" / "kcf" / name / f"{name}_001.txt"
    lines = raw.read_text().splitlines()
    assert len(lines) == 4
    assert lines[0] == ",".join(f"{value:g}" for value in boxes[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "x", "b", "y"], "no sequence x, y in"),
        (["--trackers", "gradnet,tld"], "unknown tracker 'tld'"),
        (["--workers", "0"], "the number of workers must be at least 1, got 0"),
        (["--network", "vgg"], "network must be one of"),
        (["--set", "update_interval=-1"], "update_interval must be"),
        (["--format", "otb"], "no <sequence>/groundtruth_rect.txt below"),
        (["--results", "none"], "none/sequences/gradnet/a.txt"),
        (["--results", "none", "--trackers", "a,b,a"], "the tracker a is there twice"),
        (["--segments", "0"], "segments must be at least 1, got 0"),
        (["--segment-frames", "30"], "--segment-frames is the length of --segments"),
        (["--cluster", "tcp://127.0.0.1:9"], "tcp://127.0.0.1:9"),
    ],
)
def test_wrong_arguments_end_with_one_line(root, arguments, message, capsys, monkeypatch):
    monkeypatch.setattr("gradnet_ros.evaluation.cluster.PATIENCE", 0.5)
    folder = root / "empty" if "otb" in arguments else root / "data"
    assert evaluate(folder, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("module", "arguments"), [("distributed", ["--cluster", "x"]), ("jinja2", ["--output", "o"])]
)
def test_missing_packages_are_named(root, module, arguments):
    code = (
        f"import sys; sys.modules['{module}'] = None; from gradnet_ros.cli.main import main;"
        f"sys.exit(main(['eval', 'data', *{arguments}]))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert result.returncode == 2
    assert f"needs {module}, which is not installed: pip install {module}" in result.stderr


def test_the_formats_are_the_librarys():
    assert tuple(FORMATS) == eval_command.FORMATS
