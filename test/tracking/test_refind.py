"""Where a lost target is looked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.refind import Refinding

CONFIG = TrackerConfig(refind_anywhere=True, refind_after=3)
IMAGE = (640, 480)


def lost(frames, at=(320.0, 240.0)):
    refinding = Refinding(at, (40.0, 60.0))
    for _ in range(frames):
        refinding.see((320.0, 240.0), (40.0, 60.0), 0.1, IMAGE, CONFIG)
    return refinding


def test_it_begins_after_so_many_frames_without_the_target():
    assert not lost(2).active(CONFIG)
    assert lost(3).active(CONFIG)
    assert not lost(3).active(TrackerConfig(refind_after=3))
    assert not lost(3).active(TrackerConfig(refind_anywhere=True, refind_after=0))


@pytest.mark.parametrize(("score", "active"), [(0.24, True), (0.25, False), (0.9, False)])
def test_a_frame_that_is_not_lost_starts_the_count_again(score, active):
    refinding = lost(2)
    refinding.see((320.0, 240.0), (40.0, 60.0), score, IMAGE, CONFIG)
    assert refinding.active(CONFIG) == active


@pytest.mark.parametrize(
    ("centre", "score", "noted"),
    [
        ((320.0, 240.0), 0.5, True),
        ((320.0, 240.0), 0.49, False),
        ((16.0, 240.0), 0.9, False),  # 6 pixels from the left edge, less than a quarter of 20
        ((320.0, 480.0 - 29.0), 0.9, False),  # 9 pixels from the lower edge, less than a quarter of 40
        ((320.0, 480.0 - 31.0), 0.9, True),
    ],
)
def test_the_size_is_noted_where_the_whole_target_is_to_be_seen(centre, score, noted):
    refinding = Refinding((320.0, 240.0), (50.0, 60.0))
    refinding.see(centre, (24.0, 40.0), score, IMAGE, CONFIG)
    assert refinding.whole_size == ((24.0, 40.0) if noted else (50.0, 60.0))


@pytest.mark.parametrize(
    ("centre", "size", "score", "waits"),
    [
        ((5.0, 240.0), (40.0, 60.0), 0.9, True),  # 25 of 40 pixels are to be seen
        ((10.0, 240.0), (40.0, 60.0), 0.9, False),  # 30 are
        ((320.0, 470.0), (25.0, 30.0), 0.3, True),  # a small part: its box has shrunk
        ((320.0, 240.0), (25.0, 30.0), 0.9, False),  # far from the edge
        ((320.0, 440.0), (80.0, 120.0), 0.9, False),  # so near that the image cuts it
    ],
)
def test_a_target_that_was_lost_while_it_left_is_waited_for(centre, size, score, waits):
    config = TrackerConfig(wait_at_edge=True)
    refinding = Refinding((320.0, 240.0), (40.0, 60.0))
    refinding.see(centre, size, score, IMAGE, config)
    assert not refinding.waits(config)  # it is not lost yet
    refinding.see((100.0, 100.0), (10.0, 10.0), 0.1, IMAGE, config)
    assert refinding.waits(config) == waits
    assert refinding.seen_at == centre
    assert not refinding.waits(TrackerConfig())
    refinding.see((100.0, 100.0), (10.0, 10.0), 0.5, IMAGE, config)
    assert not refinding.waits(config)


@pytest.mark.parametrize(
    ("centre", "axis", "edge"),
    [((4.0, 200.0), 0, min), ((300.0, 3.0), 1, min), ((639.0, 200.0), 0, max), ((300.0, 478.0), 1, max)],
)
def test_a_target_that_left_is_looked_for_along_that_edge_alone(centre, axis, edge):
    config = TrackerConfig(wait_at_edge=True, refind_after=2)
    refinding = Refinding((320.0, 240.0), (40.0, 60.0))
    refinding.see(centre, (30.0, 40.0), 0.9, IMAGE, config)
    refinding.see(centre, (30.0, 40.0), 0.1, IMAGE, config)
    assert not refinding.active(config)  # it has not been gone for long
    found = []
    for _ in range(20):
        refinding.see(centre, (30.0, 40.0), 0.1, IMAGE, config)
        assert refinding.active(config)
        found.append(refinding.place(200.0, IMAGE, config))
    everywhere = TrackerConfig(wait_at_edge=True, refind_after=2, refind_anywhere=True)
    grid = set()
    for _ in range(40):
        refinding.see(centre, (30.0, 40.0), 0.1, IMAGE, config)
        grid.add(refinding.place(200.0, IMAGE, everywhere))
    limit = edge(place[axis] for place in grid)
    assert set(found) == {place for place in grid if place[axis] == limit}
    assert len(set(found)) < len(grid)
    assert found[0] == min(set(found), key=lambda place: np.hypot(*np.subtract(place, centre)))


def test_a_target_lost_inside_the_image_is_not_looked_for_at_an_edge():
    refinding = Refinding((320.0, 240.0), (40.0, 60.0))
    config = TrackerConfig(wait_at_edge=True, refind_after=2)
    for _ in range(5):
        refinding.see((320.0, 240.0), (40.0, 60.0), 0.1, IMAGE, config)
    assert not refinding.active(config)


@given(
    x=st.floats(0, 640),
    y=st.floats(0, 480),
    side=st.floats(150, 2000),
    at=st.tuples(st.floats(0, 640), st.floats(0, 480)),
)
def test_the_places_come_near_every_point_of_the_image_and_the_nearest_come_first(x, y, side, at):
    refinding = lost(3, at)
    places = []
    while (place := refinding.place(side, IMAGE, CONFIG)) not in places:
        places.append(place)
        refinding.see((1.0, 2.0), (3.0, 4.0), 0.1, IMAGE, CONFIG)
    assert place == places[0]
    far = np.hypot(*(np.array(places) - at).T)
    assert (np.diff(far) >= -1e-9).all()
    # A response reaches 72 of 241 pixels of the crop to each side: 0.29 of the side.
    assert np.abs(np.array(places) - (x, y)).max(axis=1).min() <= 0.25 * side + 1e-6
