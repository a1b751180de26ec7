"""A small folder of training shards, made of random textures."""

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np

from support import texture


def write_shards(folder: Path, tracks: int = 6, scenes: int = 3) -> None:
    """Tracks of one or three crops (the target is a bright disc at the centre) and plain scenes."""
    rng = np.random.default_rng(0)
    lines = []
    with tarfile.open(folder / "crops-00.tar", "w") as tar:
        for number in range(tracks):
            names = []
            for crop in range(3 if number % 2 else 1):
                picture = texture(rng, 320, 320, 20) // 2
                cv2.circle(picture, (160, 160), 24, (255, 255, 255), -1)
                names.append(f"{number}-{crop}.webp")
                _add(tar, names[-1], picture)
            lines.append(
                {
                    "track": number,
                    "source": f"source {number // 3}",
                    "licence": "CC0",
                    "shard": "crops-00.tar",
                    "crops": names,
                    "boxes": [[48, 48]] * len(names),
                }
            )
    (folder / "index.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with tarfile.open(folder / "scenes-00.tar", "w") as tar:
        for number in range(scenes):
            _add(tar, f"scene{number}.webp", texture(rng, 300, 400, 10))
    scene_lines = [
        {"scene": f"scene{n}.webp", "shard": "scenes-00.tar", "source": "made"} for n in range(scenes)
    ]
    (folder / "scenes.jsonl").write_text("\n".join(map(json.dumps, scene_lines)))


def _add(tar: tarfile.TarFile, name: str, picture: np.ndarray) -> None:
    # Without a quality the encoder is lossless, and takes seven times as long.
    data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 95])[1].tobytes()
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
