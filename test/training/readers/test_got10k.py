"""GOT-10k is read as its publisher means it, and its test split is not read."""

import pytest

from gradnet_ros.training.readers import got10k
from training.readers.layouts import assert_on_the_object, boxes, write_got10k, write_lines

FIRST = "GOT-10k_Train_000001"


@pytest.fixture
def folder(tmp_path):
    write_got10k(tmp_path)
    return tmp_path


def read_first(folder):
    (track,) = got10k.read(folder, 1).read(FIRST)
    return track


def test_tracks(folder):
    source = got10k.read(folder, 1)
    assert source.sequences == (FIRST, "GOT-10k_Train_000002")
    assert source.notes == ()
    for name in source.sequences:
        (track,) = source.read(name)
        assert track.name == name
        assert [image.name for image in track.images] == [f"{number:08d}.jpg" for number in range(1, 7)]
        assert track.hidden == 0
        assert_on_the_object(track)


def test_frames_without_the_target_are_left_out(folder):
    write_lines(folder / FIRST / "absence.label", [0, 1, 0, 0, 0, 0])
    write_lines(folder / FIRST / "cover.label", [8, 8, 3, 4, 8, 8])
    lines = (folder / FIRST / "groundtruth.txt").read_text().splitlines()
    lines[4] = "-1,-1,-1,-1"
    write_lines(folder / FIRST / "groundtruth.txt", lines)
    track = read_first(folder)
    assert [image.stem[-1] for image in track.images] == ["1", "4", "6"]
    assert track.hidden == 3
    assert_on_the_object(track)


def test_another_origin(folder):
    (track,) = got10k.read(folder, 0).read(FIRST)
    x, y, w, h = boxes(1)[0]
    assert track.boxes[0] == (x + 1, y + 1, w, h)


def test_the_test_split_is_refused_by_name(folder):
    write_lines(folder / "list.txt", ["GOT-10k_Test_000001"])
    with pytest.raises(ValueError, match=r"list.txt: GOT-10k_Test_000001 is of the test split"):
        got10k.read(folder, 1)


def test_the_test_split_is_refused_by_its_single_box(folder):
    write_lines(folder / FIRST / "groundtruth.txt", ["5,5,20,20"])
    with pytest.raises(ValueError, match=r"groundtruth.txt: one box for 6 pictures.*test split of GOT-10k"):
        read_first(folder)


def test_a_part_of_the_data_set(folder):
    write_lines(folder / "list.txt", [FIRST, "GOT-10k_Train_000009"])
    source = got10k.read(folder, 1)
    assert source.sequences == (FIRST,)
    assert source.notes == ("1 of the 2 sequences of list.txt are not there",)


def test_another_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"list.txt not found: expected the folder train of GOT-10k"):
        got10k.read(tmp_path, 1)
    write_lines(tmp_path / "list.txt", [FIRST])
    with pytest.raises(FileNotFoundError, match=r"none of the 1 sequences of list.txt is there"):
        got10k.read(tmp_path, 1)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("groundtruth.txt", "1,2,30\n", r"groundtruth.txt:1: expected x,y,w,h, got 3 numbers"),
        ("groundtruth.txt", "1,2,30,20\n1,2,a,20\n", r"groundtruth.txt:2: expected x,y,w,h, got '1,2,a,20'"),
        ("groundtruth.txt", "1,2,30,20\n" * 5, r"groundtruth.txt: expected 6 boxes, one for each picture"),
        ("groundtruth.txt", "1,2,30,20\n" * 5 + "1,inf,30,20\n", r"groundtruth.txt: box 6 is infinite"),
        ("absence.label", "0\n0\n2\n", r"absence.label:3: expected whole numbers from 0 to 1, got '2'"),
        ("cover.label", "8\n-1\n", r"cover.label:2: expected whole numbers from 0 to 8, got '-1'"),
        ("cover.label", "8\n8\n", r"cover.label: expected 6 values, one a picture, got 2"),
    ],
)
def test_a_malformed_file_is_named(folder, file, text, message):
    (folder / FIRST / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_first(folder)


def test_a_missing_file_is_named(folder):
    (folder / FIRST / "cover.label").unlink()
    with pytest.raises(FileNotFoundError, match=r"cover.label"):
        read_first(folder)
    for image in (folder / FIRST).glob("*.jpg"):
        image.unlink()
    with pytest.raises(FileNotFoundError, match="no pictures"):
        read_first(folder)
