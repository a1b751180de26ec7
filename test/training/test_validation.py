"""Scores in training."""

import numpy as np
import pytest

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.processes import open_fabric
from gradnet_ros.training.validation import HeldOutSamples, TrackedSequences
from gradnet_ros.video import VideoWriter
from support import moving_scene, need_weights, random_network
from training.fake import FakeDataset, FakeStage, fake_collate


@pytest.fixture(scope="module")
def fabric():
    return open_fabric("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("sequences")
    for name, seed in (("one", 0), ("two", 1)):
        frames, boxes = moving_scene(8, seed=seed)
        (root / name).mkdir()
        with VideoWriter(root / name / "clip.mp4", 30) as video:
            for frame in frames:
                video.write(frame)
        np.savetxt(root / name / "groundtruth_rect.txt", boxes, "%g", ",")
    return root


def test_held_out_samples_are_always_the_same_and_never_trained_on(fabric):
    net, stage = GradNet("lite"), FakeStage(noise=0.0)
    scores = [HeldOutSamples(FakeDataset(), fake_collate, 6, 4).score(fabric, net, stage) for _ in range(2)]
    assert scores[0] == scores[1]
    numbers = [numbers for _, numbers, _ in stage.seen]
    assert [len(each) for each in numbers] == [4, 2, 4, 2]
    assert min(n for each in numbers for n in each) == 2**40
    assert [number for number, _, _ in stage.seen] == [0, 1, 0, 1]


def test_the_score_is_minus_the_loss_of_the_mean_sample(fabric):
    net, stage = GradNet("lite"), FakeStage(noise=0.0)
    score = HeldOutSamples(FakeDataset(), fake_collate, 6, 4).score(fabric, net, stage)
    first, second = (loss for _, _, loss in stage.seen)
    assert score.value == pytest.approx(-(4 * first + 2 * second) / 6)
    assert score.figures["loss"] == pytest.approx(-score.value)
    assert "gradient" in score.figures


@pytest.mark.slow
def test_a_good_network_scores_higher_on_sequences(fabric, folder):
    need_weights()
    from gradnet_ros.nn.checkpoint import load_network, shipped_weights

    with_update, without = (
        TrackedSequences(folder, by_update, {"update_interval": 2}, ["two"], frames=5)
        for by_update in (True, False)
    )
    good = with_update.score(fabric, load_network(shipped_weights("lite")).net, FakeStage())
    bad = with_update.score(fabric, random_network("lite"), FakeStage())
    assert good.value > max(0.5, bad.value)
    assert good.value == good.figures["auc_with_update"]
    other = without.score(fabric, load_network(shipped_weights("lite")).net, FakeStage())
    assert other.figures == good.figures
    assert other.value == good.figures["auc_without_update"]
    assert set(good.figures) == {
        f"{score}_{update}" for score in ("auc", "precision") for update in ("with_update", "without_update")
    }


def test_frames_are_capped(folder):
    validator = TrackedSequences(folder, True, frames=3)
    assert [sequence.name for sequence in validator.sequences] == ["one", "two"]
    for sequence in validator.sequences:
        assert len(list(sequence.frames())) == len(sequence.truth) == 3
    assert len(list(TrackedSequences(folder, True).sequences[0].frames())) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"frames": 1}, "must be 0 .all. or at least 2, got 1"), ({"only": ["three"]}, "no sequence three in")],
)
def test_wrong_settings(folder, arguments, message):
    with pytest.raises(ValueError, match=message):
        TrackedSequences(folder, True, **arguments)
