"""Frames are in the order of their numbers, not of their letters."""

from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.training.readers.files import natural_order, pictures_in


@given(st.lists(st.integers(0, 10**6), unique=True, min_size=2), st.sampled_from(["", "frame", "img_a1_"]))
def test_numbers_count(numbers, prefix):
    names = [f"{prefix}{number}.jpg" for number in numbers]
    assert sorted(names, key=natural_order) == [f"{prefix}{number}.jpg" for number in sorted(numbers)]


def test_pictures_only(tmp_path):
    for name in ("10.JPG", "9.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [file.name for file in pictures_in(tmp_path)] == ["9.png", "10.JPG"]
