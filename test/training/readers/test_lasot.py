"""LaSOT is read as its publisher means it, without its test sequences."""

import pytest

from gradnet_ros.training.readers import lasot
from training.readers.layouts import assert_on_the_object, write_lasot


def test_tracks(tmp_path):
    write_lasot(tmp_path)
    source = lasot.read(tmp_path, 1)
    assert source.sequences == ("airplane-2", "airplane-10", "zebra-1")
    assert source.notes == ()
    for name in source.sequences:
        (track,) = source.read(name)
        assert track.name == name
        assert len(track.images) == 5
        assert_on_the_object(track)


def test_hidden_frames_are_left_out(tmp_path):
    write_lasot(tmp_path)
    sequence = tmp_path / "zebra" / "zebra-1"
    (sequence / "full_occlusion.txt").write_text("0,1,0,0,0")
    (sequence / "out_of_view.txt").write_text("0,0,0,1,0")
    (track,) = lasot.read(tmp_path, 1).read("zebra-1")
    assert [image.stem[-1] for image in track.images] == ["1", "3", "5"]
    assert track.hidden == 2
    assert_on_the_object(track)


def test_test_sequences_are_left_out(tmp_path):
    write_lasot(tmp_path, ("airplane-1", "airplane-2", "zebra-17", "atv-3"), count=1)
    source = lasot.read(tmp_path, 1)
    assert source.sequences == ("airplane-2",)
    assert source.notes == ("3 sequences of LaSOT's test sets are left out",)


def test_nothing_but_test_sequences(tmp_path):
    write_lasot(tmp_path, ("airplane-1",), count=1)
    with pytest.raises(ValueError, match="all 1 sequences are of LaSOT's test sets"):
        lasot.read(tmp_path, 1)


def test_another_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no <class>/<class>-<n>/groundtruth.txt below"):
        lasot.read(tmp_path, 1)


def test_a_malformed_label_is_named(tmp_path):
    write_lasot(tmp_path, ("zebra-1",))
    file = tmp_path / "zebra" / "zebra-1" / "out_of_view.txt"
    file.write_text("0,0,x,0,0")
    with pytest.raises(ValueError, match=r"out_of_view.txt:1: expected whole numbers from 0 to 1, got 'x'"):
        lasot.read(tmp_path, 1).read("zebra-1")
