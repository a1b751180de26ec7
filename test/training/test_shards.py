"""Shards are read as they were written; broken indices say what is missing."""

import json

import pytest

from gradnet_ros.training.shards import open_shards
from training.fixture_shards import write_shards


def test_round_trip(tmp_path):
    write_shards(tmp_path)
    index = open_shards(tmp_path)
    assert len(index.tracks) == 6
    assert len(index.scenes) == 3
    assert {name: len(group) for name, group in index.by_source().items()} == {"source 0": 3, "source 1": 3}
    track = index.tracks[1]
    assert len(track.crops) == 3
    assert track.sizes[0] == (48.0, 48.0)
    crop = track.crops[2].read()
    assert crop.shape == (320, 320, 3)
    assert crop[155:165, 155:165].min() > 240
    assert index.scenes[0].read().shape == (300, 400, 3)


def test_a_folder_without_an_index(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"index.jsonl not found"):
        open_shards(tmp_path)


def test_an_index_that_names_a_missing_picture(tmp_path):
    write_shards(tmp_path)
    file = tmp_path / "index.jsonl"
    record = json.loads(file.read_text().splitlines()[0])
    file.write_text(json.dumps({**record, "crops": ["gone.webp"]}))
    with pytest.raises(ValueError, match=r"crops-00.tar holds no picture gone.webp"):
        open_shards(tmp_path)


def test_bytes_that_are_no_picture(tmp_path):
    write_shards(tmp_path)
    picture = open_shards(tmp_path).tracks[0].crops[0]
    data = bytearray(picture.shard.read_bytes())
    data[picture.offset : picture.offset + picture.length] = bytes(picture.length)
    picture.shard.write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"not a picture"):
        picture.read()
