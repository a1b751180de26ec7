"""The run in figures: overlap with the labels, rates, latencies, and what it ran on."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from account import NodeCounts, find_faults
from clip import NAME, PACKAGE
from labels import Labels
from numpy.typing import NDArray
from recording import Recording

import gradnet_ros
from gradnet_ros.evaluation.metrics import overlaps

PERCENTILES = (50, 95, 99)
DISTRIBUTIONS = {
    "torch": ("torch",),
    "rclpy": ("rclpy", "ros-rclpy"),
    "OpenCV": tuple(
        f"opencv{contrib}-python{kind}" for contrib in ("-contrib", "") for kind in ("-headless", "")
    ),
}
"""Libraries, and the names of the distributions that they come in."""


@dataclass(frozen=True)
class Scene:
    """What was shown and asked for.

    Attributes:
        width: of the picture, pixels.
        height: of the picture, pixels.
        fps: frames a second of the clip.
        target_id: name of the target.
        class_id: what it is.
        labels: where it really is.
        tracked_score: the node's parameter of that name.
        lost_score: the node's parameter of that name.
    """

    width: int
    height: int
    fps: float
    target_id: str
    class_id: str
    labels: Labels
    tracked_score: float
    lost_score: float


def label_overlaps(recording: Recording, labels: Labels) -> dict[int, float]:
    """Overlap with the label on each published frame that has one, from the first after frame 0 on.

    On a frame that was dropped it is that of the last detection before: what a subscriber went by then.
    """
    scores = {}
    for frame, box in labels.boxes.items():
        detection = recording.latest(frame)
        if 0 < frame < len(recording.stamps) and detection is not None:
            scores[frame] = float(overlaps(np.array([detection.box]), np.array([box]))[0])
    return scores


def percentiles(values: NDArray[np.float64]) -> dict[str, float | None]:
    """The percentiles of the values that are not NaN, as ``p50`` and so on; None if there are none."""
    known = values[~np.isnan(values)]
    return {
        f"p{each}": round(float(np.percentile(known, each)), 2) if len(known) else None
        for each in PERCENTILES
    }


def summarise(
    scene: Scene, recording: Recording, counts: NodeCounts, diagnostics: Mapping[str, str]
) -> dict[str, Any]:
    """Make the summary.

    Args:
        scene: what was shown.
        recording: what was seen.
        counts: the node's account of frames.
        diagnostics: keys and values of the node's last diagnostics.

    Returns:
        What goes into ``summary.json``; times in ms, rates in Hz.
    """
    scores = label_overlaps(recording, scene.labels)
    mean_iou = float(np.mean(list(scores.values()))) if scores else None
    faults = find_faults(counts, recording, mean_iou)
    return {
        "sound": not faults,
        "faults": faults,
        "frames_published": len(recording.stamps),
        "frames_tracked": counts.results,
        "frames_dropped": counts.frames_dropped,
        "detections_received": len(recording.detections) + len(recording.strays),
        "fps": _rounded(recording.fps(), 2),
        "camera_fps": _rounded(recording.published_fps(), 2),
        "latency_ms": percentiles(recording.latencies_ms),
        "mean_iou": _rounded(mean_iou, 4),
        "labelled_frames": len(scores),
        "template_updates": int(diagnostics["template_updates"] or 0),
        "network": diagnostics["network"],
        "device": diagnostics["device"],
        "target": {"id": scene.target_id, "class_id": scene.class_id, "box": list(scene.labels.boxes[0])},
        "clip": {
            "name": NAME,
            "from": PACKAGE,
            "width": scene.width,
            "height": scene.height,
            "fps": round(scene.fps, 2),
        },
        "node_counts": asdict(counts),
        "versions": versions(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def versions() -> dict[str, str]:
    """Versions of what the figures depend on."""
    found = {"gradnet_ros": gradnet_ros.__version__, "Python": platform.python_version()}
    return found | {name: _version(names) for name, names in DISTRIBUTIONS.items()}


def _version(distributions: Sequence[str]) -> str:
    for name in distributions:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
