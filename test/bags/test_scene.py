"""Truth and start: which picture the target is in first, and what is known of the others."""

import numpy as np
import pytest

pytest.importorskip("rosbags")
from bags.recordings import (
    RECORDED_LATER,
    START,
    TOPIC,
    TRUTH,
    detection,
    film,
    image,
    noise,
    stamp_of,
    write,
)
from gradnet_ros.bags.bag import Bag
from gradnet_ros.bags.errors import BagError
from gradnet_ros.bags.pictures import PictureTopic
from gradnet_ros.bags.scene import Scene
from gradnet_ros.bags.truth import Truth, read_truth_file, read_truth_topic

FRAMES = noise(5)
BOXES = [(3.3 + number, 4.7, 20.1, 11.9) for number in range(5)]
NAN = float("nan")


@pytest.fixture
def bag(tmp_path):
    with Bag(write(tmp_path / "bag", film(FRAMES, BOXES))) as bag:
        yield bag


def truth_file(tmp_path, rows):
    path = tmp_path / "truth.txt"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return read_truth_file(path)


def test_a_topic_is_matched_by_stamps(bag):
    scene = Scene(PictureTopic(bag, None), read_truth_topic(bag, TRUTH))
    pictures = list(scene.play())
    assert np.array([scene.truth.box(each) for each in pictures]) == pytest.approx(np.array(BOXES))
    assert not scene.truth.complete


def test_a_file_is_matched_by_lines(bag, tmp_path):
    scene = Scene(PictureTopic(bag, None), truth_file(tmp_path, BOXES))
    assert [scene.truth.box(each) for each in scene.play()] == BOXES
    assert scene.truth.complete


def test_the_start_is_the_first_true_box(bag, tmp_path):
    rows = [(NAN,) * 4, (0, 0, 0, 0), *BOXES[2:]]
    scene = Scene(PictureTopic(bag, None), truth_file(tmp_path, rows))
    pictures = list(scene.play())
    assert [each.number for each in pictures] == [2, 3, 4]
    assert scene.start_box(pictures[0]) == pytest.approx(BOXES[2])
    assert [(each.number, each.why) for each in scene.left_out] == [
        (0, "before the first box of the truth"),
        (1, "before the first box of the truth"),
    ]


def test_a_given_box_starts_at_the_first_picture(bag):
    scene = Scene(PictureTopic(bag, None), read_truth_topic(bag, TRUTH), init=(10, 10, 20, 15))
    first = next(scene.play())
    assert (first.number, scene.start_box(first)) == (0, (10, 10, 20, 15))


def test_a_box_outside_names_the_picture(bag):
    scene = Scene(PictureTopic(bag, None), init=(100, 100, 20, 20))
    with pytest.raises(BagError, match=r"bag: picture 0 of /camera/image_raw: box centre must lie inside"):
        scene.start_box(next(scene.play()))


def test_no_target(bag):
    with pytest.raises(BagError, match="--init X,Y,W,H, --truth-topic or --truth is needed"):
        Scene(PictureTopic(bag, None), Truth())


def test_a_file_of_another_length(bag, tmp_path):
    with pytest.raises(BagError, match=r"truth\.txt: 4 lines, but /camera/image_raw of .*bag has 5 pictures"):
        Scene(PictureTopic(bag, None), truth_file(tmp_path, BOXES[:4]))


def test_pictures_of_another_size_are_left_out(tmp_path):
    frames = [*FRAMES[:2], *noise(1, (50, 60)), FRAMES[3]]
    with Bag(write(tmp_path / "bag", film(frames))) as bag:
        scene = Scene(PictureTopic(bag, None), init=(1, 1, 9, 9))
        assert [each.number for each in scene.play()] == [0, 1, 3]
        assert [each.why for each in scene.left_out] == ["its size is 60x50, that of the first 60x40"]


def test_nothing_to_start_on(tmp_path):
    with Bag(write(tmp_path / "bag", film(FRAMES))) as bag:
        scene = Scene(PictureTopic(bag, None), Truth(by_stamp={}, where="/labels"))
        message = r"none of 5 pictures .* picture 0: before the first box .*/labels"
        with pytest.raises(BagError, match=message):
            list(scene.play())


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (detection((1, 1, 9, 9), START, theta=0.5), r"message 1: center\.theta must be 0, got 0\.5"),
        (detection((2, 1, 9, 9), START), r"message 1: a second box for stamp 1700000000\.000000000 s"),
    ],
)
def test_a_truth_that_is_none(second, message, tmp_path):
    first = detection((1, 1, 9, 9), START)
    messages = [(TOPIC, START, image(FRAMES[0], START)), (TRUTH, START, first), (TRUTH, START + 1, second)]
    with Bag(write(tmp_path / "bag", messages)) as bag, pytest.raises(BagError, match=message):
        read_truth_topic(bag, TRUTH)


def test_a_truth_topic_of_another_type(bag):
    with pytest.raises(BagError, match=r"/camera/image_raw is of type sensor_msgs/msg/Image, not"):
        read_truth_topic(bag, TOPIC)


def test_pictures_without_truth_are_unknown(tmp_path):
    messages = [
        each
        for each in film(FRAMES, BOXES)
        if each[0] == TOPIC or each[1] != stamp_of(2) + RECORDED_LATER + 1
    ]
    with Bag(write(tmp_path / "bag", messages)) as bag:
        scene = Scene(PictureTopic(bag, None), read_truth_topic(bag, TRUTH))
        known = [not np.isnan(scene.truth.box(each)).any() for each in scene.play()]
    assert known == [True, True, False, True, True]
