"""Tiny data sets in every layout: a bright rectangle that moves over a dark picture."""

import json
from pathlib import Path

import cv2
import numpy as np

from gradnet_ros.training.readers.source import AnnotatedTrack
from support import texture

WIDTH, HEIGHT = 160, 120
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 98, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
BRIGHT = 150
"""The object's colours are above, the background's below (mean of the three)."""


def boxes(count: int, seed: int = 0) -> list[tuple[int, int, int, int]]:
    """Where the object is: x, y, w, h with the first pixel at 0."""
    x, y, w, h = 11 + 3 * seed, 17 + 2 * seed, 30 - 2 * (seed % 3), 21 + (seed % 3)
    return [(x + 7 * frame, y + 4 * frame, w + frame, h) for frame in range(count)]


def picture(*targets: tuple[int, int, int, int], seed: int = 0) -> np.ndarray:
    """A dark texture with a bright rectangle at each target."""
    image = texture(np.random.default_rng(seed), HEIGHT, WIDTH, 16) // 4
    for number, (x, y, w, h) in enumerate(targets):
        image[y : y + h, x : x + w] = (40, 210 + 20 * number, 250)
    return image


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image, JPEG)


def write_lines(path: Path, lines) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def write_got10k(
    folder: Path, names=("GOT-10k_Train_000001", "GOT-10k_Train_000002"), count: int = 6
) -> None:
    for seed, name in enumerate(names):
        truth = boxes(count, seed)
        for number, box in enumerate(truth, start=1):
            save(folder / name / f"{number:08d}.jpg", picture(box, seed=seed))
        write_lines(
            folder / name / "groundtruth.txt",
            [f"{x + 1:.4f},{y + 1:.4f},{w:.4f},{h:.4f}" for x, y, w, h in truth],
        )
        write_lines(folder / name / "absence.label", [0] * count)
        write_lines(folder / name / "cover.label", [8] * count)
    write_lines(folder / "list.txt", names)


def write_lasot(folder: Path, names=("airplane-2", "airplane-10", "zebra-1"), count: int = 5) -> None:
    for seed, name in enumerate(names):
        sequence = folder / name.rsplit("-", 1)[0] / name
        truth = boxes(count, seed)
        for number, box in enumerate(truth, start=1):
            save(sequence / "img" / f"{number:08d}.jpg", picture(box, seed=seed))
        write_lines(sequence / "groundtruth.txt", [f"{x + 1},{y + 1},{w},{h}" for x, y, w, h in truth])
        for file in ("full_occlusion.txt", "out_of_view.txt"):
            (sequence / file).write_text(",".join("0" * count))


def write_vid(folder: Path, count: int = 5) -> None:
    """Two snippets; two objects in the first, the second of them from frame 2 on."""
    part = "ILSVRC2015_VID_train_0000"
    for snippet, objects in (("ILSVRC2015_train_00000000", 2), ("ILSVRC2015_train_00000001", 1)):
        first, second = boxes(count, 0), [(100, 8 + 9 * frame, 24, 22) for frame in range(count)]
        for number in range(count):
            shown = {0: first[number]}
            if objects == 2 and number >= 2:
                shown[1] = second[number]
            path = Path("VID/train") / part / snippet / f"{number:06d}"
            save(folder / "Data" / path.with_suffix(".JPEG"), picture(*shown.values()))
            parts = "".join(vid_object(track, box) for track, box in shown.items())
            file = folder / "Annotations" / path.with_suffix(".xml")
            write_lines(file, [f"<annotation><filename>{number:06d}</filename>{parts}", "</annotation>"])


def vid_object(track: int, box: tuple[int, int, int, int]) -> str:
    x, y, w, h = box
    return (
        f"<object><trackid>{track}</trackid><name>n02411705</name><bndbox><xmax>{x + w - 1}</xmax>"
        f"<xmin>{x}</xmin><ymax>{y + h - 1}</ymax><ymin>{y}</ymin></bndbox><occluded>0</occluded></object>"
    )


def write_coco(folder: Path, split: str = "train2017", count: int = 4) -> None:
    """Stills with two objects each, one of them a crowd in the last."""
    images, annotations = [], []
    for number in range(count):
        shown = [boxes(1, number)[0], (100, 60, 40, 33)]
        save(folder / split / f"{number:012d}.jpg", picture(*shown, seed=number))
        images.append(
            {"id": 70 + number, "file_name": f"{number:012d}.jpg", "width": WIDTH, "height": HEIGHT}
        )
        for place, box in enumerate(shown):
            annotations.append(
                {
                    "id": 10 * number + place,
                    "image_id": 70 + number,
                    "category_id": 1,
                    "bbox": [float(value) for value in box],
                    "iscrowd": int(place == 1 and number == count - 1),
                    "segmentation": [[1.0, 2.0, 3.0, 4.0]],
                }
            )
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
    file = folder / "annotations" / f"instances_{split}.json"
    write_lines(file, [json.dumps(content, indent=1)])


def write_otb(folder: Path, names=("cup", "lorry"), count: int = 11, separator: str = ",") -> None:
    """Frames are numbered without leading zeros: 10.jpg comes before 2.jpg by name."""
    for seed, name in enumerate(names):
        truth = boxes(count, seed)
        for number, box in enumerate(truth, start=1):
            save(folder / name / "img" / f"{number}.jpg", picture(box, seed=seed))
        lines = [separator.join(map(str, (x + 1, y + 1, w, h))) for x, y, w, h in truth]
        write_lines(folder / name / "groundtruth_rect.txt", lines)


def assert_on_the_object(track: AnnotatedTrack) -> None:
    """Every box encloses bright pixels, to the pixel, and the pixels around it are dark."""
    assert len(track.images) == len(track.boxes) > 0
    for path, box in zip(track.images, track.boxes, strict=True):
        bright = cv2.imread(str(path)).mean(axis=2) > BRIGHT
        x, y, w, h = (int(value) for value in box)
        assert box == (x, y, w, h)
        inside = bright[y : y + h, x : x + w]
        assert inside.all(), (path, box)
        assert bright[y - 1 : y + h + 1, x - 1 : x + w + 1].sum() == inside.size, (path, box)
