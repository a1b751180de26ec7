"""Shards are cut where the objects are, the same way every time, and all of them or none."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_ros.nn.lite import SPEC
from gradnet_ros.tracking.geometry import context_side
from gradnet_ros.training.pairs import PairConfig, PairDataset
from gradnet_ros.training.prepare import run as prepare_module
from gradnet_ros.training.prepare.crops import cut_crop, cut_scene, read_picture
from gradnet_ros.training.prepare.run import PrepareConfig, prepare, scene_pictures, spread
from gradnet_ros.training.prepare.shards import Mode, ShardFolder
from gradnet_ros.training.prepare.sheet import sheet, write_sheet
from gradnet_ros.training.readers import coco, got10k, otb, vid
from gradnet_ros.training.readers.source import AnnotatedTrack, Source
from gradnet_ros.training.shards import open_shards
from training.readers.layouts import (
    BRIGHT,
    boxes,
    picture,
    save,
    write_coco,
    write_got10k,
    write_lines,
    write_otb,
    write_vid,
)

CONFIG = PrepareConfig("made", "CC0", frames_per_track=4, scenes=3)


@pytest.fixture
def source(tmp_path):
    write_got10k(tmp_path / "got10k", count=9)
    return got10k.read(tmp_path / "got10k", 1)


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.rglob("*"))}


def bright_box(crop):
    """Centre and size of what is bright, crop pixels (continuous)."""
    rows, columns = np.nonzero(crop.mean(axis=2) > BRIGHT)
    return (
        ((columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2),
        (columns.max() - columns.min() + 1, rows.max() - rows.min() + 1),
    )


# --- Crops


@pytest.mark.parametrize(
    ("read", "write", "origin"),
    [(got10k.read, write_got10k, 1), (vid.read, write_vid, 0), (otb.read, write_otb, 1)],
)
def test_the_object_is_at_the_centre_with_its_size(tmp_path, read, write, origin):
    write(tmp_path / "data")
    report = prepare(read(tmp_path / "data", origin), tmp_path / "shards", CONFIG)
    index = open_shards(tmp_path / "shards")
    assert report.tracks == len(index.tracks) >= 2
    assert report.crops == sum(len(track.crops) for track in index.tracks)
    for track in index.tracks:
        if track.name.endswith("000000/0") or track.name.endswith("000000/1"):
            continue  # Two objects in one picture are looked at below.
        for crop, size in zip(track.crops, track.sizes, strict=True):
            image = crop.read()
            assert image.shape == (320, 320, 3)
            centre, seen = bright_box(image)
            assert centre == pytest.approx((160, 160), abs=1.5)
            assert seen == pytest.approx(size, abs=3)
            assert context_side(*size) == pytest.approx(127, rel=1e-3)


def test_several_objects_of_one_picture(tmp_path):
    write_coco(tmp_path / "data")
    prepare(coco.read(tmp_path / "data", 0), tmp_path / "shards", CONFIG)
    index = open_shards(tmp_path / "shards")
    assert len(index.tracks) == 7
    for track in index.tracks:
        image = track.crops[0].read().mean(axis=2)
        w, h = track.sizes[0]
        half_w, half_h = int(w / 2), int(h / 2)
        assert image[160 - half_h + 3 : 160 + half_h - 3, 160 - half_w + 3 : 160 + half_w - 3].min() > BRIGHT
        assert image[160 - half_h - 5 : 160 + half_h + 5, 160 - half_w - 5].max() < BRIGHT
        assert image[160 + half_h + 5, 160 - half_w - 5 : 160 + half_w + 5].max() < BRIGHT


@settings(deadline=None)
@given(x=st.floats(20, 220), y=st.floats(20, 120), w=st.floats(12, 160), h=st.floats(12, 160))
def test_a_crop_at_any_place_and_scale(x, y, w, h):
    """A box drawn with soft edges, at fractions of pixels, has the size and place that the crop states."""
    columns = np.clip(np.minimum(np.arange(1, 401) - x, x + w - np.arange(400)), 0, 1)
    rows = np.clip(np.minimum(np.arange(1, 301) - y, y + h - np.arange(300)), 0, 1)
    image = np.repeat((40 + 200 * np.outer(rows, columns)).round().astype(np.uint8)[..., None], 3, axis=2)
    crop, size = cut_crop(image, (x, y, w, h))
    assert crop.shape == (320, 320, 3)
    assert size[0] / size[1] == pytest.approx(w / h)
    assert context_side(*size) == pytest.approx(127)
    # The share of the box in each pixel, near the box: farther out may lie beyond the picture.
    near = [slice(int(160 - side / 2) - 6, int(160 + side / 2) + 7) for side in (size[1], size[0])]
    share = (crop[near[0], near[1], 0].astype(float) - 40) / 200
    rows, columns = np.mgrid[near[0], near[1]] + 0.5
    assert share.sum() == pytest.approx(size[0] * size[1], rel=0.03)
    assert (share * columns).sum() / share.sum() == pytest.approx(160, abs=0.25)
    assert (share * rows).sum() / share.sum() == pytest.approx(160, abs=0.25)


def test_what_lies_outside_has_the_mean_colour():
    image = picture((2, 3, 30, 20))
    crop, _ = cut_crop(image, (2, 3, 30, 20))
    mean = image.reshape(-1, 3).mean(axis=0)
    assert np.abs(crop[5, 5] - mean).max() <= 1


def test_pictures_are_read_as_stored(tmp_path):
    """The camera's orientation is not applied: boxes count stored pixels."""
    image = picture((2, 3, 30, 20))
    data = cv2.imencode(".jpg", image)[1].tobytes()
    tag = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    path = tmp_path / "turned.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(tag) + 2).to_bytes(2, "big") + tag + data[2:])
    assert cv2.imread(str(path)).shape == (160, 120, 3)
    assert read_picture(path).shape == (120, 160, 3)


# --- Frames


@given(count=st.integers(1, 3000), wanted=st.integers(1, 100))
def test_spread(count, wanted):
    indices = spread(count, wanted)
    assert len(indices) == min(count, wanted)
    assert indices == sorted(set(indices))
    assert indices[0] == 0
    if wanted > 1:
        assert indices[-1] == count - 1
    gaps = np.diff(indices)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


def test_frames_are_spread_in_time_order(source, tmp_path):
    prepare(source, tmp_path / "shards", CONFIG)
    track = open_shards(tmp_path / "shards").tracks[0]
    assert (track.source, track.licence, track.name) == ("made", "CC0", "GOT-10k_Train_000001")
    truth = [boxes(9)[frame] for frame in (0, 3, 5, 8)]
    for (_, _, w, h), size in zip(truth, track.sizes, strict=True):
        zoom = 127 / context_side(w, h)
        assert size == pytest.approx((w * zoom, h * zoom), abs=0.01)


def test_hidden_and_small_frames_are_counted(source, tmp_path):
    write_lines(tmp_path / "got10k/GOT-10k_Train_000001/absence.label", [0, 1, 1, 0, 0, 0, 0, 0, 0])
    config = replace(CONFIG, frames_per_track=99, min_side=30.5)
    # Width 30 + frame, height 21 and 22: the height is too small in every frame.
    with pytest.raises(
        ValueError, match=r"no track is left of made: frames without .*: 2; frames with a box .*: 16;"
    ):
        prepare(source, tmp_path / "shards", config)
    report = prepare(source, tmp_path / "shards", replace(config, min_side=21.5))
    assert (report.tracks, report.crops, report.hidden, report.small, report.empty) == (1, 9, 2, 7, 1)


def test_max_tracks_are_drawn_by_the_seed(tmp_path):
    write_coco(tmp_path / "data", count=12)
    source = coco.read(tmp_path / "data", 0)

    def names(seed, count=5):
        config = replace(CONFIG, max_tracks=count, scenes=0, seed=seed)
        prepare(
            source,
            tmp_path / "shards",
            config,
            Mode.NEW if not (tmp_path / "shards").exists() else Mode.OVERWRITE,
        )
        return [track.name for track in open_shards(tmp_path / "shards").tracks]

    first = names(0)
    assert len(first) == 5
    assert names(0) == first
    assert names(1) != first
    every = names(0, 100)
    assert len(every) == 23
    assert [name for name in every if name in first] == first


# --- Scenes


def test_scenes_are_one_of_every_sequence_first():
    sequences = [
        (AnnotatedTrack(str(n), tuple(Path(f"{n}/{i}") for i in range(3)), ((0.0,) * 4,) * 3),)
        for n in range(4)
    ]
    chosen = scene_pictures(sequences, 6, np.random.default_rng(0))
    assert len(set(chosen)) == 6
    assert {path.parent.name for path in chosen[:4]} == {"0", "1", "2", "3"}
    assert len(scene_pictures(sequences, 99, np.random.default_rng(0))) == 12
    assert scene_pictures(sequences, 0, np.random.default_rng(0)) == []


def test_scenes_are_bounded(tmp_path):
    save(tmp_path / "large.jpg", np.full((600, 900, 3), 90, np.uint8))
    save(tmp_path / "small.jpg", picture())
    save(tmp_path / "narrow.jpg", np.full((63, 300, 3), 90, np.uint8))

    def shape(name):
        data = cut_scene(tmp_path / name, 85)
        return data and cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]

    assert shape("large.jpg") == (277, 416)
    assert shape("small.jpg") == (120, 160)
    assert shape("narrow.jpg") is None
    assert shape("none.jpg") is None


# --- Damaged input


def test_an_unreadable_picture_is_skipped_and_reported(source, tmp_path):
    folder = tmp_path / "got10k/GOT-10k_Train_000001"
    (folder / "00000004.jpg").write_bytes(b"no picture")
    (folder / "00000006.jpg").unlink()
    config = replace(CONFIG, frames_per_track=9)
    with pytest.raises(ValueError, match="expected 8 boxes"):
        prepare(source, tmp_path / "shards", config)  # a missing file is a malformed sequence
    (folder / "00000006.jpg").write_bytes(b"")
    report = prepare(source, tmp_path / "shards", config)
    assert report.unreadable == (folder / "00000004.jpg", folder / "00000006.jpg")
    assert [len(track.crops) for track in open_shards(tmp_path / "shards").tracks] == [7, 9]


def test_no_readable_picture_at_all(source, tmp_path):
    for image in (tmp_path / "got10k").rglob("*.jpg"):
        image.write_bytes(b"no picture")
    with pytest.raises(
        ValueError, match=r"of made: tracks with no frame left: 2; pictures that cannot be read: 8"
    ):
        prepare(source, tmp_path / "shards", CONFIG)
    assert content(tmp_path / "shards") == {}


def test_boxes_outside_the_picture_are_counted(tmp_path):
    image = tmp_path / "a.jpg"
    save(image, picture())
    track = AnnotatedTrack("a", (image, image), ((5.0, 5.0, 30.0, 20.0), (500.0, 5.0, 30.0, 20.0)))
    report = prepare(Source(("a",), lambda name: [track]), tmp_path / "shards", CONFIG)
    assert (report.crops, report.outside) == (1, 1)


def test_a_malformed_annotation_stops_before_anything_is_cut(source, tmp_path, monkeypatch):
    (tmp_path / "got10k/GOT-10k_Train_000002/groundtruth.txt").write_text("a\n")
    monkeypatch.setattr(prepare_module, "cut_sequence", lambda *_, **__: pytest.fail("cut"))
    with pytest.raises(ValueError, match=r"GOT-10k_Train_000002/groundtruth.txt:1: expected x,y,w,h"):
        prepare(source, tmp_path / "shards", CONFIG)


# --- The folder


def test_the_result_does_not_depend_on_workers(source, tmp_path):
    prepare(source, tmp_path / "one", CONFIG)
    prepare(source, tmp_path / "again", CONFIG)
    prepare(source, tmp_path / "two", replace(CONFIG, workers=2))
    assert content(tmp_path / "one") == content(tmp_path / "again")
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert set(content(tmp_path / "one")) == {
        "index.jsonl",
        "scenes.jsonl",
        "crops-000.tar",
        "scenes-000.tar",
    }


def test_shards_stay_under_their_size(tmp_path):
    save(tmp_path / "a.jpg", np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8))
    track = AnnotatedTrack("", (tmp_path / "a.jpg",), ((100.0, 80.0, 60.0, 60.0),))
    many = Source(tuple(map(str, range(40))), lambda name: [replace(track, name=name)])
    report = prepare(many, tmp_path / "shards", replace(CONFIG, quality=100, shard_size=1))
    shards = sorted((tmp_path / "shards").glob("crops-*.tar"))
    assert len(shards) > 2
    assert max(shard.stat().st_size for shard in shards) <= 1_000_000
    assert min(shard.stat().st_size for shard in shards[:-1]) > 900_000
    assert report.megabytes == pytest.approx(
        sum(file.stat().st_size for file in (tmp_path / "shards").glob("*.tar")) / 1e6
    )
    assert [track.name for track in open_shards(tmp_path / "shards").tracks] == list(many.sequences)


def test_a_folder_that_is_not_empty(source, tmp_path):
    prepare(source, tmp_path / "shards", CONFIG)
    before = content(tmp_path / "shards")
    with pytest.raises(FileExistsError, match="shards is not empty: --append adds"):
        prepare(source, tmp_path / "shards", CONFIG)
    with pytest.raises(ValueError, match="has the source 'made' already"):
        prepare(source, tmp_path / "shards", CONFIG, Mode.APPEND)
    assert content(tmp_path / "shards") == before
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file is a file"):
        prepare(source, tmp_path / "file", CONFIG)
    with pytest.raises(FileNotFoundError, match=r"index.jsonl not found"):
        prepare(source, tmp_path / "new", CONFIG, Mode.APPEND)


def test_append_keeps_what_is_there(source, tmp_path):
    prepare(source, tmp_path / "shards", CONFIG)
    before = content(tmp_path / "shards")
    write_otb(tmp_path / "otb")
    prepare(otb.read(tmp_path / "otb", 1), tmp_path / "shards", replace(CONFIG, source="own"), Mode.APPEND)
    after = content(tmp_path / "shards")
    for name, data in before.items():
        assert after[name][: len(data)] == data
    assert set(after) - set(before) == {"crops-001.tar", "scenes-001.tar"}
    index = open_shards(tmp_path / "shards")
    assert {name: len(group) for name, group in index.by_source().items()} == {"made": 2, "own": 2}
    assert len(index.scenes) == 6
    assert index.tracks[3].crops[0].read().shape == (320, 320, 3)


def test_overwrite_replaces_shards_and_nothing_else(source, tmp_path):
    prepare(source, tmp_path / "shards", CONFIG)
    (tmp_path / "shards" / "notes.txt").write_text("mine")
    config = replace(CONFIG, source="other", scenes=0)
    prepare(source, tmp_path / "shards", config, Mode.OVERWRITE)
    assert set(content(tmp_path / "shards")) == {"index.jsonl", "crops-000.tar", "notes.txt"}
    assert set(open_shards(tmp_path / "shards").by_source()) == {"other"}


@pytest.mark.parametrize("mode", [Mode.APPEND, Mode.OVERWRITE])
def test_an_interrupted_run_leaves_the_old_shards(source, tmp_path, monkeypatch, mode):
    prepare(source, tmp_path / "shards", CONFIG)
    before = content(tmp_path / "shards")

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare_module, "cut_scene", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path / "shards", replace(CONFIG, source="other"), mode)
    assert content(tmp_path / "shards") == before


def test_a_killed_run_is_no_shard_folder_and_the_next_one_starts_afresh(source, tmp_path):
    folder = ShardFolder(tmp_path / "shards", Mode.NEW, "made", "CC0", 10**6)
    folder.__enter__()
    track = prepare_module.cut_sequence(tuple(source.read(source.sequences[0])), 85).tracks[0]
    folder.add_track(track)
    with pytest.raises(FileNotFoundError, match=r"index.jsonl not found"):
        open_shards(tmp_path / "shards")
    prepare(source, tmp_path / "shards", CONFIG)
    prepare(source, tmp_path / "fresh", CONFIG)
    assert content(tmp_path / "shards") == content(tmp_path / "fresh")


# --- Use


def test_samples_are_drawn_from_it(source, tmp_path):
    prepare(source, tmp_path / "shards", CONFIG)
    config = PairConfig(
        scene_share=0.0,
        occlusion_share=0.0,
        new_background_share=0.0,
        moved_background_share=0.0,
        distractor_share=0.0,
    )
    samples = PairDataset(open_shards(tmp_path / "shards"), SPEC, config, 0)
    for number in range(8):
        view = samples[number].views[0]
        x, y = (round(120 + value) for value in view.offset)
        assert view.image[y - 5 : y + 6, x - 5 : x + 6].mean() > view.image.mean() + 40


def test_the_sheet_shows_boxes_around_objects(source, tmp_path):
    prepare(source, tmp_path / "shards", CONFIG)
    tracks = open_shards(tmp_path / "shards").tracks
    assert sheet(tracks, 3).shape == (200, 600, 3)
    drawn = sheet(tracks, 99)
    assert drawn.shape == (200, 1600, 3)  # two tracks, four crops of each
    green = (drawn[..., 1] > 150) & (drawn[..., 0] < 140) & (drawn[..., 2] < 140)
    for left in range(0, 1600, 200):
        rows, columns = np.nonzero(green[:180, left : left + 200])
        assert (columns.min() + columns.max()) / 2 == pytest.approx(100, abs=2)
        assert (rows.min() + rows.max()) / 2 == pytest.approx(100, abs=2)
    write_sheet(tmp_path / "sheet.png", tracks, 99)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "sheet.png")), drawn)
    with pytest.raises(ValueError, match="count must be at least 1 and there must be tracks, got 4 and 0"):
        sheet([], 4)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("source", " ", "source name must not be empty"),
        ("frames_per_track", 0, "frames_per_track must be at least 1, got 0"),
        ("max_tracks", 0, "max_tracks must be at least 1, got 0"),
        ("scenes", -1, "scenes must be at least 0, got -1"),
        ("min_side", 1.5, "min_side must be at least 2, got 1.5"),
        ("min_side", float("nan"), "min_side must be at least 2, got nan"),
        ("quality", 101, "quality must be at most 100, got 101"),
        ("shard_size", 0.5, "shard_size must be at least 1, got 0.5"),
        ("workers", 0, "workers must be at least 1, got 0"),
        ("seed", -1, "seed must be at least 0, got -1"),
    ],
)
def test_settings_outside_their_bounds(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **{field: value})


def test_the_index_has_every_field(source, tmp_path):
    prepare(source, tmp_path / "shards", CONFIG)
    record = json.loads((tmp_path / "shards/index.jsonl").read_text().splitlines()[1])
    assert set(record) == {"track", "source", "licence", "shard", "crops", "boxes"}
    assert record["crops"] == ["000004.webp", "000005.webp", "000006.webp", "000007.webp"]
    scene = json.loads((tmp_path / "shards/scenes.jsonl").read_text().splitlines()[0])
    assert scene == {"scene": "000000.webp", "shard": "scenes-000.tar", "source": "made", "licence": "CC0"}
