"""Our scores of raw results are those of GOT-10k's toolkit (got10k 0.1.3), to 1e-6."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.layouts import answers, save_boxes, touch_pictures, walk, write_got10k
from gradnet_ros.evaluation.benchmarks import got10k, otb, uav123
from gradnet_ros.evaluation.metrics import centre_errors, clip_boxes, overlaps
from gradnet_ros.evaluation.raw.files import read_evaluation, write_raw
from gradnet_ros.evaluation.results import SequenceResult
from gradnet_ros.evaluation.scores import score_evaluation

matplotlib.use("Agg")
from got10k.datasets import OTB
from got10k.experiments import ExperimentGOT10k, ExperimentOTB, ExperimentUAV123
from got10k.utils.metrics import center_error, rect_iou

EXACT = {"abs": 1e-6, "rel": 0}
TRACKERS = ("one", "two")

COORDINATE = st.floats(-300, 900)
SIDE = st.floats(0.5, 400)
BOXES = st.lists(st.tuples(COORDINATE, COORDINATE, SIDE, SIDE), min_size=1, max_size=8).map(
    lambda rows: np.array(rows, float)
)


@given(first=BOXES, second=BOXES)
@settings(deadline=None)
def test_overlap_and_centre_error(first, second):
    count = min(len(first), len(second))
    first, second = first[:count], second[:count]
    assert overlaps(first, second) == pytest.approx(rect_iou(first, second), **EXACT)
    assert centre_errors(first, second) == pytest.approx(center_error(first, second), **EXACT)


@given(first=BOXES, second=BOXES, bound=st.tuples(st.integers(50, 700), st.integers(50, 700)))
@settings(max_examples=200, deadline=None)
def test_overlap_inside_of_an_image(first, second, bound):
    count = min(len(first), len(second))
    first, second = first[:count], second[:count]
    found = overlaps(clip_boxes(first, bound), clip_boxes(second, bound))
    # The toolkit writes into what it is given.
    assert found == pytest.approx(rect_iou(first.copy(), second.copy(), bound=bound), **EXACT)


def write_results(folder, benchmark, sequences, rng):
    """Raw results of two trackers; of each their own noise."""
    for tracker in TRACKERS:
        for sequence in sequences:
            boxes = answers(rng, sequence.truth)
            boxes[0] = sequence.truth[0]
            count = len(boxes)
            seconds = rng.uniform(0.01, 0.05, count)
            result = SequenceResult(
                tracker, sequence.name, boxes, np.full(count, np.nan), np.zeros(count, bool), seconds, 0
            )
            write_raw(folder, benchmark, result, sequence)


def scores_of(folder, benchmark, sequences):
    return score_evaluation(read_evaluation(folder, benchmark, TRACKERS, sequences))


def assert_otb_equal(found, theirs):
    for tracker in TRACKERS:
        ours = found[tracker]
        pairs = [(ours.overall, theirs[tracker]["overall"])]
        assert ours.sequences.keys() == theirs[tracker]["seq_wise"].keys()
        pairs += [(each.scores, theirs[tracker]["seq_wise"][name]) for name, each in ours.sequences.items()]
        for scores, their in pairs:
            assert scores.auc == pytest.approx(their["success_score"], **EXACT)
            assert scores.precision == pytest.approx(their["precision_score"], **EXACT)
            assert scores.success_curve == pytest.approx(their["success_curve"], **EXACT)
            assert scores.precision_curve == pytest.approx(their["precision_curve"], **EXACT)
            assert scores.success_curve[10] == pytest.approx(their["success_rate"], **EXACT)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def write_otb(root, rng):
    """The special ranges, several targets in one folder, an empty truth, three separators."""
    lengths = {
        "David": (770, 471),
        "Football1": (79, 74),
        "Freeman3": (465, 460),
        "Freeman4": (290, 283),
        "Diving": (231, 215),
        "Jogging": (307, 307),
        "Human4": (40, 40),
        "Basketball": (725, 725),
    }
    for number, (name, (pictures, boxes)) in enumerate(lengths.items()):
        touch_pictures(root / name / "img", pictures)
        separator = (",", "\t", " ")[number % 3]
        for target in ("", ".2") if name != "Jogging" else (".1", ".2"):
            file = root / name / f"groundtruth_rect{target}.txt"
            if target == ".2" and name not in ("Jogging", "Human4"):
                continue
            save_boxes(file, walk(rng, boxes), separator)
    (root / "Human4" / "groundtruth_rect.txt").rename(root / "Human4" / "groundtruth_rect.1.txt")
    (root / "Human4" / "groundtruth_rect.1.txt").write_text("")


def test_otb(tmp_path, rng, monkeypatch):
    root = tmp_path / "OTB"
    write_otb(root, rng)
    sequences = otb.read(root)
    write_results(tmp_path / "raw", "otb", sequences, rng)
    theirs = ExperimentOTB.__new__(ExperimentOTB)  # its constructor downloads OTB
    theirs.dataset = OTB(str(root), 2015, download=False)
    theirs.result_dir, theirs.report_dir = str(tmp_path / "raw" / "OTB2015"), str(tmp_path / "reports")
    theirs.nbins_iou, theirs.nbins_ce = 21, 51
    monkeypatch.setattr(ExperimentOTB, "plot_curves", lambda self, names: None)
    report = theirs.report(list(TRACKERS))
    assert len(sequences) == 9
    assert_otb_equal(scores_of(tmp_path / "raw", "otb", sequences), report)


def test_uav123_with_rows_of_nan(tmp_path, rng, monkeypatch):
    root = tmp_path / "UAV123"
    for name, count, pictures in (("bird1_1", 253, 1477), ("bird1_2", 703, 1477), ("bike3", 433, 433)):
        boxes = walk(rng, count)
        boxes[rng.random(count) < 0.2] = np.nan
        boxes[0] = (100, 120, 30, 40)
        save_boxes(root / "anno" / "UAV123" / f"{name}.txt", boxes)
        touch_pictures(root / "data_seq" / "UAV123" / name.partition("_")[0], pictures, 6)
    for name in ("readme", "more", "and more"):
        (root / name).mkdir()  # fewer entries, and the toolkit takes the folder for empty
    sequences = uav123.read(root)
    write_results(tmp_path / "raw", "uav123", sequences, rng)
    theirs = ExperimentUAV123(
        str(root), result_dir=str(tmp_path / "raw"), report_dir=str(tmp_path / "reports")
    )
    monkeypatch.setattr(ExperimentOTB, "plot_curves", lambda self, names: None)
    report = theirs.report(list(TRACKERS))
    assert_otb_equal(scores_of(tmp_path / "raw", "uav123", sequences), report)


def test_got10k(tmp_path, rng, monkeypatch):
    write_got10k(tmp_path / "val", rng, (40, 25, 33))
    sequences = got10k.read(tmp_path / "val")
    write_results(tmp_path / "raw", "got10k", sequences, rng)
    monkeypatch.setattr(ExperimentGOT10k, "plot_curves", lambda *arguments: None)
    theirs = ExperimentGOT10k(
        str(tmp_path), "val", result_dir=str(tmp_path / "raw"), report_dir=str(tmp_path / "reports")
    )
    report = theirs.report(list(TRACKERS))
    found = scores_of(tmp_path / "raw", "got10k", sequences)
    for tracker in TRACKERS:
        overall, their = found[tracker].overall, report[tracker]["overall"]
        assert overall.ao == pytest.approx(their["ao"], **EXACT)
        assert overall.sr50 == pytest.approx(their["sr"], **EXACT)
        assert overall.success_curve == pytest.approx(their["succ_curve"], **EXACT)
        assert overall.sr75 == pytest.approx(their["succ_curve"][75], **EXACT)
        for name, each in found[tracker].sequences.items():
            assert each.scores.ao == pytest.approx(report[tracker]["seq_wise"][name]["ao"], **EXACT)
            assert each.scores.sr50 == pytest.approx(report[tracker]["seq_wise"][name]["sr"], **EXACT)
