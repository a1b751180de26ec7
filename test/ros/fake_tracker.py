"""A tracker that finds the bright pixels: right by construction, quick, and as slow as a test wants it."""

from __future__ import annotations

import os
import time
from threading import Event

import numpy as np

from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.geometry import check_box, check_image
from gradnet_ros.tracking.track import Track, TrackState

DELAY = "GRADNET_FAKE_DELAY"
"""Environment variable: seconds that finding the target takes."""
LEARN_DELAY = "GRADNET_FAKE_LEARN_DELAY"
"""Environment variable: seconds that learning takes."""
BRIGHT = 128
POISON = 77
"""An image whose first pixel's first value is this makes the tracker fail."""


class FakeTracker:
    """Keeps the contract of ``Tracker``; it has no GPU, and its network no box branch."""

    def __init__(self, network="lite", device="auto", weights=None):
        if device.startswith("cuda"):
            raise ValueError(f"device {device!r} asked for, but 0 CUDA devices are available")
        if network != "lite":
            raise ValueError(f"unknown network {network!r}")
        if weights is not None and not os.path.exists(weights):
            raise FileNotFoundError(f"no such checkpoint: {weights}")
        self.network = network
        self.device = "cpu"
        self.engine = "fake (float32)"
        self.config = TrackerConfig(update_interval=7)  # a network's own setting
        self.template_updates = 0
        self.seen = 0
        self.init_seconds = 0.0
        self.learning = Event()
        self.may_learn = Event()
        self.may_learn.set()
        self.learn_error = None
        self._size = None
        self._lesson = False

    def check(self, config):
        if config.box_branch:
            raise ValueError(f"box_branch must be false: network {self.network!r} has no box branch")

    def configure(self, config):
        self.check(config)
        self.config = config
        self._lesson = self._lesson and config.update_interval > 0

    def reset(self):
        self._size, self._lesson = None, False

    def init(self, image, box):
        check_image(image)
        if image[0, 0, 0] == POISON:
            raise RuntimeError("poisoned")
        time.sleep(self.init_seconds)
        box = check_box(box, image.shape[1], image.shape[0])
        self._size, self._lesson, self.template_updates, self.seen = box[2:], False, 0, 1
        return Track(box, 0.9, TrackState.TRACKED, 1.0, False)

    def locate(self, image):
        if self._size is None:
            raise ValueError("no target")
        self.learn()
        time.sleep(float(os.environ.get(DELAY, "0")))
        if image[0, 0, 0] == POISON:
            raise RuntimeError("poisoned")
        self.seen += 1
        interval = self.config.update_interval
        self._lesson = interval > 0 and self.seen % interval == 0
        rows, columns = np.nonzero(image[:, :, 0] > BRIGHT)
        w, h = self._size
        if len(rows) == 0:
            return Track((0.0, 0.0, w, h), 0.1, TrackState.LOST, 1.0, self._lesson)
        x, y = columns.min(), rows.min()
        return Track((float(x), float(y), w, h), 0.9, TrackState.TRACKED, 1.0, self._lesson)

    def learn(self):
        if not self._lesson:
            return False
        self._lesson = False
        self.learning.set()
        assert self.may_learn.wait(60)
        time.sleep(float(os.environ.get(LEARN_DELAY, "0")))
        if self.learn_error is not None:
            raise self.learn_error
        self.template_updates += 1
        return True


def make_fake(network, device, weights, engine="auto"):
    return FakeTracker(network, device, weights)
