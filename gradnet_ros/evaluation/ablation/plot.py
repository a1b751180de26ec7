"""A picture of an ablation: AUC variant by variant, and what each adds sequence by sequence."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradnet_ros.evaluation.ablation.run import Ablation

_BAR, _SEED, _REFERENCE = "#9ecae1", "black", "grey"


def plot_ablation(path: Path, ablation: Ablation) -> None:
    """Draw an ablation.

    Above: the mean AUC of every variant less that of ``fixed`` as bars, single seeds as dots. Below: the same
    sequence by sequence, mean over seeds.

    Args:
        path: picture to write; the suffix says the format.
        ablation: what was measured.
    """
    rows, names = len(ablation.rows), len(ablation.names)
    width, heights = max(8.0, 3.0 + 0.3 * names), [0.6 + 0.38 * rows, 2.0 + 0.34 * rows]
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=heights)
    _plot_bars(above, ablation)
    _plot_sequences(figure, below, ablation)
    figure.savefig(path, dpi=110)


def _plot_bars(axes: Axes, ablation: Ablation) -> None:
    names = ablation.names
    for place, row in enumerate(ablation.rows):
        differences = ablation.differences(row, names)
        axes.barh(place, mean(differences), color=_BAR)
        if row.seeds:
            axes.scatter(differences, [place] * len(differences), color=_SEED, s=14, zorder=3)
    labels = [f"{row.name}  {mean(row.aucs(names)):.3f}" for row in ablation.rows]
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.axvline(0.0, color=_REFERENCE, lw=1)
    axes.grid(axis="x", color="#e4e4e4")
    axes.set_axisbelow(True)
    axes.set_xlabel(f"AUC less that of fixed, mean over {len(names)} sequences; dots are seeds")


def _plot_sequences(figure: Figure, axes: Axes, ablation: Ablation) -> None:
    others = ablation.rows[1:]
    if not others:
        axes.set_axis_off()
        return
    added = np.array(
        [[mean(ablation.differences(row, [name])) for name in ablation.names] for row in others], float
    )
    reach = max(float(np.abs(added).max()), 0.01)
    image = axes.imshow(added, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto")
    axes.set_yticks(range(len(others)), [row.name for row in others])
    axes.set_xticks(range(len(ablation.names)), ablation.names, rotation=90, fontsize="small")
    figure.colorbar(image, ax=axes, label="AUC less that of fixed")
