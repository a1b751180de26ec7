import pytest
from labels import Labels, read_labels


def test_the_clips_labels(labels):
    assert len(labels.boxes) == 25
    assert list(labels.boxes)[-1] == 119
    assert labels.boxes[0] == (58.7, 13.3, 56.0, 86.7)


def test_interpolation_is_linear_and_exact_on_labels():
    labels = Labels({10: (10.0, 0.0, 20.0, 30.0), 0: (0.0, 10.0, 10.0, 30.0)})
    assert labels.interpolate(0) == labels.boxes[0]
    assert labels.interpolate(10) == labels.boxes[10]
    assert labels.interpolate(5) == pytest.approx((5, 5, 15, 30))
    assert labels.interpolate(11) is None
    assert labels.interpolate(-1) is None


def test_the_first_frame_must_be_labelled():
    with pytest.raises(ValueError, match="frame 0"):
        Labels({5: (0.0, 0.0, 1.0, 1.0)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line"),
        ("x,y,w,h\n1,2,3,4\n", "first line"),
        ("frame,x,y,w,h\n0,1,2,3\n", ":2: expected"),
        ("frame,x,y,w,h\n0,1,2,3,4\none,1,2,3,4\n", ":3: expected"),
        ("frame,x,y,w,h\n0,1,2,0,4\n", ":2: not a box"),
        ("frame,x,y,w,h\n0,1,nan,3,4\n", ":2: not a box"),
        ("frame,x,y,w,h\n-1,1,2,3,4\n", ":2: not a box"),
    ],
)
def test_bad_tables(tmp_path, text, message):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_labels(path)
