"""What several tests share: a synthetic scene, small networks, the data folder."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gradnet_ros.nn.checkpoint import CheckpointError, shipped_weights
from gradnet_ros.nn.gradnet import GradNet


def texture(rng: np.random.Generator, height: int, width: int, grain: int) -> np.ndarray:
    """A random picture with structure at about ``grain`` pixels."""
    small = rng.integers(0, 256, (height // grain + 2, width // grain + 2, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def moving_scene(
    count: int, size: tuple[int, int] = (320, 240), target: tuple[int, int] = (48, 40), seed: int = 0
) -> tuple[list[np.ndarray], np.ndarray]:
    """A textured patch that moves over a textured background: frames and (N, 4) boxes."""
    rng = np.random.default_rng(seed)
    width, height = size
    w, h = target
    background = texture(rng, height, width, 24)
    patch = texture(rng, h, w, 8)
    frames, boxes = [], []
    for number in range(count):
        x = int((width - w) / 2 + 0.3 * width * np.sin(number / 12))
        y = int((height - h) / 2 + 0.2 * height * np.sin(number / 9 + 1) - 0.2 * height * np.sin(1))
        frame = background.copy()
        frame[y : y + h, x : x + w] = patch
        frames.append(frame)
        boxes.append((x, y, w, h))
    return frames, np.array(boxes, float)


@cache
def random_network(network: str) -> GradNet:
    """A network with random weights in which every part does something; do not change it."""
    torch.manual_seed(0)
    net = GradNet(network)
    with torch.no_grad():
        for part in (net.encoder, net.box):
            for parameter in part.parameters() if part is not None else ():
                if parameter.dim() == 4 and not parameter.any():
                    parameter.normal_(std=0.05)
    return net.eval().requires_grad_(False)


def need_weights(network: str = "lite") -> None:
    """Skip where the package carries no weights (a checkout without them)."""
    try:
        shipped_weights(network)
    except CheckpointError as error:
        pytest.skip(str(error))


def data_folder() -> Path:
    """The development data; skips where ``GRADNET_DATA`` does not name it."""
    folder = os.environ.get("GRADNET_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("GRADNET_DATA does not name the folder of development data")
    return Path(folder)
