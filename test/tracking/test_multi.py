"""Many targets in one pass: as many trackers would find, and each on its own."""

from functools import partial

import numpy as np
import pytest

from gradnet_ros import MultiTracker, Tracker
from support import moving_scene, need_weights

BOXES = {
    "middle": (136.0, 100.0, 48.0, 40.0),
    "corner": (2.0, 3.0, 40.0, 60.0),
    "wide": (200.0, 60.0, 90.0, 30.0),
}


@pytest.fixture(scope="module")
def scene():
    return moving_scene(13)[0]


@pytest.fixture(scope="module")
def multi():
    need_weights()
    return MultiTracker("lite", "cpu", engine="torch")


@pytest.fixture(autouse=True)
def _fresh(multi):
    before = multi.config
    multi.reset()
    yield
    multi.configure(before)


def add_all(multi, image, boxes=BOXES):
    return {name: multi.add(name, image, box) for name, box in boxes.items()}


def close(track, other):
    assert track.box == pytest.approx(other.box, abs=1e-3)
    assert track.score == pytest.approx(other.score, abs=1e-5)
    assert track.scale == pytest.approx(other.scale, abs=1e-5)
    assert (track.state, track.updated) == (other.state, other.updated)


@pytest.mark.parametrize(
    ("network", "engine", "config"),
    [
        ("lite", "torch", {"update_interval": 2}),
        ("lite", "auto", {"update_interval": 2}),
        ("lite", "torch", {"update_interval": 2, "narrow_first": True, "early_frames": 0}),
        ("lite", "torch", {"box_branch": False, "update_interval": 3}),
        ("alexnet", "torch", {"update_interval": 2}),
    ],
)
def test_every_target_is_where_a_tracker_of_its_own_finds_it(scene, network, engine, config):
    need_weights(network)
    multi = MultiTracker(network, "cpu", config=config, engine=engine)
    single = Tracker(network, "cpu", config=config, engine=engine)
    found = [add_all(multi, scene[0]), *(multi.update(frame) for frame in scene[1:5])]
    for name, box in BOXES.items():
        expected = [single.init(scene[0], box), *(single.update(frame) for frame in scene[1:5])]
        for tracks, track in zip(found, expected, strict=True):
            close(tracks[name], track)
    assert any(tracks["middle"].updated for tracks in found)


@pytest.mark.parametrize(
    "config",
    [
        {"reliable_ratio": 1.0, "refind_at_centre": True, "refind_anywhere": False},
        {"refind_anywhere": True, "refind_after": 1, "lost_score": 0.5},
    ],
    ids=["centre", "anywhere"],
)
def test_targets_that_are_lost_are_looked_for_elsewhere_too(multi, scene, monkeypatch, config):
    """A target may ask for more than one place; the others' answers must not be taken for its own."""
    multi.configure(config)
    single = Tracker("lite", "cpu", config=config, engine="torch")
    empty = np.empty_like(scene[0])  # but for a gradient: what shows nothing at all is not searched
    empty[:] = np.linspace(60, 120, empty.shape[1], dtype=np.uint8)[:, None]
    boxes = {**BOXES, "left": (-8.0, 90.0, 48.0, 40.0), "right": (280.0, 150.0, 60.0, 50.0)}
    frames, places = [scene[0], scene[1], empty, empty, empty, scene[5]], []
    search = multi._engine.search
    monkeypatch.setattr(
        multi._engine, "search", lambda image, queries: places.append(len(queries)) or search(image, queries)
    )
    found = [add_all(multi, frames[0], boxes), *(multi.update(frame) for frame in frames[1:])]
    assert max(places) > len(boxes)
    for name, box in boxes.items():
        expected = [single.init(frames[0], box), *(single.update(frame) for frame in frames[1:])]
        for tracks, track in zip(found, expected, strict=True):
            close(tracks[name], track)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, [("search", 3)]),
        ({"box_branch": False, "scale_by_cosine": True}, [("search", 3), ("compare", 3)]),
    ],
)
def test_one_call_of_the_network_a_frame_or_two(multi, scene, monkeypatch, config, expected):
    multi.configure(config)
    add_all(multi, scene[0])
    asked = []

    def count(name, real, image, queries):
        asked.append((name, len(queries)))
        return real(image, queries)

    for name in ("search", "compare"):
        monkeypatch.setattr(multi._engine, name, partial(count, name, getattr(multi._engine, name)))
    multi.update(scene[1])
    assert asked == expected


def test_targets_come_and_go(multi, scene):
    add_all(multi, scene[0])
    assert multi.names == ("middle", "corner", "wide")
    multi.remove("corner")
    assert set(multi.update(scene[1])) == {"middle", "wide"}
    track = multi.add("late", scene[1], (20.0, 150.0, 30.0, 30.0))
    assert track.box == (20.0, 150.0, 30.0, 30.0)
    assert set(multi.update(scene[2])) == {"middle", "wide", "late"}
    multi.add("late", scene[2], (220.0, 150.0, 30.0, 30.0))
    assert multi.update(scene[3])["late"].box[0] > 120
    assert len(multi.names) == 3
    multi.reset()
    assert multi.names == ()


def test_learning_may_be_left_to_the_next_frame(multi, scene):
    multi.configure({"update_interval": 1})
    add_all(multi, scene[0])
    expected = [multi.update(frame) for frame in scene[1:4]]
    multi.reset()
    add_all(multi, scene[0])
    assert [multi.locate(frame) for frame in scene[1:4]] == expected
    updated = {name for name, track in expected[-1].items() if track.updated}
    assert set(multi.learn()) == updated != set()
    assert multi.learn() == ()


def test_an_update_that_is_switched_off_is_not_made(multi, scene):
    multi.configure({"update_interval": 1})
    add_all(multi, scene[0])
    assert multi.locate(scene[1])["middle"].updated
    multi.configure({"update_interval": 0})
    assert multi.learn() == ()


def test_refusals_keep_the_targets(multi, scene):
    with pytest.raises(ValueError, match=r"call add\(name, image, box\)"):
        multi.update(scene[0])
    add_all(multi, scene[0])
    expected = multi.update(scene[1])
    multi.reset()
    add_all(multi, scene[0])
    with pytest.raises(ValueError, match="box centre"):
        multi.add("middle", scene[0], (900.0, 10.0, 30.0, 30.0))
    with pytest.raises(ValueError, match="image must stay 320x240 pixels, got 200x240"):
        multi.add("small", scene[0][:, :200], (10.0, 10.0, 30.0, 30.0))
    with pytest.raises(ValueError, match="image must stay 320x240 pixels, got 200x240"):
        multi.update(scene[1][:, :200])
    with pytest.raises(ValueError, match="name must be one of middle, corner, wide, got 'x'"):
        multi.remove("x")
    assert multi.update(scene[1]) == expected


def test_the_only_target_may_be_replaced_in_images_of_another_size(multi, scene):
    multi.add("only", scene[0], BOXES["middle"])
    multi.add("only", scene[0][:, :200], (50.0, 50.0, 40.0, 40.0))
    assert set(multi.update(scene[1][:, :200])) == {"only"}
