"""What came of a bag: as an evaluation, as a table, as another bag."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rosbags")
from bags.recordings import RECORDED_LATER, STORAGES, TRUTH, film, noise, stamp_of, storage_file, write
from gradnet_ros.bags.bag import Bag
from gradnet_ros.bags.outcome import Outcome, finding_of, row_of, to_evaluation, write_rows
from gradnet_ros.bags.pictures import PictureTopic
from gradnet_ros.bags.scene import Scene
from gradnet_ros.bags.truth import Truth, read_truth_topic
from gradnet_ros.bags.types import DETECTION, typestore
from gradnet_ros.bags.writer import detection_topic, to_message, write_detections
from gradnet_ros.ros.bbox import as_received
from gradnet_ros.tracking.track import Track, TrackState

FRAMES = noise(4)
BOXES = [(3.3 + number, 4.7, 20.1, 11.9) for number in range(4)]
STATES = [TrackState.TRACKED, TrackState.UNCERTAIN, TrackState.LOST, TrackState.TRACKED]
SCORES = [0.9, 0.4, 0.1, 0.8]


@pytest.fixture
def bag(tmp_path):
    with Bag(write(tmp_path / "bag", film(FRAMES, BOXES))) as bag:
        yield bag


def outcome_of(scene):
    tracks = [
        Track(tuple(value + 1 for value in box), score, state, 1.0, False)
        for box, score, state in zip(BOXES, SCORES, STATES, strict=True)
    ]
    rows = [
        row_of(picture, scene, finding_of(track), 0.1)
        for picture, track in zip(scene.play(), tracks, strict=True)
    ]
    return Outcome(scene, rows, updates=2)


@pytest.fixture
def outcome(bag):
    return outcome_of(Scene(PictureTopic(bag, None), read_truth_topic(bag, TRUTH)))


def test_evaluation(outcome):
    evaluation = to_evaluation(outcome, "gradnet", {"network": "lite"})
    (sequence,) = evaluation.sequences
    result = evaluation.results["gradnet"]["bag"]
    assert (evaluation.benchmark, sequence.name, result.updates) == ("bag", "bag", 2)
    assert result.boxes == pytest.approx(np.array(BOXES) + 1)
    assert np.isnan(result.scores[0])
    assert result.scores[1:].tolist() == [0.4, 0.0, 0.8]  # a lost target's score is in no message
    assert result.lost.tolist() == [False, False, True, False]
    assert sequence.truth == pytest.approx(np.array(BOXES))
    assert not sequence.is_absent().any()
    assert all((frame == given).all() for frame, given in zip(sequence.frames(), FRAMES, strict=True))
    assert (sequence.pick([2])[2] == FRAMES[2]).all()


def test_a_dropped_picture_has_the_last_box(outcome):
    rows = list(outcome.rows)
    rows[1] = replace(rows[1], finding=None, seconds=float("nan"))
    result = to_evaluation(Outcome(outcome.scene, rows, 0), "t", {}).results["t"]["bag"]
    assert result.boxes[1].tolist() == result.boxes[0].tolist()
    assert np.isnan(result.seconds[1])


def test_only_a_truth_with_every_line_tells_of_absence(bag):
    absent = (float("nan"),) * 4
    truth = Truth(by_number=[*BOXES[:3], absent], complete=True)
    (sequence,) = to_evaluation(outcome_of(Scene(PictureTopic(bag, None), truth)), "t", {}).sequences
    assert sequence.is_absent().tolist() == [False, False, False, True]
    blind = outcome_of(Scene(PictureTopic(bag, None), init=(1, 1, 9, 9)))
    (sequence,) = to_evaluation(blind, "t", {}).sequences
    assert not sequence.is_absent().any()
    assert not sequence.counts().any()


def test_table(outcome, tmp_path):
    rows = [*outcome.rows[:3], replace(outcome.rows[3], finding=None)]
    write_rows(rows, tmp_path / "frames.csv")
    lines = (tmp_path / "frames.csv").read_text().splitlines()
    assert lines[0] == "picture,recorded_ns,stamp_ns,x,y,w,h,score,state"
    first = lines[1].split(",")
    assert first[:3] == ["0", str(stamp_of(0) + RECORDED_LATER), str(stamp_of(0))]
    assert tuple(map(float, first[3:7])) == as_received(tuple(value + 1 for value in BOXES[0]))
    assert first[7:] == ["0.9", "TRACKED"]
    assert lines[3].endswith(",,LOST")
    assert lines[4].endswith(",,,,,,DROPPED")


@pytest.mark.parametrize("storage", STORAGES)
def test_detections_are_the_same_bytes_every_time_and_read_back(storage, outcome, tmp_path):
    digests = set()
    for run in ("first", "second"):
        path = tmp_path / run / "detections"
        path.parent.mkdir()
        write_detections(outcome.rows, path, storage, "/camera/image_raw", ("cup", "mug"))
        files = sorted(path.iterdir())
        digests.add(tuple((file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files))
    assert len(digests) == 1
    with Bag(path) as bag:
        assert [(topic.name, topic.type) for topic in bag.topics] == [("/camera/detection", DETECTION)]
        records = list(bag.messages("/camera/detection"))
        assert read_truth_topic(bag, "/camera/detection").by_stamp == {
            row.stamp: row.finding.box for row in outcome.rows
        }
    assert [record.recorded for record in records] == [stamp_of(n) + RECORDED_LATER for n in range(4)]
    messages = [typestore().deserialize_cdr(record.data, DETECTION) for record in records]
    assert [[each.hypothesis.score for each in message.results] for message in messages] == [
        [0.9], [0.4], [], [0.8],
    ]  # fmt: skip
    assert {(message.id, message.header.frame_id) for message in messages} == {("cup", "camera")}
    assert messages[0].results[0].hypothesis.class_id == "mug"
    assert storage_file(path).suffix == {"sqlite3": ".db3", "mcap": ".mcap"}[storage]
    with pytest.raises(ValueError, match="exists already"):
        write_detections(outcome.rows, path, storage, "/camera/image_raw", ("cup", ""))


def test_messages_are_byte_for_byte_the_nodes(outcome):
    pytest.importorskip("rclpy")
    from rclpy.serialization import serialize_message
    from std_msgs.msg import Header

    from gradnet_ros.ros.messages import to_detection

    for row, box, score, state in zip(outcome.rows, BOXES, SCORES, STATES, strict=True):
        head = Header(frame_id=row.frame_id)
        head.stamp.sec, head.stamp.nanosec = divmod(row.stamp, 1_000_000_000)
        track = Track(tuple(value + 1 for value in box), score, state, 1.0, False)
        expected = serialize_message(to_detection(track, head, "cup", "mug"))
        found = bytes(typestore().serialize_cdr(to_message(row, row.finding, ("cup", "mug")), DETECTION))
        assert found == expected[: len(found)]
        assert len(expected) - len(found) < 4  # padding


@pytest.mark.parametrize(
    ("pictures", "beside"),
    [
        ("/camera/image_raw", "/camera/detection"),
        ("/camera/image_raw/compressed", "/camera/detection"),
        ("/image", "/detection"),
    ],
)
def test_detections_lie_beside_the_pictures(pictures, beside):
    assert detection_topic(pictures) == beside
