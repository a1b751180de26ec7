"""COCO: stills, without crowds."""

import json

import pytest

from gradnet_ros.training.readers import coco
from training.readers.layouts import assert_on_the_object, write_coco


def rewrite(folder, change):
    file = folder / "annotations" / "instances_train2017.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_tracks(tmp_path):
    write_coco(tmp_path)
    source = coco.read(tmp_path, 0)
    assert source.sequences == tuple(f"train2017/{number:012d}.jpg" for number in range(4))
    tracks = [track for name in source.sequences for track in source.read(name)]
    assert len(tracks) == 7  # eight objects, one of them a crowd
    assert tracks[1].name == "train2017/000000000000.jpg#1"
    for track in tracks:
        assert len(track.images) == 1
        assert_on_the_object(track)


def test_pictures_below_images(tmp_path):
    write_coco(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "train2017").rename(tmp_path / "images" / "train2017")
    source = coco.read(tmp_path, 0)
    assert_on_the_object(source.read(source.sequences[0])[0])


def test_a_split_without_pictures_is_left_out(tmp_path):
    write_coco(tmp_path)
    (tmp_path / "annotations" / "instances_val2017.json").write_text("not even read")
    source = coco.read(tmp_path, 0)
    assert len(source.sequences) == 4
    assert source.notes == ("instances_val2017.json is left out: no pictures in val2017/ or images/val2017/",)
    (tmp_path / "train2017").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"no pictures in train2017/"):
        coco.read(tmp_path, 0)


def test_pictures_without_objects_are_no_sequence(tmp_path):
    write_coco(tmp_path)
    rewrite(tmp_path, lambda content: content["annotations"].clear())
    with pytest.raises(FileNotFoundError, match="no pictures with annotated objects"):
        coco.read(tmp_path, 0)


def test_another_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no annotations/instances_<split>.json below"):
        coco.read(tmp_path, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("images"), r"instances_train2017.json: expected an object with a list 'images'"),
        (lambda c: c["images"][2].pop("id"), r"images\[2\]: expected id and file_name"),
        (lambda c: c["annotations"][3].pop("bbox"), r"annotations\[3\]: expected id, image_id .* and bbox"),
        (
            lambda c: c["annotations"][3].update(bbox=[1, 2, 3]),
            r"annotations\[3\]: .*bbox \[x, y, w, h\], got",
        ),
        (lambda c: c["annotations"][1].update(bbox=[1, 2, 3, float("nan")]), r"annotations\[1\]"),
        (lambda c: c["annotations"][0].update(image_id=5), r"annotations\[0\]: .*image_id of a listed image"),
    ],
)
def test_a_malformed_annotation_is_named(tmp_path, change, message):
    write_coco(tmp_path)
    rewrite(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        coco.read(tmp_path, 0)


def test_a_file_that_is_no_json(tmp_path):
    write_coco(tmp_path)
    (tmp_path / "annotations" / "instances_train2017.json").write_text('{"images": [],\n nonsense')
    with pytest.raises(ValueError, match=r"instances_train2017.json:2: expected JSON"):
        coco.read(tmp_path, 0)
