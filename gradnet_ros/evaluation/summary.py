"""``summary.json``: an evaluation in numbers, for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from math import isfinite
from pathlib import Path
from typing import Any

from gradnet_ros.evaluation.differences import auc_differences
from gradnet_ros.evaluation.machine import machine, versions
from gradnet_ros.evaluation.results import Evaluation
from gradnet_ros.evaluation.scores import TrackerScores
from gradnet_ros.training.files import write_whole


def write_summary(
    path: Path, evaluation: Evaluation, scores: Mapping[str, TrackerScores], settings: Mapping[str, object]
) -> None:
    """Write scores, trackers, settings, versions and machine as JSON; what is NaN is ``null`` there.

    Args:
        path: the file.
        evaluation: what was evaluated.
        scores: tracker -> scores.
        settings: how it was called.
    """
    trackers = {
        name: {
            "about": dict(evaluation.trackers[name]),
            "overall": _numbers(asdict(found.overall)),
            "score_bands": [_numbers(band._asdict()) for band in found.score_bands()],
            "attributes": {attribute: _numbers(asdict(each)) for attribute, each in found.attributes.items()},
            "sequences": {each.sequence: _numbers(asdict(each.scores)) for each in found.sequences.values()},
        }
        for name, found in scores.items()
    }
    content = {
        "benchmark": evaluation.benchmark,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "sequences": len(evaluation.sequences),
        "frames": sum(len(each.truth) for each in evaluation.sequences),
        "settings": dict(settings),
        "versions": versions(),
        "machine": machine(),
        "trackers": trackers,
        "differences": [
            {name: value if isinstance(value, str) else _clean(value) for name, value in asdict(each).items()}
            for each in auc_differences(evaluation, scores)
        ],
    }
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    write_whole(path, lambda part: _write(part, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _clean(value) for name, value in values.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_clean(each) for each in value]
    return value if isfinite(value) else None
