"""The form of OTB: any separator, several targets, frames in the order of their numbers."""

import pytest

from gradnet_ros.training.readers import otb
from training.readers.layouts import assert_on_the_object, boxes, write_lines, write_otb


@pytest.mark.parametrize("separator", [",", "\t", " ", ", "])
def test_tracks(tmp_path, separator):
    write_otb(tmp_path, separator=separator)
    source = otb.read(tmp_path, 1)
    assert source.sequences == ("cup", "lorry")
    for name in source.sequences:
        (track,) = source.read(name)
        assert track.name == name
        assert [int(image.stem) for image in track.images] == list(range(1, 12))
        assert_on_the_object(track)


def test_several_targets(tmp_path):
    write_otb(tmp_path, ("cup",), count=3)
    truth = tmp_path / "cup" / "groundtruth_rect.txt"
    truth.rename(tmp_path / "cup" / "groundtruth_rect.1.txt")
    write_lines(tmp_path / "cup" / "groundtruth_rect.2.txt", ["NaN,NaN,NaN,NaN", "0,0,0,0", "5,6,20,22"])
    first, second = otb.read(tmp_path, 1).read("cup")
    assert (first.name, second.name) == ("cup.1", "cup.2")
    assert_on_the_object(first)
    assert [image.name for image in second.images] == ["3.jpg"]
    assert second.boxes == ((4.0, 5.0, 20.0, 22.0),)
    assert second.hidden == 2


def test_another_origin(tmp_path):
    write_otb(tmp_path, ("cup",), count=1)
    (track,) = otb.read(tmp_path, 0).read("cup")
    x, y, w, h = boxes(1)[0]
    assert track.boxes == ((x + 1, y + 1, w, h),)


def test_sequences_of_the_benchmark_are_left_out(tmp_path):
    write_otb(tmp_path, ("Basketball", "cup", "Woman"), count=1)
    source = otb.read(tmp_path, 1)
    assert source.sequences == ("cup",)
    assert source.notes == ("left out, named as in OTB-2015 (rename your own): Basketball, Woman",)


def test_nothing_but_the_benchmark(tmp_path):
    write_otb(tmp_path, ("Basketball", "Jogging"), count=1)
    with pytest.raises(ValueError, match="all 2 sequences are of OTB-2015"):
        otb.read(tmp_path, 1)


def test_a_count_that_does_not_fit(tmp_path):
    write_otb(tmp_path, ("cup",), count=3)
    (tmp_path / "cup" / "img" / "2.jpg").unlink()
    with pytest.raises(
        ValueError, match=r"groundtruth_rect.txt: expected 2 boxes, one for each picture in .*img"
    ):
        otb.read(tmp_path, 1).read("cup")


def test_another_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no <sequence>/groundtruth_rect.txt below"):
        otb.read(tmp_path, 1)
