"""The tracker on synthetic scenes with the shipped weights: it follows, it keeps its rules, it refuses."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from gradnet_ros import Track, Tracker, TrackerConfig, TrackState
from gradnet_ros.evaluation.metrics import overlaps
from gradnet_ros.nn.checkpoint import CheckpointError, save_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.tracking.geometry import context_side
from gradnet_ros.tracking.rehearsal import VIEWS
from support import moving_scene, need_weights, random_network, texture


@pytest.fixture(scope="module")
def tracker():
    need_weights()
    # Tests count frames up to the update, whatever interval the weights are shipped with.
    return Tracker("lite", "cpu", config={"update_interval": 5}, engine="torch")


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


@pytest.mark.parametrize("boxes", [False, True])
def test_it_follows_a_growing_target(tracker, boxes):
    pyramid = {"scale_step": 1.08, "scale_penalty": 0.995, "window_influence": 0.2}
    tracker.configure({"box_branch": boxes, **({} if boxes else pyramid)})
    frames, _ = moving_scene(1)
    height, width = frames[0].shape[:2]
    zooms = 1.02 ** np.arange(20)
    centre = (width / 2, height / 2)
    grown = [cv2.warpAffine(frames[0], cv2.getRotationMatrix2D(centre, 0, z), (width, height)) for z in zooms]
    tracks = follow(tracker, grown, (136, 100, 48, 40))
    assert tracks[-1].scale == pytest.approx(zooms[-1], rel=0.12)
    # The pyramid keeps the aspect, the box branch finds it.
    assert tracks[-1].box[2] / tracks[-1].box[3] == pytest.approx(48 / 40, rel=0.15 if boxes else 1e-6)


@pytest.mark.parametrize("rate", [1.02, 0.985])
def test_cosines_see_a_size_that_peaks_do_not(rate):
    need_weights("alexnet")
    frames, _ = moving_scene(1)
    height, width = frames[0].shape[:2]
    zooms = rate ** np.arange(16)
    turns = [cv2.getRotationMatrix2D((width / 2, height / 2), 0, zoom) for zoom in zooms]
    resized = [cv2.warpAffine(frames[0], turn, (width, height)) for turn in turns]
    found = []
    for by_cosine in (True, False):
        rules = {"scale_by_cosine": by_cosine, "scale_penalty": 1.0 if by_cosine else 0.97}
        tracker = Tracker("alexnet", "cpu", config=rules, engine="torch")
        found.append(follow(tracker, resized, (136, 100, 48, 40))[-1].scale)
    assert found[0] == pytest.approx(zooms[-1], rel=0.06)
    assert abs(np.log(found[1] / zooms[-1])) > 2 * abs(np.log(found[0] / zooms[-1]))


@pytest.mark.parametrize(
    ("overrides", "times"),
    [({}, 3), ({"box_steps": 0}, 0), ({"update_interval": 0}, 0), ({"box_branch": False}, 0)],
)
def test_boxes_are_fitted_a_step_a_frame_unless_switched_off(tracker, scene, monkeypatch, overrides, times):
    tracker.configure({"box_branch": True, "box_steps": 3, **overrides})
    steps = watch_steps(tracker, monkeypatch)
    frames, truth = scene
    tracker.init(frames[0], tuple(truth[0]))
    counts = []
    for frame in frames[1:6]:
        tracker.learn()
        tracker.learn()  # once more is once
        counts.append(len(steps))
        tracker.locate(frame)
    assert counts == [min(n, times) for n in range(1, 6)]


def watch_steps(tracker, monkeypatch):
    """A list that grows with every step that is taken."""
    steps = []
    fit = tracker._engine.fit_boxes

    def watch(state):
        steps.append(state)
        fit(state)

    monkeypatch.setattr(tracker._engine, "fit_boxes", watch)
    return steps


def test_the_gradient_branch_switched_off_ends_the_fitting(tracker, scene, monkeypatch):
    tracker.configure({"box_branch": True, "box_steps": 10})
    steps = watch_steps(tracker, monkeypatch)
    frames, truth = scene
    follow(tracker, frames[:3], truth[0])
    taken = len(steps)
    assert taken == 3
    tracker.configure({"update_interval": 0})
    tracker.update(frames[3])
    tracker.configure({"update_interval": 5})
    tracker.update(frames[4])
    assert len(steps) == taken
    assert tracker._target._state.fit is None  # nothing is kept for it


@pytest.mark.parametrize(
    ("overrides", "fits"), [({}, [7]), ({"template_steps": 0}, []), ({"update_interval": 0}, [])]
)
def test_the_template_is_fitted_when_a_target_is_given(tracker, scene, monkeypatch, overrides, fits):
    frames, truth = scene
    tracker.configure({"update_interval": 3, "template_steps": 7, **overrides})
    calls, real = [], tracker._engine.fit_template

    def fit(state, image, views, steps):
        assert image is frames[0]
        assert len(views) == len(VIEWS)
        calls.append(steps)
        real(state, image, views, steps)

    monkeypatch.setattr(tracker._engine, "fit_template", fit)
    tracker.init(frames[0], truth[0])
    for frame in frames[1:5]:
        tracker.update(frame)
    assert calls == fits


@pytest.mark.parametrize("change", [{"box_steps": 0}, {"box_steps": 2}, {"box_branch": False}])
def test_fitting_ends_with_the_change_that_ends_it(tracker, scene, monkeypatch, change):
    tracker.configure({"box_branch": True, "box_steps": 10})
    steps = watch_steps(tracker, monkeypatch)
    frames, truth = scene
    follow(tracker, frames[:3], truth[0])
    assert len(steps) == 3
    tracker.configure(change)
    tracker.update(frames[3])
    tracker.configure({"box_branch": True, "box_steps": 10})
    tracker.update(frames[4])
    assert len(steps) == 3
    assert tracker._target._state.fit is None


def test_a_failing_step_of_fitting_keeps_the_target(tracker, scene, monkeypatch):
    tracker.configure({"box_branch": True, "box_steps": 10})
    frames, truth = scene
    follow(tracker, frames[:2], truth[0])
    box = tracker._target._state.box

    def fail(state):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(tracker._engine, "fit_boxes", fail)
    tracker.locate(frames[2])
    with pytest.raises(RuntimeError, match="out of memory"):
        tracker.learn()
    monkeypatch.undo()
    assert tracker._target._state.box is box
    tracker.learn()  # is not tried again
    assert tracker._target._state.box is box
    assert overlaps(np.array([tracker.update(frames[3]).box]), truth[3:4])[0] > 0.5


def test_a_failing_step_of_fitting_takes_the_update_of_that_frame_with_it(tracker, scene, monkeypatch):
    tracker.configure({"box_branch": True, "box_steps": 6})
    frames, truth = scene
    follow(tracker, frames[:5], truth[0])

    def fail(state):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(tracker._engine, "fit_boxes", fail)
    assert tracker.locate(frames[5]).updated
    with pytest.raises(RuntimeError, match="out of memory"):
        tracker.learn()
    monkeypatch.undo()
    assert not tracker.learn()
    assert tracker.template_updates == 0
    assert tracker._target._state.fit is None  # it was the last step: nothing is kept for more


def test_fitted_boxes_are_nearer_to_the_given_one(tracker, scene):
    """In the very frame that they were fitted to, where it is drawn a quarter larger than what it shows."""
    frames, truth = scene
    x, y, w, h = truth[0]
    given = np.array([x - w / 8, y - h / 8, 1.25 * w, 1.25 * h])
    found = []
    for steps in (0, 10):
        tracker.configure({"box_branch": True, "box_steps": steps})
        tracks = follow(tracker, [frames[0]] * 16, given)
        found.append(overlaps(np.array([tracks[-1].box]), given[None])[0])
    assert found[1] > found[0] + 0.02
    assert found[1] > 0.9


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
        assert 0.95 - 1e-9 <= tracker.update(noise).scale <= 1.05 + 1e-9


def test_settings_change_while_running_and_wrong_ones_change_nothing(tracker, scene):
    frames, truth = scene
    tracker.configure({"box_branch": False})
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


@pytest.mark.parametrize("newest", [False, True])
def test_an_update_learns_from_as_many_frames_as_it_is_told(tracker, scene, monkeypatch, newest):
    frames, truth = scene
    settings = {"update_interval": 3, "memory_size": 4, "update_samples": 3, "newest_sample": newest}
    tracker.configure({**settings, "reliable_ratio": 0.0})
    lessons = []
    real = tracker._engine.teach

    def teach(state, samples, offsets, rate, from_first):
        lessons.append(len(samples))
        assert len(offsets) == len(samples)
        real(state, samples, offsets, rate, from_first)

    monkeypatch.setattr(tracker._engine, "teach", teach)
    follow(tracker, frames[:8], truth[0])
    tracker.configure({"update_samples": 5})  # more than are kept
    for frame in frames[8:11]:
        tracker.update(frame)
    assert lessons == [1, 3, 3, 4]  # the first is the exemplar itself


def locate_only(tracker, image):
    return tracker.locate(image)


def locate_and_learn(tracker, image):
    track = tracker.locate(image)
    assert tracker.learn() == track.updated
    assert not tracker.learn()  # once only
    return track


def locate_and_learn_sometimes(tracker, image):
    track = tracker.locate(image)
    if track.box[0] % 2 < 1:
        tracker.learn()
    return track


@pytest.mark.parametrize("step", [locate_only, locate_and_learn, locate_and_learn_sometimes])
def test_it_does_not_matter_who_learns_and_when(tracker, scene, step):
    frames, truth = scene
    # Many updates with much weight, so that a missing or doubled one moves the boxes.
    tracker.configure({"update_interval": 2, "adaptive_weight": 0.9})
    expected = follow(tracker, frames[:14], truth[0])
    updates = tracker.template_updates
    assert updates == 6
    tracks = [tracker.init(frames[0], tuple(truth[0]))] + [step(tracker, frame) for frame in frames[1:14]]
    assert tracks == expected
    tracker.learn()
    assert tracker.template_updates == updates
    assert tracker.update(frames[14]) == follow(tracker, frames[:15], truth[0])[-1]


def test_what_is_learned_shows_in_the_next_tracks(tracker, scene):
    """Or the test above would prove nothing."""
    frames, truth = scene
    # The pyramid's response is enlarged, so that a little change shows in the place.
    tracker.configure({"box_branch": False, "update_interval": 2, "adaptive_weight": 1.0})
    follow(tracker, frames[:3], truth[0])
    tracker.configure({"update_interval": 100})
    learned = [tracker.update(frame).box for frame in frames[3:14]]
    assert tracker.template_updates == 1
    tracker.configure({"update_interval": 2})
    follow(tracker, frames[:2], truth[0])
    tracker.locate(frames[2])
    tracker.configure({"update_interval": 0})  # drops what was to be learned
    tracker.configure({"update_interval": 100})
    assert [tracker.update(frame).box for frame in frames[3:14]] != learned
    assert tracker.template_updates == 0


def test_locating_computes_no_update(tracker, scene, monkeypatch):
    frames, truth = scene
    follow(tracker, frames[:5], truth[0])
    calls = []
    real = tracker._engine._net.update_feature
    monkeypatch.setattr(
        tracker._engine._net, "update_feature", lambda *given: calls.append(1) or real(*given)
    )
    assert tracker.locate(frames[5]).updated
    assert (calls, tracker.template_updates) == ([], 0)
    assert tracker.learn()
    assert (calls, tracker.template_updates) == ([1], 1)


def test_there_is_nothing_to_learn_without_a_frame(tracker, scene):
    frames, truth = scene
    assert not tracker.learn()
    tracker.init(frames[0], tuple(truth[0]))
    assert not tracker.learn()


@pytest.mark.parametrize("forget", ["init", "reset"])
def test_a_new_start_drops_what_was_to_be_learned(tracker, scene, forget):
    frames, truth = scene
    follow(tracker, frames[:5], truth[0])
    assert tracker.locate(frames[5]).updated
    if forget == "init":
        tracker.init(frames[0], tuple(truth[0]))
    else:
        tracker.reset()
    assert not tracker.learn()
    assert tracker.template_updates == 0


def test_a_refused_image_or_start_keeps_what_was_to_be_learned(tracker, scene):
    frames, truth = scene
    expected = follow(tracker, frames[:7], truth[0])[-1]
    follow(tracker, frames[:5], truth[0])
    assert tracker.locate(frames[5]).updated
    with pytest.raises(ValueError, match="image must stay"):
        tracker.locate(frames[5][:100])
    with pytest.raises(ValueError, match="box"):
        tracker.init(frames[5], (0, 0, 0, 0))
    assert tracker.update(frames[6]) == expected
    assert tracker.template_updates == 1


def test_settings_changed_before_learning_do_not_change_what_is_learned(tracker, scene):
    frames, truth = scene
    tracker.configure({"update_rate": 0.6})
    expected = follow(tracker, frames[:7], truth[0])[-1]
    follow(tracker, frames[:5], truth[0])
    tracker.locate(frames[5])
    tracker.configure({"update_rate": 0.1})
    assert tracker.update(frames[6]) == expected


@pytest.mark.parametrize("part", ["update_feature", "linked_template"])
def test_a_failing_update_keeps_the_target_and_its_template(tracker, scene, monkeypatch, part):
    frames, truth = scene
    tracker.configure({"adaptive_weight": 0.9})
    follow(tracker, frames[:5], truth[0])
    tracker.locate(frames[5])
    tracker._target.forget_lesson()
    expected = [tracker.update(frame) for frame in frames[6:12]]  # the 10th updates, the 11th shows it

    follow(tracker, frames[:5], truth[0])
    located = tracker.locate(frames[5])
    net = tracker._engine._net
    real = net.update_feature

    def fail(*given):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:

        def fail_later(*given):
            step = real(*given)
            patch.setattr(
                tracker._engine._net, "linked_template", fail
            )  # the template of the new target feature
            return step

        patch.setattr(
            tracker._engine._net, "update_feature", fail if part == "update_feature" else fail_later
        )
        with pytest.raises(RuntimeError, match="out of memory"):
            tracker.learn()
    assert located.updated
    assert tracker.template_updates == 0
    assert [tracker.update(frame) for frame in frames[6:12]] == expected
    assert tracker.template_updates == 1  # the failed one was not tried again


def test_a_frame_that_cannot_be_kept_changes_nothing(tracker, scene, monkeypatch):
    check_that_a_failure_changes_nothing(tracker, scene, monkeypatch, "keep")


def test_a_frame_that_cannot_be_compared_changes_nothing(scene, monkeypatch):
    need_weights("alexnet")
    tracker = Tracker("alexnet", "cpu", config={"update_interval": 2, "early_frames": 0}, engine="torch")
    assert tracker.config.compares_sizes
    check_that_a_failure_changes_nothing(tracker, scene, monkeypatch, "compare")


def check_that_a_failure_changes_nothing(tracker, scene, monkeypatch, part):
    """The engine fails once, in a frame that is then given again."""
    frames, truth = scene
    expected = follow(tracker, frames[:8], truth[0])[4:]
    follow(tracker, frames[:4], truth[0])
    box = tracker._target.box

    def fail(*_):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(tracker._engine, part, fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            tracker.locate(frames[4])
    assert tracker._target.box == box
    assert [tracker.update(frame) for frame in frames[4:8]] == expected


def test_the_window_is_dropped_once_in_every_loss_with_and_without_updates(tracker, scene, monkeypatch):
    frames, truth = scene
    blank = np.empty_like(frames[0])  # but for a gradient: what shows nothing at all is not searched
    blank[:] = np.linspace(97, 157, blank.shape[1])[:, None]
    for interval in (0, 5):
        # One search a frame: a narrow one that is not believed would be followed by another.
        tracker.configure({"update_interval": interval, "refind_after": 2, "narrow_first": False})
        follow(tracker, frames[:4], truth[0])
        target = tracker._target
        dropped = []
        find = target._find_peak

        def watch(region, answer, size, with_window, config, dropped=dropped, find=find):
            dropped.append(not with_window)
            return find(region, answer, size, with_window, config)

        monkeypatch.setattr(target, "_find_peak", watch)
        for _ in range(2):
            for frame in (blank, blank, blank, blank):
                tracker.update(frame)
            # Found again where it was, whatever the blank frames did to its place.
            target._centre, target._size = tuple(truth[3][:2] + truth[3][2:] / 2), tuple(truth[3][2:])
            assert tracker.update(frames[3]).state is TrackState.TRACKED
        assert dropped == [False, False, True, False, False] * 2


def test_a_context_changed_while_running_holds_from_the_next_target_on(tracker, scene):
    frames, truth = scene
    expected = follow(tracker, frames[:6], truth[0])
    follow(tracker, frames[:3], truth[0])
    tracker.configure({"context_amount": 1.0})
    assert [tracker.update(frame) for frame in frames[3:6]] == expected[3:]
    assert follow(tracker, frames[:6], truth[0]) != expected


def leaving_scene(side):
    """An image without a target, and a function that puts one into it at (x, y), also partly outside."""
    rng = np.random.default_rng(3)
    background, patch = texture(rng, 480, 640, 24), texture(rng, side, side, 8)

    def frame(x, y):
        wide = np.pad(background, ((side, side), (side, side), (0, 0)), "edge")
        wide[y + side : y + 2 * side, x + side : x + 2 * side] = patch
        return np.ascontiguousarray(wide[side:-side, side:-side])

    return background, frame


def leave(tracker, side, blank_frames):
    """Follow a target out of the image at the left edge; the last track, and a function that makes frames."""
    background, frame = leaving_scene(side)
    tracker.init(frame(80, 100), (80, 100, side, side))
    for x in range(80, -side - 1, -4):
        tracker.update(frame(x, 100))
    for _ in range(blank_frames):
        track = tracker.update(background)
    assert track.state is TrackState.LOST
    return track, frame


def test_a_target_is_waited_for_where_it_left_the_image(tracker):
    side = 48
    tracker.configure({"wait_at_edge": True})
    track, frame = leave(tracker, side, 60)
    x, _, width, height = track.box
    assert (width, height) == pytest.approx((side, side), abs=6)  # as it was when it was last whole
    assert x < 0.25 * side
    tracks = [tracker.update(frame(x, 112)) for x in range(-side, 60, 4)]
    assert tracks[-1].state is TrackState.TRACKED
    assert overlaps(np.array([tracks[-1].box]), np.array([[56.0, 112.0, side, side]]))[0] > 0.5


@pytest.mark.parametrize("anywhere", [False, True])
def test_a_target_that_comes_back_elsewhere_is_found_again(tracker, anywhere):
    """It leaves, its box shrinks with what is to be seen of it, and it comes back somewhere else."""
    side = 48
    tracker.configure({"refind_anywhere": anywhere})
    _, frame = leave(tracker, side, tracker.config.refind_after + 20)
    back = (540.0, 400.0, side, side)
    tracks = [tracker.update(frame(540, 400)) for _ in range(60)]
    iou = overlaps(np.array([track.box for track in tracks]), np.tile(back, (60, 1)))
    if not anywhere:
        assert iou.max() == 0
        return
    found = next(index for index, track in enumerate(tracks) if track.state is TrackState.TRACKED)
    assert all(track.state is TrackState.LOST for track in tracks[:found])
    assert (iou[found:] > 0.5).all()


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
    tracker = Tracker("alexnet", "cpu", path, {"scale_count": 1}, engine="torch")
    assert tracker.config == TrackerConfig(update_interval=3, scale_count=1)
    frames, truth = scene
    tracks = follow(tracker, frames[:5], truth[0])
    assert [track.updated for track in tracks] == [False, False, False, True, False]
    assert all(0 <= track.score <= 1 for track in tracks)


def test_a_whole_config_wins_over_the_checkpoints(tmp_path):
    path = tmp_path / "lite.safetensors"
    save_network(path, random_network("lite"), {"update_interval": 3})
    assert Tracker("lite", "cpu", path, TrackerConfig(), engine="torch").config.update_interval == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "vgg"}, "network must be one of alexnet, lite"),
        ({"device": "gpu"}, "device must be"),
        ({"engine": "tensorflow"}, "engine must be one of auto, torch"),
        ({"weights": "none.safetensors"}, "no weights at none.safetensors"),
        ({"config": {"nonsense": 1}}, "unknown tracker setting nonsense"),
    ],
)
def test_wrong_arguments(arguments, message):
    need_weights()
    with pytest.raises(ValueError, match=message):
        Tracker(**{"device": "cpu", **arguments})
    assert issubclass(CheckpointError, ValueError)


# --- the box branch ---

RATIOS = (0.1, -0.2, 0.3, 0.15)
"""Logarithms of an edge's distance over half the exemplar's side: left, top, right, bottom."""


@pytest.fixture(scope="module")
def boxed_weights(tmp_path_factory):
    """Makes weights of a network whose box branch answers the same at every cell."""

    def make(ratios):
        net = GradNet("lite")
        net.load_state_dict(random_network("lite").state_dict())
        torch.nn.init.zeros_(net.box.edges.weight)
        with torch.no_grad():
            net.box.edges.bias.copy_(torch.tensor(ratios))
        path = tmp_path_factory.mktemp("boxed") / "lite.safetensors"
        save_network(path, net)
        return path

    return make


CENTRAL = {"box_branch": True, "window_influence": 1.0, "update_interval": 0}
"""The window alone decides: always the middle cell."""


def test_the_boxs_size_and_place_are_taken_as_the_settings_say(boxed_weights, scene):
    frames, _ = scene
    settings = {**CENTRAL, "size_smoothing": 0.6, "size_penalty": 0.5}
    tracker = Tracker("lite", "cpu", boxed_weights(RATIOS), settings, engine="torch")
    centre, size = np.array([150.0, 110.0]), np.array([48.0, 40.0])
    first = tracker.init(frames[0], (*(centre - size / 2), *size))
    assert first.box == pytest.approx((*(centre - size / 2), *size))
    half = size / 2 * 127 / context_side(*size)  # the exemplar's, pixels of a crop
    left, top, right, bottom = np.exp(RATIOS) * np.tile(half, 2)
    found = np.array([left + right, top + bottom])
    for frame in frames[1:4]:
        # Crops are zoomed in steps of half a percent and lie at halves of their pixels; of the image a pixel:
        pixel = 2 ** (np.round(np.log2(context_side(*size) / 127) * 128) / 128)
        middle = np.round(centre / pixel * 2) / 2 * pixel
        expected = size / pixel
        aspect = (found[0] / found[1]) / (expected[0] / expected[1])
        growth = context_side(*found) / context_side(*expected)
        change = max(aspect, 1 / aspect) * max(growth, 1 / growth)
        share = 0.6 * np.exp(-0.5 * (change - 1))
        centre = middle + pixel * np.array([right - left, bottom - top]) / 2
        size = (1 - share) * size + share * pixel * found
        track = tracker.update(frame)
        assert track.box == pytest.approx((*(centre - size / 2), *size), rel=1e-4)
        assert track.scale == pytest.approx(np.sqrt(size.prod() / (48 * 40)), rel=1e-4)
    assert size[0] / size[1] > 1.1 * 48 / 40  # the aspect follows, unlike in a pyramid


@pytest.mark.parametrize(("ratio", "bound"), [(1.0, 1.5), (-1.0, 0.7)])
def test_the_boxs_size_stays_within_its_bounds(boxed_weights, scene, ratio, bound):
    frames, _ = scene
    settings = {**CENTRAL, "size_penalty": 0.0, "size_smoothing": 1.0, "min_scale": 0.7, "max_scale": 1.5}
    tracker = Tracker("lite", "cpu", boxed_weights((ratio, ratio, ratio, ratio)), settings, engine="torch")
    tracker.init(frames[0], (100, 80, 48, 40))
    for frame in frames[1:3]:
        track = tracker.update(frame)
        assert track.scale == pytest.approx(bound)
        assert track.box[2] / track.box[3] == pytest.approx(48 / 40, rel=1e-4)


def test_a_thin_target_does_not_grow_along_its_length(boxed_weights, scene):
    frames, _ = scene
    settings = {**CENTRAL, "size_penalty": 0.0, "size_smoothing": 0.5}
    flat = boxed_weights((0.0, -1.0, 0.0, -1.0))  # as wide as ever, and flatter than a pixel
    tracker = Tracker("lite", "cpu", flat, settings, engine="torch")
    # About 60 pixels wide, and so that its zoom is one of the steps that crops are zoomed in.
    side = 127 * 2 ** (round(np.log2(context_side(60, 2) / 127) * 128) / 128)
    width = (np.sqrt(16 + 3 * side**2) - 5) / 1.5
    assert context_side(width, 2) == pytest.approx(side)
    tracker.init(frames[0], (100, 80, width, 2))
    for frame in frames[1:20]:
        track = tracker.update(frame)
    assert track.box[2] == pytest.approx(width, rel=1e-3)
    assert track.box[3] == 2


def test_a_size_that_is_penalised_moves_little(boxed_weights, scene):
    frames, _ = scene
    scales = []
    for penalty in (0.0, 0.5, 10.0):
        settings = {**CENTRAL, "size_penalty": penalty}
        tracker = Tracker("lite", "cpu", boxed_weights((0.5,) * 4), settings, engine="torch")
        tracker.init(frames[0], (100, 80, 48, 40))
        scales.append(tracker.update(frames[1]).scale)
    assert scales[0] > scales[1] > scales[2]
    assert scales[0] == pytest.approx(0.5 + 0.5 * np.exp(0.5), rel=1e-3)
    assert scales[2] == pytest.approx(1, abs=0.01)


def test_boxes_take_one_search_pass_a_frame(boxed_weights, scene):
    frames, truth = scene
    tracker = Tracker("lite", "cpu", boxed_weights(RATIOS), {"box_branch": True}, engine="torch")
    shapes, boxes = [], []
    net = tracker._engine._net
    net.search.stem.conv.register_forward_pre_hook(lambda _, given: shapes.append(tuple(given[0].shape)))
    net.box.register_forward_pre_hook(lambda _, given: boxes.append(1))

    def update(frame):
        shapes.clear()
        boxes.clear()
        tracker.update(frame)
        return shapes, boxes

    tracker.init(frames[0], tuple(truth[0]))
    for frame in frames[1:4]:
        assert update(frame) == ([(1, 3, 241, 241)], [1])
    tracker.configure({"box_branch": False, "scale_count": 3})
    assert update(frames[4]) == ([(3, 3, 241, 241)], [])
    tracker.configure({"box_branch": True})
    assert update(frames[5]) == ([(1, 3, 241, 241)], [1])


def test_boxes_and_template_updates_go_together(boxed_weights, scene):
    frames, truth = scene
    settings = {"box_branch": True, "update_interval": 2, "reliable_ratio": 0.0}
    tracker = Tracker("lite", "cpu", boxed_weights(RATIOS), settings, engine="torch")
    tracks = follow(tracker, frames[:7], truth[0])
    assert [track.updated for track in tracks] == [False, False, True, False, True, False, True]
    assert tracker.template_updates == 3
    assert follow(tracker, frames[:7], truth[0]) == tracks


def test_a_network_without_a_box_branch_refuses_it(tmp_path, scene):
    path = tmp_path / "alexnet.safetensors"
    save_network(path, random_network("alexnet"))
    message = "box_branch must be false: network 'alexnet' has no box branch"
    with pytest.raises(ValueError, match=message):
        Tracker("alexnet", "cpu", path, {"box_branch": True})
    with pytest.raises(ValueError, match=message):
        Tracker("alexnet", "cpu", path, TrackerConfig(box_branch=True))
    tracker = Tracker("alexnet", "cpu", path, engine="torch")
    before = tracker.config
    with pytest.raises(ValueError, match=message):
        tracker.configure({"box_branch": True})
    with pytest.raises(ValueError, match=message):
        tracker.check(TrackerConfig(box_branch=True))
    tracker.check(TrackerConfig(update_interval=7))
    assert tracker.config == before
    save_network(path, random_network("alexnet"), {"box_branch": True})
    with pytest.raises(ValueError, match=message):
        Tracker("alexnet", "cpu", path)
