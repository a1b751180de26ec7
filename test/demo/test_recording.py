import numpy as np
import pytest
from recording import Detection, Recording, read_ledger

from gradnet_ros.tracking.track import TrackState

MS = 1_000_000
BOX = (1.0, 2.0, 30.0, 40.0)


def make_recording(frames, count=10, period=40, latency=25):
    """Frames every ``period`` ms from 1 s on; those in ``frames`` come back after ``latency`` ms."""
    stamps = [1000 * MS + number * period * MS for number in range(count)]
    return Recording(stamps, [Detection(stamps[n], stamps[n] + latency * MS, BOX, 0.9) for n in frames])


def test_detections_are_matched_by_stamp():
    recording = make_recording([0, 3, 4])
    assert list(recording.detections) == [0, 3, 4]
    assert recording.strays == []
    assert recording.latest(2) is recording.detections[0]
    assert recording.latest(9) is recording.detections[4]
    assert make_recording([3]).latest(2) is None


def test_strays():
    known = Detection(100, 200, BOX, 0.9)
    recording = Recording([100], [known, known, Detection(101, 200, BOX, 0.9)])
    assert recording.detections == {0: known}
    assert len(recording.strays) == 2


def test_latencies_leave_out_dropped_frames_and_the_first():
    latencies = make_recording([0, 1, 3], count=4).latencies_ms
    assert np.isnan(latencies[[0, 2]]).all()
    assert latencies[[1, 3]] == pytest.approx([25, 25])


def test_rates():
    recording = make_recording(range(10))
    assert recording.fps() == pytest.approx(25)
    assert recording.fps(5) == pytest.approx(25)
    assert recording.published_fps() == pytest.approx(25)
    assert make_recording(range(0, 10, 2)).fps() == pytest.approx(12.5)
    assert make_recording([0, 1]).fps() is None
    assert recording.fps(0) is None


def test_the_shown_rate_forgets_what_is_long_ago():
    stamps = [0, 1000 * MS, 1100 * MS, 9000 * MS, 9500 * MS]
    recording = Recording(stamps, [Detection(stamp, stamp + 1, BOX, 0.9) for stamp in stamps])
    assert recording.fps(4) == pytest.approx(2)


@pytest.mark.parametrize(
    ("score", "state"),
    [(None, TrackState.LOST), (0.3, TrackState.UNCERTAIN), (0.5, TrackState.TRACKED)],
)
def test_state(score, state):
    assert Detection(0, 1, BOX, score).state(0.5) is state


def test_ledger(tmp_path):
    path = tmp_path / "ledger.csv"
    path.write_text("0,100\n1,140\n")
    assert read_ledger(path) == [100, 140]
    path.write_text("0,100\n2,140\n")
    with pytest.raises(ValueError, match="not numbered"):
        read_ledger(path)
