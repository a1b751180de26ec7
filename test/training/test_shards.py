"""Shards are read as they were written; broken indices say what is wrong, and where."""

import json
import shutil

import pytest

from gradnet_ros.training.shards import open_shards
from training.fixture_shards import write_shards


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    write_shards(folder)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "shards")


def rewrite(file, line, **fields):
    """Change fields of one line of an index; a field that is None goes."""
    lines = file.read_text().splitlines()
    record = {**json.loads(lines[line - 1]), **fields}
    lines[line - 1] = json.dumps({name: value for name, value in record.items() if value is not None})
    file.write_text("\n".join(lines))


def test_round_trip(folder):
    index = open_shards(folder)
    assert len(index.tracks) == 6
    assert len(index.scenes) == 3
    assert {name: len(group) for name, group in index.by_source().items()} == {"source 0": 3, "source 1": 3}
    track = index.tracks[1]
    assert len(track.crops) == 3
    assert track.sizes[0] == (48.0, 48.0)
    assert (track.name, track.licence) == ("1", "CC0")
    crop = track.crops[2].read()
    assert crop.shape == (320, 320, 3)
    assert crop[155:165, 155:165].min() > 240
    assert index.scenes[0].read().shape == (300, 400, 3)


def test_name_and_licence_may_be_missing(folder):
    rewrite(folder / "index.jsonl", 1, track=None, licence=None)
    track = open_shards(folder).tracks[0]
    assert (track.name, track.licence) == ("", "")


def test_a_folder_without_an_index(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"index.jsonl not found"):
        open_shards(tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"crops": ["gone.webp"], "boxes": [[9, 9]]}, r"crops-00.tar holds no picture gone.webp"),
        ({"shard": "crops-09.tar"}, r"shard crops-09.tar is not in "),
        ({"shard": None}, "expected shard, a text, got None"),
        ({"source": 3}, "expected source, a text, got 3"),
        ({"crops": []}, r"expected crops, a list of at least one member of crops-00.tar, got \[\]"),
        ({"crops": None}, "expected crops, a list .* got None"),
        ({"boxes": None}, r"expected boxes, \[w, h\] in pixels for each of 3 crops, got None"),
        ({"boxes": [[48, 48]]}, r"expected boxes, .* each of 3 crops, got \[\[48, 48\]\]"),
        ({"boxes": [[48, 48], [48, 0], [48, 48]]}, "expected boxes"),
        ({"boxes": [[48, 48], [48], [48, 48]]}, "expected boxes"),
        ({"boxes": 7}, "expected boxes"),
    ],
)
def test_a_malformed_line_is_named(folder, fields, message):
    rewrite(folder / "index.jsonl", 2, **fields)
    with pytest.raises(ValueError, match=r"index.jsonl:2: .*" + message):
        open_shards(folder)


@pytest.mark.parametrize("text", ['{"source": "a"', "[1, 2]", "nothing"])
def test_a_line_that_is_no_object(folder, text):
    with (folder / "index.jsonl").open("a") as file:
        file.write(f"\n\n{text}\n")
    with pytest.raises(ValueError, match=r"index.jsonl:8: expected a JSON object a line"):
        open_shards(folder)


def test_a_malformed_scene_is_named(folder):
    rewrite(folder / "scenes.jsonl", 3, scene="gone.webp")
    with pytest.raises(ValueError, match=r"scenes.jsonl:3: scenes-00.tar holds no picture gone.webp"):
        open_shards(folder)


@pytest.mark.parametrize("kept", [0, 100, 60_000])
def test_a_damaged_shard_is_named(folder, kept):
    shard = folder / "crops-00.tar"
    shard.write_bytes(shard.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"crops-00.tar: expected a tar file|crops-00.tar holds no picture"):
        open_shards(folder)


def test_bytes_that_are_no_picture(folder):
    picture = open_shards(folder).tracks[0].crops[0]
    data = bytearray(picture.shard.read_bytes())
    data[picture.offset : picture.offset + picture.length] = bytes(picture.length)
    picture.shard.write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"not a picture"):
        picture.read()
