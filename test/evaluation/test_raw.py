"""Raw results: written where the toolkits look for them, and read back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_ros.evaluation.raw.files import read_evaluation, read_raw, write_raw
from gradnet_ros.evaluation.results import SequenceResult
from gradnet_ros.evaluation.sequences import Sequence


def sequence(count, origin=1):
    return Sequence("Dog", None, np.tile([3.0, 4, 20, 10], (count, 1)), origin=origin)


def result(boxes):
    count = len(boxes)
    nothing = np.full(count, np.nan)
    return SequenceResult("t", "Dog", boxes, nothing, np.zeros(count, bool), np.full(count, 0.25), 0)


@pytest.mark.parametrize(
    ("benchmark", "boxes", "times"),
    [
        ("otb", "OTB2015/t/Dog.txt", "OTB2015/t/times/Dog_time.txt"),
        ("uav123", "UAV123/t/Dog.txt", "UAV123/t/times/Dog_time.txt"),
        ("lasot", "LaSOT/t/Dog.txt", "LaSOT/t/times/Dog_time.txt"),
        ("folder", "sequences/t/Dog.txt", "sequences/t/times/Dog_time.txt"),
        ("got10k", "GOT-10k/t/Dog/Dog_001.txt", "GOT-10k/t/Dog/Dog_time.txt"),
    ],
)
def test_files(tmp_path, benchmark, boxes, times):
    of = sequence(2)
    write_raw(tmp_path, benchmark, result(np.array([[3, 4, 20, 10], [5.25, 6, 19.5, 11]])), of)
    files = sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.txt"))
    assert files == sorted([boxes, times])
    assert (tmp_path / boxes).read_text() == "4,5,20,10\n6.25,7,19.5,11\n"  # the toolkits count from 1
    assert (tmp_path / times).read_text() == "0.25000000\n0.25000000\n"


@given(
    rows=st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 4), min_size=1, max_size=5), origin=st.integers(0, 1)
)
@settings(deadline=None)
def test_what_is_written_is_read(tmp_path_factory, rows, origin):
    folder = tmp_path_factory.mktemp("raw")
    of, written = sequence(len(rows), origin), result(np.array(rows, float))
    write_raw(folder, "otb", written, of)
    found = read_raw(folder, "otb", "t", of)
    assert found.boxes == pytest.approx(written.boxes, abs=1e-5)
    assert np.array_equal(found.seconds, written.seconds)
    assert np.isnan(found.scores).all()
    assert found.lost is None
    assert found.updates is None


def test_results_of_others_may_lack_times(tmp_path):
    (tmp_path / "OTB2015" / "t").mkdir(parents=True)
    (tmp_path / "OTB2015" / "t" / "Dog.txt").write_text("4\t5\t20\t10\n")
    found = read_raw(tmp_path, "otb", "t", sequence(1))
    assert found.boxes.tolist() == [[3, 4, 20, 10]]
    assert np.isnan(found.seconds).all()


def test_repetitions_of_got10k_use_the_first_times(tmp_path):
    of = sequence(2)
    write_raw(tmp_path, "got10k", result(np.ones((2, 4))), of)
    (tmp_path / "GOT-10k" / "t" / "Dog" / "Dog_time.txt").write_text("0.1,0.2\n0.3,0.4\n")
    assert read_raw(tmp_path, "got10k", "t", of).seconds.tolist() == [0.1, 0.3]


def test_what_is_wrong_is_named(tmp_path):
    write_raw(tmp_path, "otb", result(np.ones((3, 4))), sequence(3))
    with pytest.raises(ValueError, match=r"t/Dog.txt: expected 2 rows, one a frame, got 3"):
        read_raw(tmp_path, "otb", "t", sequence(2))
    times = tmp_path / "OTB2015" / "t" / "times" / "Dog_time.txt"
    times.write_text("0.1\nfast\n0.1\n")
    with pytest.raises(ValueError, match=r"Dog_time.txt:2: expected seconds, got 'fast'"):
        read_raw(tmp_path, "otb", "t", sequence(3))
    with pytest.raises(FileNotFoundError, match=r"other/Dog.txt"):
        read_evaluation(tmp_path, "otb", ["other"], [sequence(3)])
