"""Generated frames can be tracked, files are scaled with their boxes."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from gradnet_ros.bench.clip import Clip, generate_clip, read_clip


def test_it_plays_forth_and_back():
    frames = tuple(np.full((8, 8, 3), number, np.uint8) for number in range(4))
    played = [int(frame[0, 0, 0]) for frame in Clip(frames, (1, 1, 4, 4)).play(9)]
    assert played == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert [frame is frames[0] for frame in Clip(frames[:1], (1, 1, 4, 4)).play(2)] == [True, True]


def test_generated_frames_have_a_target_texture_noise_and_motion():
    clip = generate_clip(320, 240, 6)
    assert clip.size == (320, 240)
    x, y, w, h = (int(value) for value in clip.box)
    target = clip.frames[0][y : y + h, x : x + w].astype(float)
    assert target.std() > 15  # something to match
    differences = [np.abs(a.astype(float) - b).mean() for a, b in pairwise(clip.frames)]
    assert min(differences) > 2
    answers = cv2.matchTemplate(clip.frames[5], target.astype(np.uint8), cv2.TM_CCOEFF_NORMED)
    *_, (left, top) = cv2.minMaxLoc(answers)
    assert answers.max() > 0.8
    assert (left, top) != (x, y)
    assert generate_clip(320, 240, 2).frames[1].tobytes() == clip.frames[1].tobytes()


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((50, 100, 3), 10 * number, np.uint8))
    return tmp_path


def test_a_file_is_scaled(folder):
    clip = read_clip(folder, (10, 10, 20, 30), (200, 200), count=2)
    assert (len(clip.frames), clip.size) == (2, (200, 200))
    assert clip.box == (20, 40, 40, 120)
    assert read_clip(folder, (10, 10, 20, 30)).size == (100, 50)


def test_refusals(folder):
    with pytest.raises(ValueError, match="box centre must lie inside"):
        read_clip(folder, (200, 10, 20, 30))
    with pytest.raises(FileNotFoundError):
        read_clip(folder / "none", (10, 10, 20, 30))
