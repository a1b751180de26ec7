"""What was measured is kept, and measured again only where it no longer holds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gradnet_ros.evaluation.ablation import runs as module
from gradnet_ros.evaluation.ablation.runs import Evaluations, PlainSteps, Run
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.nn.checkpoint import save_network
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.video import VideoWriter
from support import moving_scene, random_network

FRAMES = 5


@pytest.fixture
def sequence(tmp_path):
    frames, boxes = moving_scene(FRAMES)
    with VideoWriter(tmp_path / "clip.mp4", 30) as video:
        for frame in frames:
            video.write(frame)
    return Sequence("disc", tmp_path / "clip.mp4", boxes)


@pytest.fixture
def run(tmp_path):
    save_network(tmp_path / "net.safetensors", random_network("lite"))
    # Every frame is reliable, so every second one teaches.
    config = TrackerConfig(scale_count=1, update_interval=2, reliable_ratio=0.0, early_frames=0)
    return Run("full-seed0", "lite", tmp_path / "net.safetensors", config)


@pytest.fixture
def counted(monkeypatch):
    """Counts the sequences that are really tracked."""
    tracked = []
    real = module.run_tracker

    def evaluate(tracker, sequence):
        tracked.append(sequence.name)
        return real(tracker, sequence)

    monkeypatch.setattr(module, "run_tracker", evaluate)
    return tracked


def evaluations(folder):
    return Evaluations(folder / "kept", "cpu", lambda line: None)


def test_figures_are_kept_and_used_again(tmp_path, sequence, run, counted):
    first = evaluations(tmp_path).measure(run, [sequence])["disc"]
    assert 0 < first.auc <= 1
    assert len(first.update_ms) == (FRAMES - 1) // 2
    assert min(first.update_ms) > 0
    assert evaluations(tmp_path).measure(run, [sequence])["disc"] == first
    assert counted == ["disc"]


def test_a_changed_tracker_is_measured_anew(tmp_path, sequence, run, counted):
    runs = [
        run,
        replace(run, config=replace(run.config, update_rate=0.5)),
        replace(run, plain=PlainSteps(1, 1.0)),
        replace(run, plain=PlainSteps(2, 1.0)),
        replace(run, plain=PlainSteps(1, 4.0)),
    ]
    for each in runs:
        evaluations(tmp_path).measure(each, [sequence])
    assert len(counted) == len(runs)
    net = random_network("lite")
    save_network(run.weights, net, training={"another": "file"})
    evaluations(tmp_path).measure(run, [sequence])
    assert len(counted) == len(runs) + 1


def test_a_changed_truth_is_measured_anew(tmp_path, sequence, run, counted):
    evaluations(tmp_path).measure(run, [sequence])
    truth = sequence.truth.copy()
    truth[3] = np.nan
    evaluations(tmp_path).measure(run, [replace(sequence, truth=truth)])
    assert len(counted) == 2


def test_without_updates_there_are_no_times(tmp_path, sequence, run):
    without = replace(run, config=replace(run.config, update_interval=0))
    assert evaluations(tmp_path).measure(without, [sequence])["disc"].update_ms == ()


def test_plain_runs_have_a_template_of_their_own(tmp_path, sequence, run, monkeypatch):
    made = []
    real = module.PlainGradientTemplate

    def make(net, f2, steps, factor):
        made.append((steps, factor))
        return real(net, f2, steps, factor)

    monkeypatch.setattr(module, "PlainGradientTemplate", make)
    evaluations(tmp_path).measure(replace(run, plain=PlainSteps(3, 4.0)), [sequence])
    assert made == [(3, 4.0)]


def test_a_damaged_file_is_named(tmp_path, sequence, run):
    evaluations(tmp_path).measure(run, [sequence])
    (file,) = (tmp_path / "kept").glob("full-seed0-*/disc.json")
    file.write_text(file.read_text()[:40])
    with pytest.raises(ValueError, match=r"disc.json: not the figures of a sequence; delete it"):
        evaluations(tmp_path).measure(run, [sequence])


def test_a_gpu_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    module._wait(torch.device("cpu"))
    module._wait(torch.device("cuda", 0))
    assert waited == [torch.device("cuda", 0)]
