"""Pictures of a topic: which topic, which of them, and what they look like."""

import numpy as np
import pytest

pytest.importorskip("rosbags")
from bags.recordings import (
    RECORDED_LATER,
    START,
    TOPIC,
    TRUTH,
    compressed,
    detection,
    film,
    header,
    image,
    noise,
    stamp_of,
    write,
)
from gradnet_ros.bags.bag import Bag
from gradnet_ros.bags.errors import BagError
from gradnet_ros.bags.pictures import PictureTopic
from gradnet_ros.ros.images import to_bgr

FRAMES = noise(6)


def pictures(path, topic=None, stamps="header"):
    with Bag(path) as bag:
        found = PictureTopic(bag, topic, stamps)
        return list(found.pictures()), found.left_out


def test_raw_and_compressed_pictures_come_out_as_they_went_in(tmp_path):
    for name, make in (("raw", image), ("compressed", compressed)):
        found, left_out = pictures(write(tmp_path / name, film(FRAMES, make=make)))
        assert [each.number for each in found] == list(range(6))
        assert all((each.pixels == frame).all() for each, frame in zip(found, FRAMES, strict=True))
        assert [each.stamp for each in found] == [stamp_of(number) for number in range(6)]
        assert found[2].recorded == stamp_of(2) + RECORDED_LATER
        assert found[0].frame_id == "camera"
        assert left_out == []


@pytest.mark.parametrize(
    "encoding", ["rgb8", "8UC3", "mono8", "bgra8", "bayer_rggb8", "yuv422_yuy2", "mono16"]
)
def test_encodings_are_read_as_the_node_reads_them(encoding, tmp_path):
    shape = {"bgra8": (40, 60, 4), "mono8": (40, 60), "bayer_rggb8": (40, 60), "yuv422_yuy2": (40, 60, 2)}
    kind = np.uint16 if encoding == "mono16" else np.uint8
    pixels = np.random.default_rng(1).integers(
        0, 256, shape.get(encoding, (40, 60, 3)[: 2 if kind is np.uint16 else 3])
    )
    message = image(np.ascontiguousarray(pixels.astype(kind)), START, encoding, height=40, width=60)
    ((found,), _) = pictures(write(tmp_path / "bag", [(TOPIC, START, message)]))
    assert (found.pixels == to_bgr(message)).all()
    assert found.pixels.shape == (40, 60, 3)


def test_what_cannot_be_tracked_is_left_out_and_told(tmp_path):
    def at(number, **changes):
        return image(FRAMES[number], stamp_of(number), **changes)

    messages = [at(0), at(1, encoding="32FC7"), at(3), at(2), at(4, header=header(0)), at(5)]
    path = write(tmp_path / "bag", [(TOPIC, START + n, message) for n, message in enumerate(messages)])
    found, left_out = pictures(path)
    assert [each.number for each in found] == [0, 2, 5]
    assert [each.number for each in left_out] == [1, 3, 4]
    assert "32FC7" in left_out[0].why
    assert left_out[1].why == (
        "out of order: stamp 1700000000.066666666 s after one with 1700000000.099999999 s"
    )
    assert "no stamp in its header (--stamps record" in left_out[2].why


def test_a_jump_back_begins_a_new_stream_as_in_the_node(tmp_path):
    times = [50, 51, 10, 11]  # seconds
    messages = [
        (TOPIC, START + n, image(FRAMES[n], second * 1_000_000_000)) for n, second in enumerate(times)
    ]
    found, left_out = pictures(write(tmp_path / "bag", messages))
    assert [each.stamp // 1_000_000_000 for each in found] == times
    assert left_out == []


def test_stamps_of_the_recording(tmp_path):
    messages = [(TOPIC, stamp_of(n) + 7, image(frame, 0)) for n, frame in enumerate(FRAMES)]
    path = write(tmp_path / "bag", messages)
    assert pictures(path)[0] == []
    found, left_out = pictures(path, stamps="record")
    assert [each.stamp for each in found] == [stamp_of(n) + 7 for n in range(6)]
    assert (found[1].message.header.stamp.sec, found[1].message.header.stamp.nanosec) == divmod(
        stamp_of(1) + 7, 1_000_000_000
    )
    assert left_out == []


def test_bytes_that_are_no_picture(tmp_path):
    from rosbags.rosbag2 import Writer

    from gradnet_ros.bags.types import IMAGE, typestore

    with Writer(tmp_path / "bag", version=8) as writer:
        topic = writer.add_connection(TOPIC, IMAGE, typestore=typestore())
        good = typestore().serialize_cdr(image(FRAMES[0], START), IMAGE)
        for number, data in enumerate([b"", b"\0\1\0\0garbage", good[:-50], good]):
            writer.write(topic, START + number, bytes(data))
    found, left_out = pictures(tmp_path / "bag")
    assert [each.number for each in found] == [3]
    assert all("cannot be read as sensor_msgs/msg/Image" in each.why for each in left_out)


class TestChoice:
    @pytest.fixture
    def path(self, tmp_path):
        messages = [
            *film(FRAMES, [(1, 1, 9, 9)] * 6),
            *film(FRAMES[:2], topic="/rear/image", make=compressed),
        ]
        return write(tmp_path / "bag", messages)

    def error_of(self, path, topic):
        with Bag(path) as bag, pytest.raises(BagError) as caught:
            PictureTopic(bag, topic)
        return str(caught.value)

    def test_two_topics_ask_which(self, path):
        assert self.error_of(path, None) == (
            f"{path}: --image-topic is needed; topics with pictures: /camera/image_raw (6 messages),"
            " /rear/image (2 messages)"
        )
        assert len(pictures(path, "/rear/image")[0]) == 2

    def test_a_topic_that_is_not_there(self, path):
        message = self.error_of(path, "/front/image")
        assert "no topic /front/image; it has" in message
        assert "/truth (vision_msgs/msg/Detection2D, 6 messages)" in message

    def test_a_topic_without_pictures(self, path):
        assert f"{TRUTH} is of type vision_msgs/msg/Detection2D, not pictures" in self.error_of(path, TRUTH)

    def test_no_pictures_at_all(self, tmp_path):
        path = write(tmp_path / "other", [(TRUTH, START, detection((1, 1, 9, 9), START))])
        assert "no topic has pictures" in self.error_of(path, None)

    def test_an_empty_bag(self, tmp_path):
        from rosbags.rosbag2 import Writer

        from gradnet_ros.bags.types import IMAGE, typestore

        path = write(tmp_path / "nothing", [])
        assert "no topic has pictures" in self.error_of(path, None)
        with Writer(tmp_path / "silent", version=8) as writer:
            writer.add_connection(TOPIC, IMAGE, typestore=typestore())
        assert f"{TOPIC} holds no messages" in self.error_of(tmp_path / "silent", None)
