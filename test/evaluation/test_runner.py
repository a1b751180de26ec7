"""Sequences on disk, read and scored."""

import numpy as np
import pytest

from gradnet_ros import Tracker
from gradnet_ros.evaluation.runner import evaluate_sequence, mean_scores
from gradnet_ros.evaluation.sequences import read_boxes, read_folder
from gradnet_ros.video import VideoWriter
from support import data_folder, moving_scene, need_weights


@pytest.fixture
def root(tmp_path):
    frames, boxes = moving_scene(12)
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        with VideoWriter(folder / "clip.mp4", 30) as video:
            for frame in frames:
                video.write(frame)
        truth = boxes.copy()
        truth[5] = np.nan
        np.savetxt(folder / "groundtruth_rect.txt", truth, "%g", ",")
    return tmp_path


def test_a_folder_is_evaluated(root):
    need_weights()
    sequences = read_folder(root)
    assert [sequence.name for sequence in sequences] == ["one", "two"]
    tracker = Tracker("lite", "cpu")
    results = [evaluate_sequence(tracker, sequence) for sequence in sequences]
    assert results[0].boxes.shape == (12, 4)
    assert results[0].auc > 0.7
    assert results[0].auc == results[1].auc
    assert mean_scores(results)[0] == pytest.approx(results[0].auc)


def test_frames_and_truth_must_agree(root):
    need_weights()
    file = root / "one" / "groundtruth_rect.txt"
    file.write_text("\n".join(file.read_text().splitlines()[:-2]))
    with pytest.raises(ValueError, match=r"one: 12 frames, but 10 rows of truth"):
        evaluate_sequence(Tracker("lite", "cpu"), read_folder(root)[0])


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no .*groundtruth_rect.txt below"):
        read_folder(tmp_path)


@pytest.mark.parametrize("line", ["1,2,3", "1,2,3,x", "1 2 3 4 5"])
def test_a_bad_line_is_named(tmp_path, line):
    file = tmp_path / "truth.txt"
    file.write_text(f"1,2,3,4\n{line}\n")
    with pytest.raises(ValueError, match=r"truth.txt:2: expected x,y,w,h"):
        read_boxes(file)


def test_separators(tmp_path):
    file = tmp_path / "truth.txt"
    file.write_text("1,2,3,4\n1\t2\t3\t4\n\n1 2  3 4\nNaN,NaN,NaN,NaN\n")
    boxes = read_boxes(file)
    assert boxes.shape == (4, 4)
    assert (boxes[:3] == [1, 2, 3, 4]).all()
    assert np.isnan(boxes[3]).all()


@pytest.mark.slow
@pytest.mark.parametrize("interval", [None, 0])
def test_real_sequences_are_followed(interval):
    """Three short development sequences: a guard against a broken tracker, not a benchmark."""
    need_weights()
    names = {"DAVIS16_blackswan", "DAVIS16_camel", "DAVIS16_car-shadow"}
    sequences = [s for s in read_folder(data_folder() / "dev") if s.name in names]
    assert len(sequences) == 3
    overrides = {} if interval is None else {"update_interval": interval}
    tracker = Tracker("lite", "cpu", config=overrides)
    auc, _ = mean_scores([evaluate_sequence(tracker, sequence) for sequence in sequences])
    assert auc > 0.6
