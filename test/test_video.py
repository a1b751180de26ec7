"""Sources of frames."""

import resource
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.video import VideoWriter, natural_order, open_frames, pictures_in, read_picture
from support import texture


def test_a_video_gives_its_frames_count_and_speed(tmp_path):
    path = tmp_path / "clip.mp4"
    frames = [texture(np.random.default_rng(n), 48, 64, 16) for n in range(5)]
    with VideoWriter(path, 12.5) as writer:
        for frame in frames:
            writer.write(frame)
    with open_frames(str(path)) as opened:
        assert (opened.count, opened.fps) == (5, 12.5)
        read = list(opened)
    assert len(read) == 5
    assert np.abs(read[3].astype(int) - frames[3]).mean() < 20


@given(st.lists(st.integers(0, 10**6), unique=True, min_size=2), st.sampled_from(["", "frame", "img_a1_"]))
def test_numbers_count(numbers, prefix):
    names = [f"{prefix}{number}.jpg" for number in numbers]
    assert sorted(names, key=natural_order) == [f"{prefix}{number}.jpg" for number in sorted(numbers)]


def test_pictures_only(tmp_path):
    for name in ("10.JPG", "9.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [file.name for file in pictures_in(tmp_path)] == ["9.png", "10.JPG"]


def test_pictures_are_read_as_they_are_stored(tmp_path):
    """The camera's orientation is not applied: boxes of data sets count stored pixels."""
    data = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    tag = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    path = tmp_path / "turned.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(tag) + 2).to_bytes(2, "big") + tag + data[2:])
    assert cv2.imread(str(path)).shape == (64, 48, 3)
    assert read_picture(path).shape == (48, 64, 3)


def test_pictures_come_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), number, np.uint8))
    with open_frames(str(tmp_path)) as frames:
        assert frames.count == 3
        assert [int(frame[0, 0, 0]) for frame in frames] == [1, 2, 10]


def test_missing_and_empty_sources(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such video file, folder or camera"), open_frames("none"):
        pass
    with pytest.raises(FileNotFoundError, match=r"no pictures"), open_frames(str(tmp_path)):
        pass


def test_a_broken_picture_is_named(tmp_path):
    (tmp_path / "0.png").write_bytes(b"nothing")
    with (
        open_frames(str(tmp_path)) as frames,
        pytest.raises(ValueError, match=r"0.png: not a readable picture"),
    ):
        list(frames)


def test_an_absent_camera():
    with pytest.raises(ValueError, match=r"97: cannot be opened as a camera"), open_frames("97"):
        pass


@pytest.mark.parametrize("fps", [1 / 3, 29.97, 66.667, 200.123, 655.36])
def test_any_rate_can_be_written(fps, tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", fps) as writer:
        for _ in range(3):
            writer.write(np.zeros((16, 16, 3), np.uint8))
    with open_frames(str(tmp_path / "clip.mp4")) as frames:
        assert frames.count == 3
        assert frames.fps == pytest.approx(fps, rel=2e-3)


def test_a_name_with_a_colon_is_no_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with VideoWriter(Path("2026-05-01T12:30:05.mp4"), 25) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8))
    with open_frames("2026-05-01T12:30:05.mp4") as frames:
        assert len(list(frames)) == 1


def test_a_full_disk_is_told(tmp_path):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = np.random.default_rng(0)
    writer = VideoWriter(tmp_path / "clip.mp4", 25)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limit[1]))
    try:
        for _ in range(20):
            writer.write(noise.integers(0, 255, (96, 128, 3), np.uint8))
        with pytest.raises(ValueError, match=r"clip.mp4: \d+ of 20 frames could be written; is the disk"):
            writer.__exit__(None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_a_video_that_cannot_be_written(tmp_path):
    with (
        VideoWriter(tmp_path / "none" / "clip.mp4", 25) as writer,
        pytest.raises(ValueError, match=r"cannot be written as a video"),
    ):
        writer.write(np.zeros((16, 16, 3), np.uint8))
