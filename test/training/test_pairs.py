"""Samples show one object several times, where and as large as they say, whatever is done to them.

The pictures are coded: targets are red ellipses with a mark on their right, nothing else is red; green says
which picture a pixel comes from; blue is texture.
"""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from gradnet_ros.nn import alexnet, lite
from gradnet_ros.nn.losses import centre_labels
from gradnet_ros.tracking.geometry import context_side
from gradnet_ros.tracking.rehearsal import VIEWS
from gradnet_ros.training import pairs
from gradnet_ros.training.augment import Warp, apply_warp
from gradnet_ros.training.batch import collate
from gradnet_ros.training.pairs import PairConfig, PairDataset
from gradnet_ros.training.shards import ShardIndex, TrackEntry, open_shards
from support import texture
from training.fixture_shards import write_shards

SPEC = lite.SPEC
SIZE = (60, 40)
PLAIN = PairConfig(
    scene_share=0.0,
    max_zoom_change=0.0,
    aspect_change=0.0,
    max_angle=0.0,
    new_background_share=0.0,
    moved_background_share=0.0,
    distractor_share=0.0,
    occlusion_share=0.0,
)


class Held:
    """A picture that is in memory already."""

    def __init__(self, image):
        self._image = image

    def read(self):
        return self._image


def picture(number, code, shape=(320, 320)):
    image = texture(np.random.default_rng(number), *shape, 12)
    image[..., 1:] = code, 0
    return image


def crop_of_object(number, code):
    image = picture(number, code)
    rows, columns = np.mgrid[:320, :320] - 159.5
    image[np.hypot(columns / (SIZE[0] / 2), rows / (SIZE[1] / 2)) <= 1] = (0, code, 255)
    image[156:164, 174:182, 0] = 255
    return Held(image)


TRACK_CODES = tuple(range(8, 128, 6))
SCENE_CODES = tuple(range(140, 240, 20))


def still(number, source="stills"):
    return TrackEntry(source, (crop_of_object(number, TRACK_CODES[number]),), (SIZE,), name=str(number))


def video(codes, source="videos"):
    crops = tuple(crop_of_object(code, code) for code in codes)
    return TrackEntry(source, crops, (SIZE,) * len(crops), name="video")


STILLS = tuple(still(number) for number in range(len(TRACK_CODES)))
SCENES = tuple(Held(picture(code, code, (300, 400))) for code in SCENE_CODES)
INDEX = ShardIndex(STILLS, SCENES)


@pytest.fixture
def true_colours(monkeypatch):
    monkeypatch.setattr(pairs, "change_colours", lambda crop, rng, strength: crop)


def samples(config, count, index=INDEX, spec=SPEC, seed=0):
    dataset = PairDataset(index, spec, config, seed)
    return [dataset[number] for number in range(count)]


def code_of(crop, offset=(0.0, 0.0)):
    """Green at a place."""
    middle = (crop.shape[0] - 1) / 2
    return int(crop[round(middle + offset[1]), round(middle + offset[0]), 1])


def target_of(crop, code):
    """(x, y) relative to the crop's centre and (w, h) of the red pixels of one picture; how many they are."""
    rows, columns = np.nonzero((crop[..., 2] > 127) & (np.abs(crop[..., 1].astype(int) - code) <= 2))
    middle = (crop.shape[0] - 1) / 2
    extent = np.ptp(columns) + 1, np.ptp(rows) + 1
    return (columns.mean() - middle, rows.mean() - middle), extent, len(rows)


def mark_of(crop, code):
    """(x, y) of the mark relative to the target."""
    near = np.abs(crop[..., 1].astype(int) - code) <= 2
    rows, columns = np.nonzero((crop[..., 2] > 127) & (crop[..., 0] > 127) & near)
    middle = (crop.shape[0] - 1) / 2
    centre = target_of(crop, code)[0]
    return columns.mean() - middle - centre[0], rows.mean() - middle - centre[1]


def radius_of(view):
    """Of every pixel: 1 on the rim of the target's ellipse."""
    side = view.image.shape[0]
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    across = (columns - view.offset[0]) / (view.size[0] / 2)
    return np.hypot(across, (rows - view.offset[1]) / (view.size[1] / 2))


CHANGES = [
    {},
    {"new_background_share": 1.0},
    {"moved_background_share": 1.0},
    {"distractor_share": 1.0},
    {"occlusion_share": 1.0},
    {"max_angle": 0.5},
    {"max_zoom_change": 0.5},
    {"aspect_change": 0.2},
    {"max_zoom_change": 0.5, "aspect_change": 0.2, "steady_share": 0.5},
    {"max_shift": 0.0},
]


@pytest.mark.usefixtures("true_colours")
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_labels_lie_on_the_object(change):
    config = replace(PLAIN, views=2, **change)
    for sample in samples(config, 12):
        code = code_of(sample.exemplar)
        assert code in TRACK_CODES
        place, extent, _ = target_of(sample.exemplar, code)
        assert place == pytest.approx((0, 0), abs=8)
        assert extent == pytest.approx(sample.exemplar_size, abs=2)
        for view in sample.views:
            place, extent, count = target_of(view.image, code)
            shown = count / (np.pi / 4 * view.size[0] * view.size[1])
            if config.occlusion_share:
                assert place == pytest.approx(view.offset, abs=0.4 * max(view.size))
                assert shown > 0.35
            else:
                assert place == pytest.approx(view.offset, abs=1.5)
                assert extent == pytest.approx(view.size, rel=0.07, abs=2)
                assert 0.85 < shown < 1.05
            labels = centre_labels(torch.tensor([view.offset]), SPEC.response_size, SPEC.stride)[0, 0]
            row, column = ((labels > 0).nonzero().double().mean(0) - 9) * 8
            assert (float(column), float(row)) == pytest.approx(view.offset, abs=4.5)


def likeness_to_unmoved(view, code):
    """How much what surrounds a still's target resembles what surrounds it in its own picture."""
    side, mirror = view.image.shape[0], mark_of(view.image, code)[0] < 0
    own = STILLS[TRACK_CODES.index(code)].crops[0].read()
    unmoved = apply_warp(own, Warp((159.5, 159.5), 1.0, mirror=mirror, offset=view.offset), side)
    radius = radius_of(view)
    near = (radius > 1.3) & (radius < 2.0)
    return np.corrcoef(view.image[near][:, 0], unmoved[near][:, 0])[0, 1]


@pytest.mark.usefixtures("true_colours")
@pytest.mark.parametrize("spec", [lite.SPEC, alexnet.SPEC], ids=lambda spec: spec.name)
def test_without_changes_the_view_is_the_picture_around_the_target(spec):
    for sample in samples(PLAIN, 8, spec=spec):
        assert sample.exemplar.shape == (spec.exemplar_size, spec.exemplar_size, 3)
        (view,) = sample.views
        assert view.image.shape == (spec.search_size, spec.search_size, 3)
        # Neighbouring frames differ by a little in any case.
        assert view.size == pytest.approx(SIZE, rel=0.08)
        assert view.size[0] * view.size[1] == pytest.approx(SIZE[0] * SIZE[1], rel=0.02)
        code = code_of(sample.exemplar)
        assert (view.image[..., 1] == code).all()
        assert likeness_to_unmoved(view, code) > 0.9


@pytest.mark.usefixtures("true_colours")
def test_all_crops_of_a_sample_are_mirrored_alike():
    signs = []
    for sample in samples(replace(PLAIN, views=2, max_angle=0.3), 12):
        code = code_of(sample.exemplar)
        found = {mark_of(crop, code)[0] > 0 for crop in (sample.exemplar, *(v.image for v in sample.views))}
        assert len(found) == 1
        signs.append(found.pop())
    assert set(signs) == {True, False}


def angle_of(crop, code):
    """Angle of a mirrored or unmirrored target, radians."""
    x, y = mark_of(crop, code)
    return np.arctan2(y * np.sign(x), abs(x))


@pytest.mark.usefixtures("true_colours")
def test_angle_zoom_and_aspect_stay_in_reach_and_cover_it():
    config = replace(PLAIN, max_angle=0.5, max_zoom_change=0.4, aspect_change=0.1)
    angles = np.array(
        [
            [angle_of(view.image, code_of(sample.exemplar)) for view in sample.views]
            for sample in samples(replace(config, views=2), 60)
        ]
    )
    assert 0.35 < np.abs(angles).max() < 0.5 + 0.2
    assert 0.5 < np.mean(np.abs(angles) < 0.1) < 0.85  # half are turned on purpose
    assert np.abs(angles[:, 0] - angles[:, 1]).max() < 0.35  # both views alike
    zooms, aspects = [], []
    for sample in samples(replace(config, max_angle=0.0), 60):
        (w, h), exemplar = sample.views[0].size, sample.exemplar_size
        zooms.append(np.log(w * h / (exemplar[0] * exemplar[1])) / 2)
        aspects.append(np.log(w / h / (SIZE[0] / SIZE[1])) / 2)
    assert 0.3 < np.abs(zooms).max() < 0.4 + 4 * 0.015  # the exemplar's own zoom varies too
    assert np.abs(np.mean(zooms)) < 0.1
    assert np.std(aspects) == pytest.approx(0.1, rel=0.3)


@pytest.mark.usefixtures("true_colours")
def test_steady_samples_change_a_fifth_as_much():
    config = replace(PLAIN, max_zoom_change=0.5, aspect_change=0.1)

    def changes(share):
        found = []
        for sample in samples(replace(config, steady_share=share), 80):
            (w, h), exemplar = sample.views[0].size, sample.exemplar_size
            zoom = np.log(w * h / (exemplar[0] * exemplar[1])) / 2
            found.append((zoom, np.log(w / h / (SIZE[0] / SIZE[1])) / 2))
        return np.abs(found)

    calm, mixed, wild = (changes(share) for share in (1.0, 0.5, 0.0))
    assert calm[:, 0].max() < 0.1 + 4 * 0.015  # the exemplar's own zoom varies too
    assert calm[:, 1].max() < 0.4 * wild[:, 1].max()
    assert 0.4 < np.mean(mixed[:, 0] > 0.16) / np.mean(wild[:, 0] > 0.16) < 0.7
    assert wild[:, 0].max() > 0.4


@pytest.mark.usefixtures("true_colours")
def test_a_new_background_is_not_the_targets_own_and_leaves_the_target_alone():
    sources = set()
    for sample in samples(replace(PLAIN, views=2, new_background_share=1.0), 12):
        code = code_of(sample.exemplar)
        behind = set()
        for view in sample.views:
            radius = radius_of(view)
            inside = view.image[radius < 0.9]
            assert (inside[:, 1] == code).all()
            assert (inside[:, 2] > 127).all()
            behind |= set(np.unique(view.image[..., 1][radius > 1.3]))
        assert len(behind) == 1  # one picture for both views
        assert code not in behind
        sources |= behind
    assert sources & set(TRACK_CODES)
    assert sources & set(SCENE_CODES)


def far_corner(views, side):
    """The corner of the crops that is furthest from all their targets."""
    corners = [(x, y) for x in (-1, 1) for y in (-1, 1)]
    return max(
        corners,
        key=lambda corner: min(
            np.hypot(corner[0] * side / 2 - v.offset[0], corner[1] * side / 2 - v.offset[1]) for v in views
        ),
    )


@pytest.mark.usefixtures("true_colours")
@pytest.mark.parametrize("kind", ["new_background_share", "moved_background_share"])
def test_all_views_of_a_sample_have_the_same_background(kind):
    """Up to a shift of 32 pixels: a corner's patch of one view is found in the other, to the bit."""
    for sample in samples(replace(PLAIN, views=2, max_shift=20.0, **{kind: 1.0}), 8):
        first, second = sample.views
        x, y = far_corner(sample.views, 241)
        start_x, start_y = (34 if sign < 0 else 241 - 34 - 20 for sign in (x, y))
        patch = first.image[start_y : start_y + 20, start_x : start_x + 20]
        reach = slice(start_y - 32, start_y + 52), slice(start_x - 32, start_x + 52)
        misses = cv2.matchTemplate(second.image[reach], patch, cv2.TM_SQDIFF)
        assert misses.min() < 1e-3 * misses.mean()
        assert misses.min() < 20 * 20  # rounding of float32


@pytest.mark.usefixtures("true_colours")
def test_a_moved_background_is_the_targets_own_picture_without_a_second_copy():
    likeness = []
    for sample in samples(replace(PLAIN, moved_background_share=1.0), 20):
        (view,) = sample.views
        code = code_of(sample.exemplar)
        radius = radius_of(view)
        assert (view.image[radius < 0.9][:, 1:] >= (code, 128)).all()
        assert (view.image[..., 1][radius > 1.3] == code).mean() > 0.7
        red = (view.image[..., 2] > 100) & (np.abs(view.image[..., 1].astype(int) - code) <= 2)
        assert not (red & (radius > 1.1)).any()
        likeness.append(likeness_to_unmoved(view, code))
    assert np.mean(likeness) < 0.3
    assert np.max(likeness) < 0.9


@pytest.mark.usefixtures("true_colours")
def test_the_corners_of_a_moved_target_are_covered_too():
    image = picture(0, 50)
    image[140:180, 130:190, 2] = 255  # all of its box
    index = ShardIndex((TrackEntry("boxes", (Held(image),), (SIZE,)),), SCENES)
    for sample in samples(replace(PLAIN, moved_background_share=1.0), 20, index):
        (view,) = sample.views
        rows, columns = np.mgrid[:241, :241] - 120
        across, down = np.abs(columns - view.offset[0]) / 30, np.abs(rows - view.offset[1]) / 20
        assert view.image[..., 2][np.maximum(across, down) > 1.2].max() < 30


@pytest.mark.usefixtures("true_colours")
def test_a_scene_targets_background_moves_too():
    config = replace(PLAIN, scene_share=1.0, moved_background_share=1.0)
    for sample in samples(config, 8):
        (view,) = sample.views
        code = code_of(sample.exemplar)
        assert code in SCENE_CODES
        assert (view.image[..., 1] == code).mean() > 0.3


@pytest.mark.usefixtures("true_colours")
def test_both_kinds_of_background_exclude_each_other():
    config = replace(PLAIN, new_background_share=0.5, moved_background_share=0.5)
    own = []
    for sample in samples(config, 30):
        (view,) = sample.views
        outside = view.image[..., 1][radius_of(view) > 1.3]
        own.append(np.mean(outside == code_of(sample.exemplar)) > 0.5)
    assert 0.2 < np.mean(own) < 0.8


@pytest.mark.usefixtures("true_colours")
def test_a_distractor_is_another_object_that_never_covers_the_target():
    seen = 0
    for sample in samples(replace(PLAIN, views=2, distractor_share=1.0, max_zoom_change=0.3), 30):
        code = code_of(sample.exemplar)
        for view in sample.views:
            radius = radius_of(view)
            assert (view.image[..., 1][radius < 1.0] == code).all()
            assert (view.image[..., 2][radius < 0.9] > 127).all()
            red = view.image[..., 2] > 127
            others = view.image[..., 1][red & (radius > 1.3)]
            seen += len(others) > 0
    assert seen > 20


@pytest.mark.usefixtures("true_colours")
def test_a_distractor_is_never_the_target_itself():
    index = ShardIndex(STILLS[:2], ())
    config = replace(PLAIN, views=2, distractor_share=1.0)
    for sample in samples(config, 20, index):
        code = code_of(sample.exemplar)
        for view in sample.views:
            (x, y), _, _ = target_of(view.image, code)
            assert (x, y) == pytest.approx(view.offset, abs=1.5)
    # With one track alone there is no other object.
    for sample in samples(config, 5, ShardIndex(STILLS[:1], ())):
        for view in sample.views:
            assert target_of(view.image, TRACK_CODES[0])[2] == pytest.approx(np.pi / 4 * 60 * 40, rel=0.02)


@pytest.mark.usefixtures("true_colours")
@pytest.mark.parametrize("kind", ["new_background_share", "moved_background_share"])
def test_the_target_is_not_in_the_other_picture_either(kind):
    index = ShardIndex(STILLS[:2], ())
    for sample in samples(replace(PLAIN, **{kind: 1.0}), 20, index):
        (view,) = sample.views
        (x, y), _, _ = target_of(view.image, code_of(sample.exemplar))
        assert (x, y) == pytest.approx(view.offset, abs=1.5)


@pytest.mark.usefixtures("true_colours")
def test_an_occlusion_hides_something_in_most_views():
    shown = []
    for sample in samples(replace(PLAIN, occlusion_share=1.0), 20):
        (view,) = sample.views
        _, _, count = target_of(view.image, code_of(sample.exemplar))
        shown.append(count / (np.pi / 4 * SIZE[0] * SIZE[1]))
    assert min(shown) > 0.35
    assert np.mean(np.array(shown) < 0.95) > 0.6


def test_colours_change_little_in_the_exemplar_and_alike_in_all_views(monkeypatch):
    calls = []

    def change(crop, rng, strength):
        calls.append((crop.shape[0], strength, rng.random()))
        return crop

    monkeypatch.setattr(pairs, "change_colours", change)
    samples(replace(PLAIN, views=3, rehearsals=2), 2)
    assert [call[:2] for call in calls] == [(145, 0.3), *[(241, 1.0)] * 3, *[(241, 0.3)] * 2] * 2
    chances = [call[2] for call in calls]
    assert len(set(chances[1:4])) == len(set(chances[7:10])) == 1
    assert chances[4] == chances[5] == chances[0]  # as the exemplar
    assert chances[10] == chances[11] == chances[6]
    assert len(set(chances)) == 4


@pytest.mark.usefixtures("true_colours")
def test_rehearsals_are_the_trackers_views_of_the_exemplars_own_picture():
    config = replace(EVERYTHING, occlusion_share=0.0)
    seen = set()
    for sample in samples(replace(config, rehearsals=4), 16):
        if code_of(sample.exemplar) not in TRACK_CODES:
            continue
        code = code_of(sample.exemplar)
        assert len(sample.rehearsals) == 4
        for view in sample.rehearsals:
            assert view.image.shape == (SPEC.search_size, SPEC.search_size, 3)
            assert (view.image[..., 1] == code).all()  # no other background, nothing beside it
            place, extent, _ = target_of(view.image, code)
            assert place == pytest.approx(view.offset, abs=1.5)
            assert extent == pytest.approx(view.size, abs=2)
            assert (mark_of(view.image, code)[0] > 0) == (mark_of(sample.exemplar, code)[0] > 0)
            growth = np.log(view.size[0] / SIZE[0])
            (number,) = (n for n, each in enumerate(VIEWS) if each == (pytest.approx(growth), *view.offset))
            seen.add(number)
    assert len(seen) == len(VIEWS)


def test_rehearsals_leave_the_rest_as_it_is():
    plain, more = (samples(replace(EVERYTHING, rehearsals=number), 6) for number in (0, 2))
    assert all(map(equal, plain, more))
    assert not any(sample.rehearsals for sample in plain)


def time_codes(sample):
    """Of the exemplar and the views of a video whose codes are 10 times the number of the crop."""
    crops = [code_of(sample.exemplar), *(code_of(view.image, view.offset) for view in sample.views)]
    assert all(code % 10 == 0 for code in crops)
    return [code // 10 for code in crops]


@pytest.mark.usefixtures("true_colours")
@pytest.mark.parametrize("views", [2, 3])
def test_views_are_neighbours_in_time_and_the_exemplar_any_crop(views):
    index = ShardIndex((video(range(10, 90, 10)),), ())
    exemplars, firsts = set(), set()
    for sample in samples(replace(PLAIN, views=views), 60, index):
        exemplar, *times = time_codes(sample)
        exemplars.add(exemplar)
        firsts.add(times[0])
        # The first view, which is tested, is the latest, if there are enough before it.
        assert set(np.diff(times).tolist()) == ({-1} if times[0] >= views else {1})
    assert exemplars == firsts == set(range(1, 9))


@pytest.mark.usefixtures("true_colours")
@pytest.mark.parametrize("length", [1, 2, 3])
def test_crops_of_a_short_track_are_used_again(length):
    index = ShardIndex((video(range(10, 10 + 10 * length, 10)),), ())
    for sample in samples(replace(PLAIN, views=3), 12, index):
        _, *times = time_codes(sample)
        assert set(times) == set(range(1, 1 + length))


@pytest.mark.usefixtures("true_colours")
def test_sources_are_drawn_by_the_square_root_of_their_tracks_and_videos_more_often():
    tracks = (*(still(number, "large") for number in range(16)), still(16, "small"))
    codes = [code_of(sample.exemplar) for sample in samples(PLAIN, 250, ShardIndex(tracks, ()))]
    assert np.mean(np.array(codes) == TRACK_CODES[16]) == pytest.approx(1 / 5, abs=0.08)
    tracks = (still(0), still(1), video((200, 210), "stills"))
    codes = [
        code_of(sample.exemplar)
        for sample in samples(replace(PLAIN, video_weight=6.0), 250, ShardIndex(tracks, ()))
    ]
    assert np.mean(np.array(codes) >= 200) == pytest.approx(6 / 8, abs=0.08)


@pytest.mark.usefixtures("true_colours")
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_scenes_get_their_share(share):
    codes = [code_of(sample.exemplar) for sample in samples(replace(PLAIN, scene_share=share), 100)]
    assert np.mean(np.isin(codes, SCENE_CODES)) == pytest.approx(share, abs=0.15 if 0 < share < 1 else 0)


@pytest.mark.usefixtures("true_colours")
def test_the_origin_is_one_number_a_track_or_scene():
    drawn = samples(replace(PLAIN, scene_share=0.4), 60)
    codes = [code_of(sample.exemplar) for sample in drawn]
    assert len(set(codes)) < len(codes)
    assert len({(sample.origin, code) for sample, code in zip(drawn, codes, strict=True)}) == len(set(codes))
    assert len({sample.origin for sample in drawn}) == len(set(codes))


EVERYTHING = PairConfig(
    views=2, distractor_share=1.0, occlusion_share=0.5, new_background_share=0.5, moved_background_share=0.5
)


@pytest.mark.parametrize(
    "index", [ShardIndex((), SCENES), ShardIndex(STILLS, ())], ids=["scenes only", "tracks only"]
)
def test_one_kind_of_picture_is_enough(index):
    for sample in samples(EVERYTHING, 6, index):
        assert sample.exemplar.shape == (145, 145, 3)
        assert [view.image.shape for view in sample.views] == [(241, 241, 3)] * 2


def test_nothing_to_draw_from():
    with pytest.raises(ValueError, match="neither tracks nor scenes"):
        PairDataset(ShardIndex((), ()), SPEC, PairConfig(), 0)


@pytest.mark.usefixtures("true_colours")
def test_scene_samples_show_one_place_twice():
    for sample in samples(replace(PLAIN, scene_share=1.0), 10, ShardIndex((), SCENES)):
        (view,) = sample.views
        assert context_side(*sample.exemplar_size) == pytest.approx(SPEC.base_size, rel=0.08)
        assert context_side(*view.size) == pytest.approx(SPEC.base_size, rel=0.04)
        x, y = (round(120 + value) for value in view.offset)
        search = view.image[y - 24 : y + 25, x - 24 : x + 25, 0]
        # The exemplar is shifted by a few pixels and zoomed by a few per cent.
        likeness = cv2.matchTemplate(sample.exemplar[..., 0], search, cv2.TM_CCOEFF_NORMED)
        _, best, _, (column, row) = cv2.minMaxLoc(likeness)
        assert best > 0.8
        assert (column + 24 - 72, row + 24 - 72) == pytest.approx((0, 0), abs=9)


def test_scene_targets_lie_inside_their_scene():
    rng = np.random.default_rng(0)
    aspects = []
    for _ in range(200):
        (w, h), (x, y) = pairs._random_box(rng, 400, 300)
        assert x - w / 2 >= -0.5
        assert x + w / 2 <= 399.5
        assert y - h / 2 >= -0.5
        assert y + h / 2 <= 299.5
        assert 9 < np.sqrt(w * h) <= 150
        aspects.append(w / h)
    assert 2 < max(aspects) < 3.1
    assert 1 / 3.1 < min(aspects) < 1 / 2


@pytest.mark.usefixtures("true_colours")
def test_offsets_stay_in_reach_and_cover_it():
    drawn = samples(replace(PLAIN, max_shift=50.0), 120)
    offsets = np.array([view.offset for sample in drawn for view in sample.views])
    assert 42 < np.abs(offsets).max() <= 50
    assert np.abs(offsets.mean(0)).max() < 9
    near = (np.abs(offsets) <= 20).all(1).mean()
    assert near == pytest.approx(0.5 + 0.5 * 0.4**2, abs=0.15)


def equal(first, second):
    def arrays(sample):
        return sample.exemplar, *(view.image for view in sample.views)

    def numbers(sample):
        return sample.exemplar_size, [(view.offset, view.size) for view in sample.views]

    return numbers(first) == numbers(second) and all(map(np.array_equal, arrays(first), arrays(second)))


def test_a_sample_is_the_same_whenever_it_is_drawn():
    first, again = (PairDataset(INDEX, SPEC, EVERYTHING, 3) for _ in range(2))
    forwards = [first[number] for number in range(6)]
    backwards = [again[number] for number in reversed(range(6))]
    assert all(map(equal, forwards, reversed(backwards)))
    assert not any(equal(forwards[0], other) for other in forwards[1:])


def test_another_seed_gives_other_samples():
    first, second = (PairDataset(INDEX, SPEC, EVERYTHING, seed) for seed in (0, 1))
    assert not equal(first[0], second[0])
    assert not equal(first[1], second[0])
    assert not equal(first[0], second[1])


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes")
def test_a_sample_is_the_same_whichever_worker_draws_it(tmp_path):
    write_shards(tmp_path, tracks=4, scenes=2)
    dataset = PairDataset(open_shards(tmp_path), SPEC, EVERYTHING, 0)
    drawn = {}
    for workers in (0, 2):
        loader = DataLoader(dataset, 2, sampler=range(6), num_workers=workers, collate_fn=collate)
        drawn[workers] = list(loader)
    assert len(drawn[0]) == len(drawn[2]) == 3
    for one, two in zip(*drawn.values(), strict=True):
        for name in ("exemplars", "exemplar_sizes", "searches", "offsets", "sizes"):
            assert torch.equal(getattr(one, name), getattr(two, name))
    assert not torch.equal(drawn[0][0].searches, drawn[0][1].searches)


@pytest.mark.parametrize(
    ("field", "value", "bound"),
    [
        ("views", 0, r"\[1, 8\]"),
        ("views", 9, r"\[1, 8\]"),
        ("rehearsals", -1, r"\[0, 8\]"),
        ("rehearsals", 9, r"\[0, 8\]"),
        ("scene_share", 1.1, r"\[0.0, 1.0\]"),
        ("video_weight", 0.0, r"\[0.01, 1000.0\]"),
        ("max_shift", -1.0, r"\[0.0, "),
        ("max_zoom_change", -0.1, r"\[0.0, 1.0\]"),
        ("aspect_change", float("nan"), r"\[0.0, 1.0\]"),
        ("max_angle", 4.0, r"\[0.0, 3.2\]"),
        ("new_background_share", -0.5, r"\[0.0, 1.0\]"),
        ("moved_background_share", 2.0, r"\[0.0, 1.0\]"),
        ("distractor_share", 1.5, r"\[0.0, 1.0\]"),
        ("occlusion_share", -1.0, r"\[0.0, 1.0\]"),
    ],
)
def test_a_setting_outside_its_bound_is_named(field, value, bound):
    with pytest.raises(ValueError, match=rf"{field} must be in {bound}.*got {value}"):
        PairConfig(**{field: value})


def test_both_backgrounds_together_cannot_exceed_all_samples():
    with pytest.raises(ValueError, match="new_background_share"):
        PairConfig(new_background_share=0.6, moved_background_share=0.5)
