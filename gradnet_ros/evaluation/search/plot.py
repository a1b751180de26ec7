"""A picture of a search: AUC over the trials, and over the values of each setting."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter
from optuna.trial import FrozenTrial, TrialState

from gradnet_ros.evaluation.search.space import Choices, Range, SearchSpace
from gradnet_ros.evaluation.search.study import BASELINE, SharedStudy

_COLUMNS = 4
_DROPPED: dict[str, Any] = {"c": "silver", "s": 18}
_DONE: dict[str, Any] = {"c": "tab:blue", "s": 18}
_OWN: dict[str, Any] = {"c": "black", "marker": "s", "s": 36}
_BEST: dict[str, Any] = {"c": "tab:red", "marker": "*", "s": 110}


def plot_search(path: Path, study: SharedStudy, space: SearchSpace) -> None:
    """Draw a search.

    Above: what each trial reached; a dropped trial stands at the mean of the sequences it ran on. Below: a
    slice for each setting, of the trials that ran to the end alone, because others were measured on other
    sequences; strokes at the bottom are values that were dropped.

    Args:
        path: picture to write; the suffix says the format.
        study: the trials.
        space: what was searched.
    """
    rows = ceil(len(space.search) / _COLUMNS)
    figure = Figure(figsize=(3.2 * _COLUMNS, 3.2 + 2.6 * rows), layout="constrained")
    grid = figure.add_gridspec(1 + rows, _COLUMNS, height_ratios=[1.2] + [1.0] * rows)
    _plot_history(figure.add_subplot(grid[0, :]), study)
    for number, each in enumerate(space.search):
        axes = figure.add_subplot(grid[1 + number // _COLUMNS, number % _COLUMNS])
        _plot_slice(axes, study, each)
        if number % _COLUMNS == 0:
            axes.set_ylabel("AUC")
    figure.savefig(path, dpi=110)


def _plot_history(axes: Axes, study: SharedStudy) -> None:
    done = _complete(study)
    dropped = [trial for trial in _dropped(study) if trial.value is not None]
    axes.scatter([t.number for t in dropped], _values(dropped), **_DROPPED, label="dropped early")
    axes.scatter([t.number for t in done], _values(done), **_DONE, label="ran to the end")
    best = [max(_values(done[: count + 1])) for count in range(len(done))]
    axes.step([t.number for t in done], best, where="post", c=_BEST["c"], lw=1, zorder=0, label="best so far")
    for trial in _baseline(done):
        axes.scatter([trial.number], _values([trial]), **_OWN, label="checkpoint's own settings")
        axes.axhline(_values([trial])[0], c=_OWN["c"], ls="--", lw=0.8, zorder=0)
    axes.scatter([study.best.number], _values([study.best]), **_BEST, label="best")
    axes.set_xlabel("trial")
    axes.set_ylabel("AUC, search half")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, fontsize="small")


def _plot_slice(axes: Axes, study: SharedStudy, dimension: Range | Choices) -> None:
    def places(trials: list[FrozenTrial]) -> list[Any]:
        values = [study.settings(trial)[dimension.name] for trial in trials]
        return [str(value) for value in values] if isinstance(dimension, Choices) else values

    if isinstance(dimension, Choices):  # categories stand in the order of their first use
        order = [str(value) for value in dimension.values]
        axes.scatter(order, [0.5] * len(order), alpha=0, transform=axes.get_xaxis_transform())
    done, dropped = _complete(study), _dropped(study)
    axes.scatter(
        places(dropped), [0.03] * len(dropped), marker="|", c="grey", transform=axes.get_xaxis_transform()
    )
    groups = ((done, _DONE), (_baseline(done), _OWN), ([study.best], _BEST))
    for trials, style in groups:
        axes.scatter(places(trials), _values(trials), **style)
    if isinstance(dimension, Range):
        # The checkpoint's own value may lie outside.
        seen = [dimension.low, dimension.high, *places(_baseline(done))]
        if dimension.log:
            seen = [value for value in seen if value > 0]
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
        low, high = min(seen), max(seen)
        share = 0.03
        if dimension.log:
            margin = (high / low) ** share
            axes.set_xlim(low / margin, high * margin)
        else:
            margin = (high - low) * share
            axes.set_xlim(low - margin, high + margin)
    axes.set_xlabel(dimension.name)
    axes.tick_params(labelsize="small")


def _complete(study: SharedStudy) -> list[FrozenTrial]:
    return [trial for trial in study.finished if trial.state == TrialState.COMPLETE]


def _dropped(study: SharedStudy) -> list[FrozenTrial]:
    return [trial for trial in study.finished if trial.state == TrialState.PRUNED]


def _baseline(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    return [trial for trial in trials if trial.user_attrs.get("origin") == BASELINE]


def _values(trials: list[FrozenTrial]) -> list[float]:
    return [float(trial.value) for trial in trials if trial.value is not None]
