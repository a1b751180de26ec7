"""A target that is sure to be near is searched narrowly, all else in the whole search region."""

from dataclasses import replace

import numpy as np
import pytest

from gradnet_ros.engines.protocol import Answer
from gradnet_ros.nn.lite import SPEC
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.locate import locate
from gradnet_ros.tracking.target import Target
from gradnet_ros.tracking.track import TrackState

IMAGE = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
CONFIG = TrackerConfig(
    narrow_first=True, box_branch=True, update_interval=5, early_frames=3, window_influence=0
)
WHOLE, NARROW = SPEC.search_size, SPEC.narrow_size
START = (300.0, 200.0, 40.0, 40.0)


class StubEngine:
    """Sees a target of 40 x 40 at a place of the picture, with a score; every crop knows where it was cut.

    Attributes:
        place: where it is.
        strength: the raw score there.
        narrow_strength: the raw score that narrow crops show instead.
    """

    spec, adjust, has_boxes = SPEC, (8.0, -4.0), True

    def __init__(self):
        self.place, self.strength, self.narrow_strength = (320.0, 220.0), 1.0, None
        self.searched, self.kept, self.taught = [], [], []

    def start(self, image, region, size, border):
        return object()

    def keep(self, features, scale):
        self.kept.append(features)
        return features

    def teach(self, state, samples, offsets, rate, from_first):
        assert all(sample == WHOLE for sample in samples)
        self.taught.append(len(samples))

    def search(self, image, queries):
        self.searched.append([query.pixels for query in queries])
        return [self.answer(query) for query in queries]

    def answer(self, query):
        cells, (side,) = SPEC.response_side(query.pixels), query.region.sides
        zoom, strength = query.pixels / side, self.strength
        if query.pixels == NARROW and self.narrow_strength is not None:
            strength = self.narrow_strength
        response = np.zeros((1, cells, cells), np.float32)
        column, row = (
            round((there - here) * zoom / SPEC.stride) + cells // 2
            for there, here in zip(self.place, query.region.centre, strict=True)
        )
        if 0 <= column < cells and 0 <= row < cells:
            response[0, row, column] = strength
        edges = np.full((4, cells, cells), 20.0 * zoom, np.float32)
        return Answer(response, None, edges, query.pixels)


@pytest.fixture
def engine():
    return StubEngine()


def make(engine, config=CONFIG):
    target = Target(engine, IMAGE, START, config)
    engine.searched.clear()
    return target


def follow(engine, target, count, config=CONFIG):
    """Sides of the crops that each frame was searched in, and the last track."""
    frames = []
    for _ in range(count):
        engine.searched.clear()
        (track,) = locate(engine, IMAGE, [target], config)
        target.learn(config)
        frames.append([pixels for (pixels,) in engine.searched])
    return frames, track


def centre_of(track):
    x, y, w, h = track.box
    return x + w / 2, y + h / 2


def test_frames_that_may_teach_are_searched_whole(engine):
    target = make(engine)
    frames, track = follow(engine, target, 12)
    assert frames == [[NARROW if number > 3 and number % 5 else WHOLE] for number in range(1, 13)]
    assert set(engine.kept) == {WHOLE}
    assert engine.taught == [1, 1, 1]  # the first frame, 5 and 10
    assert centre_of(track) == pytest.approx(engine.place, abs=1)
    assert track.box[2:] == pytest.approx((40, 40), abs=1)


@pytest.mark.parametrize("newest", [False, True])
def test_narrow_frames_do_not_crowd_out_those_that_teach(engine, newest):
    config = replace(CONFIG, update_samples=5, memory_size=4, newest_sample=newest)
    follow(engine, make(engine, config), 25, config)
    assert engine.taught == [1, 4, 4, 4, 4, 4]  # 1, 2, 3 and 5 at first, later 10, 15, 20 and 25


def test_without_updates_as_many_frames_are_searched_whole(engine):
    """So that they are compared with those that learn on frames that are searched alike."""
    learning, resting = (replace(CONFIG, update_interval=interval) for interval in (12, 0))
    frames = [follow(engine, make(engine, each), 30, each)[0] for each in (learning, resting)]
    assert frames[0] == [[NARROW if number > 3 and number % 12 else WHOLE] for number in range(1, 31)]
    assert frames[1] == frames[0]
    assert engine.taught == [1, 1, 1]  # the first frame, 12 and 24 of the one that learns


def test_it_is_off_unless_asked_for(engine):
    config = TrackerConfig(box_branch=True)
    assert not config.narrow_first
    frames, _ = follow(engine, make(engine, config), 8, config)
    assert frames == [[WHOLE]] * 8


def test_a_narrow_search_is_made_before_a_target_is_followed(engine):
    """So that an engine has all that it needs."""
    Target(engine, IMAGE, START, CONFIG)
    assert engine.searched == [[NARROW], [WHOLE]]
    engine.searched.clear()
    Target(engine, IMAGE, START, replace(CONFIG, narrow_first=False))
    assert engine.searched == [[WHOLE]]


@pytest.mark.parametrize("pixels", [38, 48, 70])
def test_a_target_that_jumps_is_found_in_the_same_frame(engine, pixels):
    """At the rim of the narrow response or beyond it, as far as the whole one reaches."""
    target = make(engine)
    follow(engine, target, 6)
    zoom = SPEC.base_size / 80.0  # of a target of 40 x 40 with its context
    engine.place = (320.0 + pixels / zoom, 220.0)
    ((frame,), track) = follow(engine, target, 1)
    assert frame == [NARROW, WHOLE]
    assert centre_of(track) == pytest.approx(engine.place, abs=4 / zoom)
    assert track.state is TrackState.TRACKED
    assert follow(engine, target, 1)[0] == [[WHOLE]]  # it moves: the next frame is whole at once
    assert follow(engine, target, 2)[0][1:] == [[WHOLE if target._frame % 5 == 0 else NARROW]]


def test_a_narrow_search_that_shows_it_badly_is_not_believed(engine):
    target = make(engine)
    follow(engine, target, 6)
    engine.narrow_strength = 0.45
    ((frame,), track) = follow(engine, target, 1)
    assert frame == [NARROW, WHOLE]
    assert track.score > 0.9


def test_a_target_that_is_seen_badly_is_searched_whole(engine):
    target = make(engine)
    follow(engine, target, 6)
    engine.strength = 0.45
    frames, track = follow(engine, target, 2)
    assert frames == [[NARROW, WHOLE], [WHOLE]]
    assert track.state is TrackState.UNCERTAIN


def test_after_a_picture_that_shows_nothing_the_whole_region_is_searched(engine):
    target = make(engine)
    follow(engine, target, 6)
    (track,) = locate(engine, np.full_like(IMAGE, 90), [target], CONFIG)
    assert track.state is TrackState.LOST
    assert follow(engine, target, 1)[0] == [[WHOLE]]


def test_where_only_the_rim_shows_anything_the_whole_region_is_searched(engine):
    target = make(engine)
    follow(engine, target, 6)
    image = np.full_like(IMAGE, 90)
    image[:, 385:400] = IMAGE[
        :, 385:400
    ]  # the narrow square ends 56 pixels from the target, the whole one 76
    engine.searched.clear()
    locate(engine, image, [target], CONFIG)
    assert engine.searched == [[WHOLE]]


def test_only_those_that_are_unsure_are_searched_for_again(engine):
    """Two targets in one place: one of them was given later, and is not steady yet."""
    targets = [make(engine)]
    follow(engine, targets[0], 6)
    targets.append(Target(engine, IMAGE, START, CONFIG))
    engine.searched.clear()
    engine.narrow_strength = 0.1
    tracks = locate(engine, IMAGE, targets, CONFIG)
    assert engine.searched == [[NARROW, WHOLE], [WHOLE]]
    assert [centre_of(track) for track in tracks] == [pytest.approx(engine.place, abs=1)] * 2


def test_a_search_that_fails_leaves_the_target_where_it_was(engine):
    target = make(engine)
    follow(engine, target, 6)
    engine.narrow_strength = 0.1
    before, search = target.box, engine.search

    def fail(image, queries):
        if queries[0].pixels == WHOLE:
            raise MemoryError("no room")
        return search(image, queries)

    engine.search = fail
    engine.place = (330.0, 220.0)
    with pytest.raises(MemoryError):
        locate(engine, IMAGE, [target], CONFIG)
    assert target.box == before
    engine.search, engine.narrow_strength = search, None
    assert follow(engine, target, 1)[0] == [[NARROW]]
