"""Sequences on disk, played."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.fakes import DrifterSpec
from gradnet_ros import Tracker
from gradnet_ros.evaluation.runner import run_tracker
from gradnet_ros.evaluation.scores import score_sequence
from gradnet_ros.evaluation.sequences import read_boxes, read_folder
from gradnet_ros.evaluation.trackers.gradnet import GradNetTracker
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
    tracker = Tracker("lite", "cpu", config={"update_interval": 5}, engine="torch")
    results = [run_tracker(GradNetTracker(tracker), sequence) for sequence in sequences]
    assert results[0].boxes.shape == (12, 4)
    assert results[0].boxes[0].tolist() == sequences[0].truth[0].tolist()
    assert np.isnan(results[0].scores[0])
    assert np.isfinite(results[0].scores[1:]).all()
    assert results[0].updates == tracker.template_updates > 0
    scores = [score_sequence(*pair).scores for pair in zip(results, sequences, strict=True)]
    assert scores[0].frames == 11
    assert scores[0].auc > 0.7
    assert scores[0].auc == scores[1].auc


def test_frames_and_truth_must_agree(root):
    file = root / "one" / "groundtruth_rect.txt"
    file.write_text("\n".join(file.read_text().splitlines()[:-2]))
    with pytest.raises(ValueError, match=r"one: 12 frames, but 10 rows of truth"):
        run_tracker(DrifterSpec().make(), read_folder(root)[0])


def test_a_frame_that_is_refused_is_named_with_the_sequence(root, monkeypatch):
    def refuse(self, frame):
        raise ValueError("image must stay 640x480 pixels, got 320x240")

    tracker = DrifterSpec().make()
    monkeypatch.setattr(type(tracker), "update", refuse)
    with pytest.raises(ValueError, match=r"one: frame 1: image must stay 640x480"):
        run_tracker(tracker, read_folder(root)[0])


def test_an_empty_truth_is_named(root):
    (root / "two" / "groundtruth_rect.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"two/groundtruth_rect.txt: no boxes"):
        read_folder(root)


def test_a_tracker_that_cannot_be_started_is_named_with_the_sequence(root):
    with pytest.raises(ValueError, match=r"one: mine cannot be started: box must be smaller"):
        run_tracker(DrifterSpec(refuse=True).make(), read_folder(root)[0], "mine")


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
    file.write_text("1,2,3,4\n1\t2\t3\t4\n1 2  3 4\nNaN,NaN,NaN,NaN\n\n")
    boxes = read_boxes(file)
    assert boxes.shape == (4, 4)
    assert (boxes[:3] == [1, 2, 3, 4]).all()
    assert np.isnan(boxes[3]).all()


def test_a_blank_line_would_shift_all_after_it(tmp_path):
    file = tmp_path / "truth.txt"
    file.write_text("1,2,3,4\n\n5,6,7,8\n")
    with pytest.raises(ValueError, match=r"truth.txt:2: blank; a frame without a box is NaN,NaN,NaN,NaN"):
        read_boxes(file)


def test_a_byte_order_mark_is_no_number_and_another_coding_is_named(tmp_path):
    file = tmp_path / "truth.txt"
    file.write_bytes("\ufeff1,2,3,4\n".encode())
    assert read_boxes(file).tolist() == [[1, 2, 3, 4]]
    file.write_bytes("1,2,3,4 \u00e9\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"truth.txt: not a text in UTF-8"):
        read_boxes(file)


def test_a_sequence_without_frames_is_named_before_anything_is_played(root):
    (root / "two" / "clip.mp4").unlink()
    with pytest.raises(FileNotFoundError, match=r"two: neither clip.mp4 nor img/ beside groundtruth_rect"):
        read_folder(root)


def test_pictures_are_counted_before_anything_is_played(root):
    (root / "two" / "clip.mp4").unlink()
    (root / "two" / "img").mkdir()
    for number in range(11):
        (root / "two" / "img" / f"{number}.png").touch()
    with pytest.raises(ValueError, match=r"groundtruth_rect.txt: 12 boxes, but .*two/img has 11 pictures"):
        read_folder(root)


def test_a_truth_without_a_first_box_is_named(root):
    file = root / "one" / "groundtruth_rect.txt"
    file.write_text("nan,nan,nan,nan\n" + "\n".join(file.read_text().splitlines()[1:]))
    with pytest.raises(ValueError, match=r"one/groundtruth_rect.txt:1: a tracker starts with this box"):
        read_folder(root)


def test_frames_that_are_not_there_cannot_be_picked(root):
    sequence = read_folder(root)[0]
    assert sorted(sequence.pick([0, 11])) == [0, 11]
    with pytest.raises(ValueError, match=r"one: no frame 12 in"):
        sequence.pick([0, 12, 14])


NUMBER = st.one_of(st.just(float("nan")), st.floats(-1e5, 1e5))
ROWS = st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), max_size=6)


@given(
    rows=ROWS,
    separator=st.sampled_from([",", "\t", " ", ", ", "  "]),
    end=st.sampled_from(["", "\n", "\r\n\n"]),
)
@settings(deadline=None)
def test_what_is_written_is_read(tmp_path_factory, rows, separator, end):
    file = tmp_path_factory.mktemp("boxes") / "truth.txt"
    file.write_text("\n".join(separator.join(map(repr, row)) for row in rows) + end)
    assert np.array_equal(read_boxes(file), np.array(rows).reshape(-1, 4), equal_nan=True)


@pytest.mark.slow
@pytest.mark.parametrize("interval", [None, 0])
def test_real_sequences_are_followed(interval):
    """Three short development sequences: a guard against a broken tracker, not a benchmark."""
    need_weights()
    names = {"DAVIS16_blackswan", "DAVIS16_camel", "DAVIS16_car-shadow"}
    sequences = [s for s in read_folder(data_folder() / "dev") if s.name in names]
    assert len(sequences) == 3
    overrides = {} if interval is None else {"update_interval": interval}
    tracker = GradNetTracker(Tracker("lite", "cpu", config=overrides, engine="torch"))
    aucs = [score_sequence(run_tracker(tracker, each), each).scores.auc for each in sequences]
    assert np.mean(aucs) > 0.6
