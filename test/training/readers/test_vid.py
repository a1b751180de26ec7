"""ILSVRC VID: a track for each trackid of a snippet."""

import pytest

from gradnet_ros.training.readers import vid
from training.readers.layouts import assert_on_the_object, write_vid

FIRST = "ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000"


@pytest.fixture
def folder(tmp_path):
    write_vid(tmp_path)
    return tmp_path


def test_tracks(folder):
    source = vid.read(folder, 0)
    assert source.sequences == (FIRST, FIRST[:-1] + "1")
    tracks = source.read(FIRST)
    assert [track.name for track in tracks] == [f"{FIRST}/0", f"{FIRST}/1"]
    assert [len(track.images) for track in tracks] == [5, 3]
    assert [image.name for image in tracks[1].images] == ["000002.JPEG", "000003.JPEG", "000004.JPEG"]
    for track in tracks:
        assert_on_the_object(track)


def test_frames_without_objects(folder):
    file = folder / "Annotations/VID/train" / FIRST / "000000.xml"
    file.write_text("<annotation></annotation>")
    assert [len(track.images) for track in vid.read(folder, 0).read(FIRST)] == [4, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>\n<object>", r"000003.xml:2: expected XML"),
        (
            "<annotation><object><trackid>0</trackid></object></annotation>",
            r"000003.xml: object 1: expected a whole number as bndbox/xmin, got nothing",
        ),
        (
            "<annotation><object><trackid>x</trackid></object></annotation>",
            r"000003.xml: object 1: expected a whole number as trackid, got x",
        ),
    ],
)
def test_a_malformed_file_is_named(folder, text, message):
    (folder / "Annotations/VID/train" / FIRST / "000003.xml").write_text(text)
    with pytest.raises(ValueError, match=message):
        vid.read(folder, 0).read(FIRST)


def test_another_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no <part>/<snippet> below .*Annotations/VID/train"):
        vid.read(tmp_path, 0)


def test_a_snippet_without_annotations(folder):
    for file in (folder / "Annotations/VID/train" / FIRST).iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"expected an .xml for each frame"):
        vid.read(folder, 0).read(FIRST)
