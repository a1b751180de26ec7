"""The tracker on synthetic scenes with the shipped weights: it follows, it keeps its rules, it refuses."""

import dataclasses

import numpy as np
import pytest

from gradnet_ros import Track, Tracker, TrackerConfig, TrackState
from gradnet_ros.evaluation.metrics import overlaps
from gradnet_ros.nn.checkpoint import CheckpointError, save_network
from support import moving_scene, need_weights, random_network


@pytest.fixture(scope="module")
def tracker():
    need_weights()
    return Tracker("lite", "cpu")


@pytest.fixture(scope="module")
def scene():
    return moving_scene(31)


@pytest.fixture(autouse=True)
def _fresh(request):
    if "tracker" in request.fixturenames:
        tracker = request.getfixturevalue("tracker")
        before = tracker.config
        tracker.reset()
        yield
        tracker.configure(before)
    else:
        yield


def follow(tracker, frames, box):
    tracks = [tracker.init(frames[0], tuple(box))]
    return tracks + [tracker.update(frame) for frame in frames[1:]]


@pytest.mark.parametrize("interval", [0, 5])
def test_it_follows_a_moving_target(tracker, scene, interval):
    frames, truth = scene
    tracker.configure({"update_interval": interval})
    tracks = follow(tracker, frames, truth[0])
    iou = overlaps(np.array([track.box for track in tracks]), truth)
    assert iou.mean() > 0.75
    assert iou.min() > 0.5
    assert all(track.state is TrackState.TRACKED for track in tracks)
    assert [i for i, track in enumerate(tracks) if track.updated] == (
        list(range(5, 31, 5)) if interval else []
    )
    assert tracker.template_updates == (6 if interval else 0)


def test_it_follows_a_growing_target(tracker):
    import cv2

    frames, _ = moving_scene(1)
    height, width = frames[0].shape[:2]
    zooms = 1.02 ** np.arange(20)
    centre = (width / 2, height / 2)
    grown = [cv2.warpAffine(frames[0], cv2.getRotationMatrix2D(centre, 0, z), (width, height)) for z in zooms]
    tracks = follow(tracker, grown, (136, 100, 48, 40))
    assert tracks[-1].scale == pytest.approx(zooms[-1], rel=0.12)
    assert tracks[-1].box[2] / tracks[-1].box[3] == pytest.approx(48 / 40)


def test_a_vanished_target_lowers_score_and_state(tracker, scene):
    frames, truth = scene
    follow(tracker, frames[:8], truth[0])
    blank = np.full_like(frames[0], 127)
    tracks = [tracker.update(blank) for _ in range(4)]
    assert all(track.state is not TrackState.TRACKED for track in tracks)
    assert max(track.score for track in tracks) < 0.5


def test_results_do_not_depend_on_what_was_tracked_before(tracker, scene):
    frames, truth = scene
    first = follow(tracker, frames[:12], truth[0])
    follow(tracker, frames[5:9], truth[5] + [9, -7, 5, 5])
    assert follow(tracker, frames[:12], truth[0]) == first


def test_the_given_image_is_not_changed(tracker, scene):
    frames, truth = scene
    before = [frame.copy() for frame in frames[:7]]
    follow(tracker, frames[:7], truth[0])
    for frame, kept in zip(frames, before, strict=False):
        np.testing.assert_array_equal(frame, kept)


def test_views_and_read_only_images_work(tracker, scene):
    frames, truth = scene
    whole = follow(tracker, frames[:3], truth[0])
    padded = [np.pad(frame, ((0, 0), (0, 16), (0, 0)))[:, :320] for frame in frames[:3]]
    for frame in padded:
        frame.flags.writeable = False
    assert follow(tracker, padded, truth[0]) == whole


@pytest.mark.parametrize("box", [(0, 0, 0, 10), (float("nan"), 0, 9, 9), (400, 10, 30, 30), (1, 2, 3)])
def test_a_refused_init_keeps_the_target(tracker, scene, box):
    frames, truth = scene
    expected = follow(tracker, frames[:4], truth[0])[3]
    follow(tracker, frames[:3], truth[0])
    with pytest.raises(ValueError, match="box"):
        tracker.init(frames[3], box)
    assert tracker.update(frames[3]) == expected


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((240, 320), np.uint8), "HxWx3 uint8"),
        (np.zeros((240, 320, 3)), "float64"),
        (np.zeros((100, 320, 3), np.uint8), "image must stay 320x240 pixels, got 320x100"),
    ],
)
def test_a_refused_image_keeps_the_target(tracker, scene, image, message):
    frames, truth = scene
    expected = follow(tracker, frames[:4], truth[0])[3]
    follow(tracker, frames[:3], truth[0])
    with pytest.raises(ValueError, match=message):
        tracker.update(image)
    assert tracker.update(frames[3]) == expected


def test_update_before_init(tracker, scene):
    with pytest.raises(ValueError, match="call init"):
        tracker.update(scene[0][0])
    assert not tracker.initialised


def test_boxes_reaching_out_of_the_image_are_tracked(tracker):
    frames, _ = moving_scene(6)
    tracks = follow(tracker, frames, (-15, -12, 48, 40))
    for track in tracks:
        x, y, w, h = track.box
        assert 0 <= x + w / 2 <= 320
        assert 0 <= y + h / 2 <= 240


def test_tiny_and_huge_targets_do_not_fail(tracker):
    frames, _ = moving_scene(4)
    for box in ((100, 100, 2, 2), (0, 0, 320, 240), (10, 100, 300, 4), (-480, -360, 1280, 960)):
        tracks = follow(tracker, frames, box)
        assert all(np.isfinite(track.box).all() and min(track.box[2:]) > 0 for track in tracks)


def test_size_stays_within_its_bounds(tracker, scene):
    frames, truth = scene
    tracker.configure({"min_scale": 0.95, "max_scale": 1.05, "scale_step": 1.3, "scale_smoothing": 1.0})
    tracker.init(frames[0], tuple(truth[0]))
    rng = np.random.default_rng(0)
    for _ in range(6):
        noise = rng.integers(0, 256, frames[0].shape, dtype=np.uint8)
        assert 0.95 <= tracker.update(noise).scale <= 1.05


def test_settings_change_while_running_and_wrong_ones_change_nothing(tracker, scene):
    frames, truth = scene
    follow(tracker, frames[:3], truth[0])
    before = tracker.config
    with pytest.raises(ValueError, match="scale_count must be odd"):
        tracker.configure({"scale_count": 4})
    assert tracker.config == before
    tracker.configure({"scale_count": 1, "update_interval": 0})
    assert tracker.update(frames[3]).scale == pytest.approx(tracker.update(frames[3]).scale)
    tracker.configure({"scale_count": 5})
    assert tracker.update(frames[4]).state is TrackState.TRACKED


def test_the_gradient_branch_can_be_switched_on_and_off_while_tracking(tracker, scene):
    frames, truth = scene
    tracker.configure({"update_interval": 0})
    follow(tracker, frames[:3], truth[0])
    tracker.configure({"update_interval": 1})
    assert tracker.update(frames[3]).updated
    tracker.configure({"update_interval": 0})
    assert not tracker.update(frames[4]).updated
    assert tracker.template_updates == 1


def test_an_early_failure_updates_at_once(tracker, scene):
    frames, truth = scene
    tracker.configure({"update_interval": 100, "early_frames": 10, "early_ratio": 1.0})
    follow(tracker, frames[:4], truth[0])
    weak = (frames[4] * 0.6 + 100 * 0.4).astype(np.uint8)
    assert tracker.update(weak).updated
    tracker.configure({"early_frames": 0})
    assert not tracker.update(weak).updated


def test_track_is_frozen(tracker, scene):
    frames, truth = scene
    track = tracker.init(frames[0], tuple(truth[0]))
    assert isinstance(track, Track)
    assert track.box == pytest.approx(tuple(truth[0]))
    assert (track.scale, track.updated) == (1.0, False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        track.score = 1.0


def test_weights_of_ones_own_for_alexnet(tmp_path, scene):
    path = tmp_path / "alexnet.safetensors"
    save_network(path, random_network("alexnet"), {"update_interval": 3})
    tracker = Tracker("alexnet", "cpu", path, {"scale_count": 1})
    assert tracker.config == TrackerConfig(update_interval=3, scale_count=1)
    frames, truth = scene
    tracks = follow(tracker, frames[:5], truth[0])
    assert [track.updated for track in tracks] == [False, False, False, True, False]
    assert all(0 <= track.score <= 1 for track in tracks)


def test_a_whole_config_wins_over_the_checkpoints(tmp_path):
    path = tmp_path / "lite.safetensors"
    save_network(path, random_network("lite"), {"update_interval": 3})
    assert Tracker("lite", "cpu", path, TrackerConfig()).config.update_interval == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "vgg"}, "network must be one of alexnet, lite"),
        ({"device": "gpu"}, "device must be"),
        ({"weights": "none.safetensors"}, "no weights at none.safetensors"),
        ({"config": {"nonsense": 1}}, "unknown tracker setting nonsense"),
    ],
)
def test_wrong_arguments(arguments, message):
    need_weights()
    with pytest.raises(ValueError, match=message):
        Tracker(**{"device": "cpu", **arguments})
    assert issubclass(CheckpointError, ValueError)
