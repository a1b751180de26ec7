"""A frame: one search for the places, one comparison for the sizes, and nothing moves if one fails."""

from dataclasses import replace

import numpy as np
import pytest

from gradnet_ros.engines.protocol import Answer
from gradnet_ros.nn.alexnet import SPEC
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.locate import locate
from gradnet_ros.tracking.target import Target

IMAGE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
CONFIG = TrackerConfig(
    scale_by_cosine=True, scale_penalty=1.0, scale_step=1.05, scale_smoothing=0.6, update_interval=0
)
EXEMPLAR = 80.0
"""Side of the square around a target of 40 x 40 with its context, pixels."""
PIXEL = 2 ** (round(np.log2(EXEMPLAR / 127) * 128) / 128)
"""Of a crop of that square, whose zoom goes in steps. Crops lie at halves of their pixels."""


class StubEngine:
    """Finds every target two cells to the right, and says of sizes what it is told to."""

    spec, adjust, has_boxes = SPEC, (1.0, 0.0), False

    def __init__(self, cosines=(0.1, 0.2, 0.3)):
        self.cosines, self.searched, self.compared = cosines, [], []

    def start(self, image, region, size, border):
        return object()

    def search(self, image, queries):
        self.searched.append(queries)
        response = np.zeros((17, 17), np.float32)
        response[8, 10] = 1.0
        return [Answer(np.stack([response] * len(query.region.sides)), None, None, None) for query in queries]

    def compare(self, image, looks):
        self.compared.append(looks)
        if self.cosines is None:
            raise MemoryError("no room")
        return [np.array(self.cosines, np.float32) for _ in looks]


def make(engine, *centres, config=CONFIG):
    targets = [Target(engine, IMAGE, (x - 20.0, y - 20.0, 40.0, 40.0), config) for x, y in centres]
    engine.searched.clear()
    engine.compared.clear()
    return targets


def on_halves(at):
    return round(at / PIXEL * 2) / 2 * PIXEL


def test_sizes_are_compared_at_the_place_found():
    engine = StubEngine()
    targets = make(engine, (100.0, 100.0), (200.0, 60.0))
    tracks = locate(engine, IMAGE, targets, CONFIG)
    (queries,), (looks,) = engine.searched, engine.compared
    assert [len(query.region.sides) for query in queries] == [1, 1]
    shift = 16 * queries[0].region.sides[0] / 255  # two cells of eight pixels of the search crop
    for track, look, (x, y) in zip(tracks, looks, [(100.0, 100.0), (200.0, 60.0)], strict=True):
        assert look.region.centre == pytest.approx((x + shift, y), abs=0.5)
        assert look.region.sides == pytest.approx((127 * PIXEL / 1.05, 127 * PIXEL, 127 * PIXEL * 1.05))
        assert look.region.centre == pytest.approx(
            (on_halves(track.box[0] + track.box[2] / 2), on_halves(track.box[1] + track.box[3] / 2))
        )
        assert track.box[2:] == pytest.approx((40 * (1 + 0.6 * 0.05),) * 2)


@pytest.mark.parametrize(
    ("cosines", "penalty", "growth"),
    [
        ((0.9, 0.3, 0.2), 1.0, 1 / 1.05),
        ((0.3, 0.9, 0.2), 1.0, 1.0),
        ((0.1, 0.2, 0.3), 0.9, 1.0),  # 1.3 * 0.9 to 1.2
        ((-0.9, -0.8, -0.2), 0.9, 1.05),
        ((0.1, 0.1, 0.2, 0.3, 0.6), 1.0, 1.05**2),
    ],
)
def test_the_largest_cosine_says_the_size(cosines, penalty, growth):
    engine = StubEngine(cosines)
    (target,) = make(engine, (100.0, 100.0))
    config = replace(CONFIG, scale_penalty=penalty, scale_count=len(cosines))
    (track,) = locate(engine, IMAGE, [target], config)
    assert track.scale == pytest.approx(0.4 + 0.6 * growth)


def test_a_target_compares_once_before_it_is_followed():
    """So that an engine has all that it needs."""
    engine = StubEngine()
    Target(engine, IMAGE, (80.0, 80.0, 40.0, 40.0), CONFIG)
    ((look,),) = engine.compared
    assert look.region.centre == pytest.approx((on_halves(100.0),) * 2)


@pytest.mark.parametrize("changes", [{"scale_by_cosine": False}, {"scale_count": 1}])
def test_without_sizes_to_compare_nothing_is(changes):
    engine, config = StubEngine(None), replace(CONFIG, **changes)
    (target,) = make(engine, (100.0, 100.0), config=config)
    (track,) = locate(engine, IMAGE, [target], config)
    assert [len(query.region.sides) for query in engine.searched[-1]] == [config.scale_count]
    assert not engine.compared
    assert track.box[2:] == pytest.approx((40.0, 40.0), rel=0.05)


def test_a_comparison_that_fails_leaves_the_targets_where_they_were():
    engine = StubEngine()
    targets = make(engine, (100.0, 100.0), (200.0, 60.0))
    engine.cosines = None
    before = [target.box for target in targets]
    with pytest.raises(MemoryError):
        locate(engine, IMAGE, targets, CONFIG)
    assert [target.box for target in targets] == before
    engine.cosines = (0.1, 0.2, 0.1)
    assert [track.box for track in locate(engine, IMAGE, targets, CONFIG)] != before
