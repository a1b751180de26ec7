"""Readers of benchmarks on disk."""

import re

import numpy as np
import pytest

from evaluation.layouts import (
    draw_pictures,
    save_boxes,
    save_lines,
    touch_pictures,
    write_folder,
    write_got10k,
    write_lasot,
)
from gradnet_ros.evaluation.benchmarks import got10k, lasot, otb, uav123
from gradnet_ros.evaluation.benchmarks.formats import FORMATS
from gradnet_ros.evaluation.benchmarks.uav123_frames import uav123_frames
from gradnet_ros.evaluation.protocols import PROTOCOLS
from gradnet_ros.evaluation.raw.layouts import RESULTS


def by_name(sequences):
    return {each.name: each for each in sequences}


def flags(names, *on):
    return [int(name in on) for name in names]


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_every_format_has_conventions_and_a_place_for_results():
    assert FORMATS.keys() == RESULTS.keys()
    assert FORMATS.keys() <= PROTOCOLS.keys()


# --- OTB


@pytest.mark.parametrize(
    ("name", "pictures", "first", "last"),
    [
        ("David", 770, 300, 770),
        ("Football1", 79, 1, 74),
        ("Freeman3", 465, 1, 460),
        ("Freeman4", 290, 1, 283),
        ("Diving", 231, 1, 215),
        ("Dog", 127, 1, 127),
    ],
)
def test_otb_plays_some_sequences_in_part(tmp_path, name, pictures, first, last):
    touch_pictures(tmp_path / name / "img", pictures)
    save_boxes(tmp_path / name / "groundtruth_rect.txt", np.ones((last - first + 1, 4)))
    (sequence,) = otb.read(tmp_path)
    assert [sequence.source[place].name for place in (0, -1)] == [f"{first:04d}.jpg", f"{last:04d}.jpg"]
    assert sequence.truth[0].tolist() == [0, 0, 1, 1]
    assert sequence.origin == 1


def test_otb_targets_in_one_folder_and_attributes(tmp_path):
    for name, files in (("Jogging", ("1", "2")), ("Human4", ("2",)), ("Dog", ("1",))):
        touch_pictures(tmp_path / name / "img", 4)
        for file in files:
            save_boxes(tmp_path / name / f"groundtruth_rect.{file}.txt", int(file) * np.ones((4, 4)), "\t")
    (tmp_path / "Human4" / "groundtruth_rect.1.txt").write_text("\n")
    save_lines(tmp_path / "anno" / "att" / "jogging-2.txt", flags(otb.ATTRIBUTES, "occlusion"), ",")
    save_lines(tmp_path / "anno" / "att" / "Dog.txt", flags(otb.ATTRIBUTES, "scale variation", "deformation"))
    found = by_name(otb.read(tmp_path))
    assert found.keys() == {"Dog", "Human4", "Jogging.1", "Jogging.2"}
    assert found["Jogging.2"].truth[0, 2] == 2
    assert found["Jogging.2"].attributes == {"occlusion"}
    assert found["Dog"].attributes == {"scale variation", "deformation"}
    assert found["Jogging.1"].attributes == set()


def test_otb_names_both_numbers_where_boxes_and_pictures_differ(tmp_path):
    touch_pictures(tmp_path / "Dog" / "img", 5)
    save_boxes(tmp_path / "Dog" / "groundtruth_rect.txt", np.ones((4, 4)))
    with pytest.raises(ValueError, match=r"Dog/groundtruth_rect.txt: expected 5 boxes, one a picture, got 4"):
        otb.read(tmp_path)


def test_otb_attributes_of_another_form(tmp_path):
    touch_pictures(tmp_path / "Dog" / "img", 1)
    save_boxes(tmp_path / "Dog" / "groundtruth_rect.txt", np.ones((1, 4)))
    save_lines(tmp_path / "att" / "Dog.txt", [1, 0], ",")
    with pytest.raises(ValueError, match=r"att/Dog.txt: expected 11 flags .*, got 2"):
        otb.read(tmp_path)
    save_lines(tmp_path / "att" / "Dog.txt", [2] * 11, ",")
    with pytest.raises(ValueError, match=r"att/Dog.txt: expected flags of 0 or 1, got '2'"):
        otb.read(tmp_path)


# --- GOT-10k


def test_got10k_validation(tmp_path, rng):
    write_got10k(tmp_path, rng, (8, 6))
    first, second = got10k.read(tmp_path)
    assert len(first.source) == len(first.truth) == 8
    assert first.absent.tolist() == [False] * 3 + [True, True] + [False] * 3
    assert first.scored.tolist() == (~first.absent).tolist()
    assert first.bound == (640, 480)
    assert first.attributes == {"kind 0 (class)", "absent"}
    assert second.attributes == {"kind 1 (class)", "absent", "cut by image"}
    assert first.truth[2, 0] == pytest.approx(-14.5)


def test_got10k_test_split_keeps_its_truth_to_itself(tmp_path):
    save_lines(tmp_path / "list.txt", ["GOT-10k_Test_000001"])
    folder = tmp_path / "GOT-10k_Test_000001"
    touch_pictures(folder, 5, 8)
    save_boxes(folder / "groundtruth.txt", [[3, 4, 20, 10]])
    (sequence,) = got10k.read(tmp_path)
    assert sequence.truth[0].tolist() == [2, 3, 20, 10]
    assert np.isnan(sequence.truth[1:]).all()
    assert not sequence.counts().any()
    assert not sequence.is_absent().any()


@pytest.mark.parametrize(
    ("file", "lines", "message"),
    [
        ("cover.label", [9] * 6, r"cover.label:1: expected whole numbers from 0 to 8, got '9'"),
        ("absence.label", [0] * 5, r"absence.label: expected 6 values, one a picture, got 5"),
        ("groundtruth.txt", ["1,2,3,4"] * 4, r"groundtruth.txt: expected 6 values, one a picture, got 4"),
        ("groundtruth.txt", ["1,2,3,4", "1,2,3"], r"groundtruth.txt:2: expected x,y,w,h, got 3 numbers"),
        ("meta_info.ini", ["[METAINFO]"], r"meta_info.ini: expected a line 'resolution: \(WIDTH, HEIGHT\)'"),
    ],
)
def test_got10k_names_what_is_wrong(tmp_path, rng, file, lines, message):
    write_got10k(tmp_path, rng, (6,))
    save_lines(tmp_path / "GOT-10k_Val_000001" / file, lines)
    with pytest.raises(ValueError, match=message):
        got10k.read(tmp_path)


def test_got10k_without_its_list(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"list.txt not found: expected the folder val or test"):
        got10k.read(tmp_path)


# --- LaSOT


def test_lasot_takes_the_test_set_and_leaves_absent_frames_out(tmp_path):
    write_lasot(tmp_path)
    save_lines(tmp_path / "att" / "zebra-10.txt", flags(lasot.ATTRIBUTES, "rotation"), ",")
    found = by_name(lasot.read(tmp_path))
    assert list(found) == ["airplane-1", "zebra-10"]
    each = found["zebra-10"]
    assert each.absent.tolist() == [False, False, True, False, True, False]
    assert each.counts().tolist() == [True, True, False, True, False, True]
    assert each.attributes == {"rotation"}
    assert each.truth[0].tolist() == draw_pictures(tmp_path / "again", 6, 2)[0].tolist()


def test_lasot_may_lie_flat(tmp_path):
    write_lasot(tmp_path / "deep", ("zebra-10",))
    (tmp_path / "deep" / "zebra" / "zebra-10").rename(tmp_path / "zebra-10")
    assert [each.name for each in lasot.read(tmp_path)] == ["zebra-10"]


def test_lasot_training_sequences_alone(tmp_path):
    write_lasot(tmp_path, ("airplane-2",))
    with pytest.raises(ValueError, match=r"none of its 1 sequences is of LaSOT's test sets"):
        lasot.read(tmp_path)


def test_lasot_labels_of_another_length(tmp_path):
    write_lasot(tmp_path, ("zebra-10",))
    save_lines(tmp_path / "zebra" / "zebra-10" / "out_of_view.txt", [0] * 7, ",")
    with pytest.raises(ValueError, match=r"out_of_view.txt: expected 6 values, one a picture, got 7"):
        lasot.read(tmp_path)


# --- UAV123


def write_uav(root, name, count, pictures):
    save_boxes(root / "anno" / "UAV123" / f"{name}.txt", np.ones((count, 4)))
    touch_pictures(root / "data_seq" / "UAV123" / re.sub(r"_\d+$", "", name), pictures, 6)


def test_uav123_parts_of_a_video_and_attributes(tmp_path):
    write_uav(tmp_path, "person8_1", 1075, 1525)
    write_uav(tmp_path, "person8_2", 451, 1525)
    write_uav(tmp_path, "person1_s", uav123_frames()["person1_s"][1], 1600)
    att = tmp_path / "anno" / "UAV123" / "att" / "person8_2.txt"
    save_lines(att, flags(uav123.ATTRIBUTES, "similar object"), ",")
    found = by_name(uav123.read(tmp_path))
    assert list(found) == ["person1_s", "person8_1", "person8_2"]
    assert [found["person8_2"].source[place].name for place in (0, -1)] == ["001075.jpg", "001525.jpg"]
    assert found["person8_2"].attributes == {"similar object"}
    assert found["person1_s"].source[0].parent.name == "person1_s"


def test_uav123_has_123_sequences():
    frames = uav123_frames()
    assert len(frames) == 123
    assert all(1 <= first < last for first, last in frames.values())
    assert frames["uav1_3"] == (2473, 3469)


@pytest.mark.parametrize(
    ("name", "count", "pictures", "message"),
    [
        ("bike3", 400, 433, r"bike3.txt: expected 433 boxes, for frames 1 to 433, got 400"),
        ("bike3", 433, 40, r"bike3: expected at least 433 pictures for bike3, got 40"),
        ("zeppelin", 3, 3, r"zeppelin.txt: UAV123 has no sequence zeppelin"),
    ],
)
def test_uav123_names_what_is_wrong(tmp_path, name, count, pictures, message):
    write_uav(tmp_path, name, count, pictures)
    with pytest.raises(ValueError, match=message):
        uav123.read(tmp_path)


# --- Sequences


def test_pictures_are_played_and_picked(tmp_path):
    write_folder(tmp_path / "plain", (5,))
    draw_pictures(tmp_path / "Dog" / "img", 5, 0)
    save_boxes(tmp_path / "Dog" / "groundtruth_rect.txt", np.ones((5, 4)))
    (listed,) = otb.read(tmp_path)
    (folder,) = FORMATS["folder"](tmp_path / "plain")
    frames = list(listed.frames())
    assert np.array_equal(frames, list(folder.frames()))
    for sequence in (listed, folder):
        picked = sequence.pick([3, 0, 3])
        assert list(picked) == [0, 3]
        assert all(np.array_equal(picked[number], frames[number]) for number in picked)


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    touch_pictures(tmp_path / "Dog" / "img", 1)
    save_boxes(tmp_path / "Dog" / "groundtruth_rect.txt", np.ones((1, 4)))
    (sequence,) = otb.read(tmp_path)
    with pytest.raises(ValueError, match=r"0001.jpg: not a readable picture"):
        list(sequence.frames())


def test_masks_of_another_length(tmp_path):
    (sequence,) = _one(tmp_path)
    with pytest.raises(ValueError, match=r"a: 3 values of absent, but 5 rows of truth"):
        type(sequence)("a", sequence.source, sequence.truth, absent=np.zeros(3, bool))


def _one(tmp_path):
    write_folder(tmp_path, (5,))
    return FORMATS["folder"](tmp_path)
