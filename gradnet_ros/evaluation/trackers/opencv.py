"""OpenCV's trackers, to be evaluated beside ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gradnet_ros.evaluation.trackers.fingerprint import fingerprint
from gradnet_ros.evaluation.trackers.interface import Answer
from gradnet_ros.tracking.geometry import check_box, check_image
from gradnet_ros.tracking.track import Box

CLASSES = {
    "csrt": "TrackerCSRT",
    "kcf": "TrackerKCF",
    "mil": "TrackerMIL",
    "nano": "TrackerNano",
    "vit": "TrackerVit",
}
"""Names of trackers -> OpenCV's classes."""
CONTRIB = frozenset({"csrt", "kcf"})
"""Those that only a build with the contrib modules has."""
MODELS = {"nano": "a folder with the backbone's and the head's ONNX files", "vit": "an ONNX file"}
"""Those that need a model, and what it is."""

_MIL_SMALLEST = 5
"""Below this side, pixels, TrackerMIL looks for features for ever."""


class OpenCVTracker:
    """One of OpenCV's trackers.

    OpenCV starts on whole pixels: the box is rounded. Where the tracker says that it failed (OpenCV gives no
    box then), the last box is kept and called lost. So is the first box on a target that the tracker cannot
    be started on though image and box are in order, such as one at the image's edge: that is the tracker's
    failure, not the caller's.

    Args:
        name: one of :data:`CLASSES`.
        factory: makes a tracker of OpenCV; a fresh one is made for every target.
        about: what a report says of it.
    """

    def __init__(self, name: str, factory: Callable[[], Any], about: Mapping[str, str]) -> None:
        self._name, self._factory, self._about = name, factory, dict(about)
        self._tracker: Any = None
        self._box: Box | None = None

    @property
    def about(self) -> Mapping[str, str]:
        """OpenCV's version, class and model."""
        return self._about

    def init(self, frame: NDArray[np.uint8], box: Box) -> None:
        """Start on a target.

        Raises:
            ValueError: a bad image or box.
        """
        image = check_image(frame)
        self._box = check_box(box, image.shape[1], image.shape[0])
        x, y, w, h = (round(value) for value in self._box)
        self._tracker = None
        if self._name == "mil" and min(w, h) < _MIL_SMALLEST:
            return
        tracker = self._factory()
        try:
            tracker.init(image, (x, y, w, h))
        except cv2.error:
            return
        self._tracker = tracker

    def update(self, frame: NDArray[np.uint8]) -> Answer:
        """Find the target in the next frame.

        Raises:
            ValueError: no target yet, or a bad image.
        """
        if self._box is None:
            raise ValueError("no target: call init(frame, box) before update(frame)")
        image = check_image(frame)
        if self._tracker is None:
            return Answer(self._box, float("nan"), lost=True)
        try:
            found, box = self._tracker.update(image)
        except cv2.error:
            found = False
        if found:
            x, y, w, h = (float(value) for value in box)
            self._box = (x, y, w, h)
        return Answer(self._box, self._score(), not found)

    def _score(self) -> float:
        if not hasattr(self._tracker, "getTrackingScore"):
            return float("nan")
        return float(self._tracker.getTrackingScore())


@dataclass(frozen=True)
class OpenCVSpec:
    """How to make one of OpenCV's trackers.

    Attributes:
        name: one of :data:`CLASSES`.
        model: what :data:`MODELS` says, where it needs one.
    """

    name: str
    model: Path | None = None

    def make(self) -> OpenCVTracker:
        """Make the tracker.

        Raises:
            ValueError: this build of OpenCV does not have it, or its model is missing or cannot be read.
        """
        kind = CLASSES[self.name]
        create = getattr(cv2, f"{kind}_create", None)
        if create is None:
            raise ValueError(f"tracker {self.name}: {_why_missing(self.name)}")
        about = {"implementation": f"OpenCV {cv2.__version__} {kind}", "device": "cpu"}
        if self.model is None:
            return OpenCVTracker(self.name, create, about)
        parameters = getattr(cv2, f"{kind}_Params")()
        files = _model_files(self.name, self.model)
        for field, path in files.items():
            setattr(parameters, field, str(path))
        about["model"] = fingerprint(self.model.name, files.values())
        tracker = OpenCVTracker(self.name, lambda: create(parameters), about)
        try:
            create(parameters)
        except cv2.error as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"tracker {self.name}: {self.model}: OpenCV cannot read it: {reason}") from error
        return tracker


def _why_missing(name: str) -> str:
    text = f"not in this OpenCV ({cv2.__version__})"
    if name not in CONTRIB:
        return f"{text}; it comes with newer versions"
    return (
        f"{text}, which was built without the contrib modules; uninstall the OpenCV wheel that is there, then"
        " pip install opencv-contrib-python-headless (or opencv-contrib-python)"
    )


def _model_files(name: str, model: Path) -> dict[str, Path]:
    """Fields of OpenCV's parameters -> files."""
    if name == "vit":
        if not model.is_file():
            raise ValueError(f"tracker vit: {model}: no such file; it takes {MODELS['vit']}")
        return {"net": model}
    if not model.is_dir():
        raise ValueError(f"tracker nano: {model}: no such folder; it takes {MODELS['nano']}")
    files = {}
    for field, part in (("backbone", "backbone"), ("neckhead", "head")):
        found = sorted(model.glob(f"*{part}*.onnx"))
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise ValueError(f"tracker nano: {model}: expected one file *{part}*.onnx, found {names}")
        files[field] = found[0]
    return files
