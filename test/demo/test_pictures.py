import cv2
import numpy as np
import pytest
from labels import Labels
from pictures import STRIP_FRAMES, View
from plot import save_plot
from recording import Detection, Recording
from summary import Scene
from video import save_video

from gradnet_ros.video import open_frames

MS = 1_000_000
BOX = (40.0, 30.0, 50.0, 60.0)
FRAMES = 12


@pytest.fixture
def view(labels):
    rng = np.random.default_rng(1)
    frames = list(rng.integers(0, 255, (FRAMES, 144, 176, 3), dtype=np.uint8))
    stamps = [number * 33 * MS for number in range(1, FRAMES + 1)]
    scores = {0: 0.9, 1: 0.9, 4: 0.4, 5: None, 9: 0.7}
    detections = [Detection(stamps[n], stamps[n] + 20 * MS, BOX, score) for n, score in scores.items()]
    scene = Scene(176, 144, 29.97, "cup", "thing", labels, 0.5, 0.25)
    return View(scene, Recording(stamps, detections), frames)


def test_every_frame_can_be_drawn(view):
    for number in range(FRAMES):
        picture = view.annotate(number)
        assert picture.shape == (view.size[1], view.size[0], 3)


def test_without_any_result_frames_can_be_drawn(view):
    empty = View(view.scene, Recording(view.recording.stamps, []), view.frames)
    assert empty.annotate(3).shape == (view.size[1], view.size[0], 3)
    assert empty.strip().size > 0


def test_the_label_is_drawn_where_it_is(view):
    x, y, w, h = view.scene.labels.boxes[0]
    blank = View(view.scene, Recording(view.recording.stamps, []), [np.zeros_like(f) for f in view.frames])
    picture = blank.annotate(0)
    rows, columns = np.nonzero((picture[: 144 * 4] == 255).all(axis=2))
    assert columns.min() == pytest.approx(4 * x, abs=1)
    assert columns.max() == pytest.approx(4 * (x + w), abs=1)
    assert rows.min() == pytest.approx(4 * y, abs=1)
    assert rows.max() == pytest.approx(4 * (y + h), abs=1)


def test_the_strip_shows_frames_that_were_tracked(view):
    chosen = view.choose()
    assert set(chosen) <= set(view.recording.detections)
    assert chosen == [0, 4, 9]
    assert len(chosen) <= STRIP_FRAMES
    assert view.strip().dtype == np.uint8


def test_the_video_has_every_frame(view, tmp_path):
    path = tmp_path / "clip.mp4"
    save_video(path, map(view.annotate, range(FRAMES)), view.size, view.scene.fps)
    with open_frames(str(path)) as frames:
        shapes = [frame.shape for frame in frames]
    assert shapes == [(view.size[1], view.size[0], 3)] * FRAMES


def test_a_video_that_cannot_be_written(view, tmp_path):
    with pytest.raises(OSError, match="cannot be written"):
        save_video(tmp_path / "nowhere" / "clip.mp4", [], view.size, 30.0)


@pytest.mark.parametrize("some", [True, False])
def test_the_plot(view, tmp_path, some):
    path = tmp_path / "plot.png"
    recording = view.recording if some else Recording(view.recording.stamps, [])
    summary = {
        "network": "lite",
        "device": "cpu",
        "frames_tracked": 5,
        "frames_published": FRAMES,
        "mean_iou": 0.7 if some else None,
        "latency_ms": {"p50": 20.0 if some else None, "p95": 20.0 if some else None},
    }
    scene = view.scene if some else Scene(8, 8, 30.0, "a", "", Labels({0: BOX}), 0.5, 0.25)
    save_plot(path, scene, recording, summary)
    assert cv2.imread(str(path)).shape[1] > 1000
