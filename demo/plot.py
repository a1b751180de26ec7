"""One picture of the whole run: overlap, score and latency over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from account import MIN_MEAN_IOU
from matplotlib.figure import Figure
from recording import Recording
from summary import Scene, label_overlaps

from gradnet_ros.evaluation.metrics import overlaps

BLUE, GREEN, ORANGE, GREY = "#2166ac", "#1b7837", "#d95f02", "#777777"
STYLE = {
    "axes.edgecolor": "#999999",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


def save_plot(path: Path, scene: Scene, recording: Recording, summary: dict[str, Any]) -> None:
    """Draw the run; times on the axes are the clip's, in seconds.

    Args:
        path: PNG to write.
        scene: what was shown.
        recording: what was seen.
        summary: its figures.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 7.6), dpi=140, layout="constrained")
        axes = figure.subplots(3, 1, sharex=True)
        _draw_overlap(axes[0], scene, recording, summary["mean_iou"])
        _draw_score(axes[1], scene, recording)
        _draw_latency(axes[2], scene, recording, summary)
        axes[2].set_xlabel("time in the clip [s]")
        axes[2].set_xlim(-0.02, max(1, len(recording.stamps) - 1) / scene.fps + 0.02)
        for axis in axes:
            axis.set_axisbelow(True)
        figure.align_ylabels(axes)
        figure.suptitle(
            f"GradNet ({summary['network']} on {summary['device']}): "
            f"{summary['frames_tracked']} of {summary['frames_published']} frames tracked",
            fontsize=12,
        )
        figure.savefig(path)


def _draw_overlap(axis: Any, scene: Scene, recording: Recording, mean: float | None) -> None:
    frames, values = [], []
    for frame, detection in recording.detections.items():
        box = scene.labels.interpolate(frame)
        if box is not None:
            frames.append(frame)
            values.append(float(overlaps(np.array([detection.box]), np.array([box]))[0]))
    axis.plot(
        np.array(frames) / scene.fps, values, color=BLUE, lw=1, alpha=0.5, label="with interpolated labels"
    )
    exact = label_overlaps(recording, scene.labels)
    name = "with labels" if mean is None else f"with labels (mean {mean:.2f})"
    axis.plot(np.array(list(exact)) / scene.fps, list(exact.values()), "o", color=BLUE, ms=4.5, label=name)
    axis.axhline(MIN_MEAN_IOU, color=GREY, ls="--", lw=1, label="the mean must not be below")
    axis.set(ylim=(0, 1.03), ylabel="overlap (IoU)")
    axis.legend(loc="lower left", ncols=3)


def _draw_score(axis: Any, scene: Scene, recording: Recording) -> None:
    frames = np.array(list(recording.detections)) / scene.fps
    scores = [np.nan if d.score is None else d.score for d in recording.detections.values()]
    axis.plot(frames, scores, color=GREEN, lw=1.6, marker=".", ms=4, label="score; a gap where lost")
    axis.axhline(scene.tracked_score, color=GREY, ls="--", lw=1, label="TRACKED from here up")
    axis.axhline(scene.lost_score, color=GREY, ls=":", lw=1.2, label="LOST below")
    axis.set(ylim=(0, 1.03), ylabel="score")
    axis.legend(loc="lower left", ncols=3)


def _draw_latency(axis: Any, scene: Scene, recording: Recording, summary: dict[str, Any]) -> None:
    latencies = recording.latencies_ms
    times = np.arange(len(latencies)) / scene.fps
    known = ~np.isnan(latencies)
    axis.plot(times[known], latencies[known], ".-", color=ORANGE, lw=0.8, ms=5, label="latency")
    for name, style in (("p50", "-"), ("p95", "--")):
        if (value := summary["latency_ms"][name]) is not None:
            axis.axhline(value, color=ORANGE, ls=style, lw=1, alpha=0.6, label=f"{name} {value:.0f} ms")
    top = max(2 * 1000 / scene.fps, 1.25 * np.nanmax(latencies)) if known.any() else 1000 / scene.fps
    dropped = [number for number in range(len(latencies)) if number not in recording.detections]
    if dropped:
        label = f"dropped frames ({len(dropped)})"
        axis.plot(times[dropped], np.zeros(len(dropped)), "|", color=GREY, ms=9, label=label)
    axis.set(ylim=(-0.04 * top, top), ylabel="stamp to detection [ms]")
    axis.legend(loc="upper left", ncols=4)
