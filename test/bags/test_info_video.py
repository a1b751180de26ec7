"""What a bag looks like: in words, and as a video."""

import pytest

pytest.importorskip("rosbags")
from bags.recordings import START, TOPIC, compressed, film, image, noise, storage_file, write
from gradnet_ros.bags.bag import Bag
from gradnet_ros.bags.errors import BagError
from gradnet_ros.bags.info import lines
from gradnet_ros.bags.pictures import PictureTopic
from gradnet_ros.bags.video import export_video
from gradnet_ros.video import open_frames
from support import moving_scene

FRAMES = noise(5)


def test_info(tmp_path):
    messages = [
        *film(FRAMES, [(1, 1, 9, 9)] * 5),
        *film(FRAMES, topic="/rear/compressed", make=compressed),
        ("/bare", START, image(FRAMES[0], 0)),
        ("/odd", START, image(FRAMES[0], START, "nonsense", step=1)),
    ]
    with Bag(write(tmp_path / "bag", messages, "mcap")) as bag:
        text = "\n".join(lines(bag))
    assert f"{tmp_path / 'bag'}: mcap, 5 topics" in text
    assert "/truth             vision_msgs/msg/Detection2D, 5 messages" in text
    assert text.count("60x40 bgr8, 30 Hz") == 1
    assert "60x40 png, 30 Hz" in text
    assert "60x40 bgr8, no header stamps" in text


def test_video(tmp_path):
    frames, _ = moving_scene(6)
    messages = list(film([*frames[:5], *noise(1)], make=compressed))
    messages[2][2].data = messages[2][2].data[:100]
    told = []
    with Bag(write(tmp_path / "bag", messages)) as bag:
        count, left_out = export_video(PictureTopic(bag, TOPIC), tmp_path / "out.mp4", None, told.append)
    assert (count, told) == (4, [1, 2, 3, 4])
    assert [each.number for each in left_out] == [2, 5]
    with open_frames(str(tmp_path / "out.mp4")) as video:
        assert video.fps == pytest.approx(30, abs=0.01)
        pictures = list(video)
    assert len(pictures) == 4
    assert abs(pictures[3].astype(int) - frames[4]).mean() < 15


def test_no_picture_for_a_video(tmp_path):
    messages = [(TOPIC, START, image(FRAMES[0], START, "nonsense"))]
    bag_path = write(tmp_path / "bag", messages)
    assert storage_file(bag_path).is_file()
    with (
        Bag(bag_path) as bag,
        pytest.raises(BagError, match="holds no picture that can be shown: the first: unk"),
    ):
        export_video(PictureTopic(bag, None), tmp_path / "out.mp4", 10, lambda _: None)
    assert not (tmp_path / "out.mp4").exists()
