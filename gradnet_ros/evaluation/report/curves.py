"""The curves of a report: share of frames over thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from math import isfinite

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gradnet_ros.evaluation.metrics import NORMALISED_THRESHOLDS, PRECISION_THRESHOLDS
from gradnet_ros.evaluation.protocols import Protocol
from gradnet_ros.evaluation.report.colours import colour, dash
from gradnet_ros.evaluation.scores import TrackerScores


@dataclass(frozen=True)
class Plot:
    """A set of curves, one a tracker.

    Attributes:
        name: names its file.
        title: what is drawn.
        axis: the thresholds, in words.
        curve: field of :class:`~gradnet_ros.evaluation.scores.Scores` that is drawn.
        score: field that the legend gives and ranks by.
        thresholds: (T,) where the curves are known.
    """

    name: str
    title: str
    axis: str
    curve: str
    score: str
    thresholds: NDArray[np.float64]


def plots(protocol: Protocol) -> tuple[Plot, ...]:
    """What a report of a benchmark draws."""
    success = "Success: overlap above the threshold"
    return (
        Plot("success", success, "overlap threshold", "success_curve", "auc", protocol.thresholds),
        Plot(
            "precision",
            "Precision: centre error within the threshold",
            "centre error threshold, pixels",
            "precision_curve",
            "precision",
            PRECISION_THRESHOLDS,
        ),
        Plot(
            "normalised_precision",
            "Normalised precision",
            "centre error threshold, shares of the target's sides",
            "normalised_precision_curve",
            "normalised_precision",
            NORMALISED_THRESHOLDS,
        ),
    )


def draw(plot: Plot, scores: Mapping[str, TrackerScores]) -> bytes:
    """Draw a set of curves; trackers whose scores are not known are left out.

    Returns:
        A PNG.
    """
    figure = Figure(figsize=(5.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    lines = []
    for number, (tracker, found) in enumerate(scores.items()):
        value = getattr(found.overall, plot.score)
        if isfinite(value):
            shares = getattr(found.overall, plot.curve)
            (line,) = axes.plot(
                plot.thresholds,
                shares,
                c=colour(number),
                ls=dash(number),
                lw=2,
                label=f"{tracker} {value:.3f}",
            )
            lines.append((value, line))
    axes.set_title(plot.title, fontsize="medium")
    axes.set_xlabel(plot.axis)
    axes.set_ylabel("share of frames")
    axes.set_xlim(plot.thresholds[0], plot.thresholds[-1])
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    if lines:
        lines.sort(key=lambda each: -each[0])
        axes.legend(handles=[line for _, line in lines], fontsize="small", framealpha=0.8)
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    return picture.getvalue()
