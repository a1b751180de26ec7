"""All trackers side by side, for the screen."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from gradnet_ros.evaluation.protocols import Protocol
from gradnet_ros.evaluation.scores import Scores, TrackerScores

TITLES = {
    "auc": "AUC",
    "precision": "precision",
    "normalised_precision": "norm. precision",
    "ao": "AO",
    "sr50": "SR 0.5",
    "sr75": "SR 0.75",
}
"""Fields of :class:`Scores` -> what they are called."""


def table(scores: Mapping[str, TrackerScores], protocol: Protocol) -> str:
    """A line a tracker: the benchmark's scores, AUC and precision in any case, and speed."""
    fields = (*protocol.headline, *(name for name in ("auc", "precision") if name not in protocol.headline))
    width = max(len("tracker"), *(len(name) for name in scores))
    heads = [TITLES[name] for name in fields] + ["ms p50", "ms p95", "fps"]
    lines = [f"{'tracker':{width}s}  " + "  ".join(f"{head:>9s}" for head in heads)]
    for tracker, found in scores.items():
        cells = [_cell(found.overall, name, head) for name, head in zip(fields, heads, strict=False)]
        speed = found.overall
        cells += [_number(speed.p50_ms, 1, 9), _number(speed.p95_ms, 1, 9), _number(speed.fps, 1, 9)]
        lines.append(f"{tracker:{width}s}  " + "  ".join(cells))
    return "\n".join(lines)


def _cell(scores: Scores, name: str, head: str) -> str:
    return _number(getattr(scores, name), 4, max(9, len(head)))


def _number(value: float, digits: int, width: int) -> str:
    return f"{value:{width}.{digits}f}" if isfinite(value) else f"{'-':>{width}s}"
