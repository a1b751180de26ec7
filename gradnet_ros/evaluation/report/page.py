"""The page: everything in one HTML file that needs no network."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib import resources
from math import isfinite

from jinja2 import Environment, StrictUndefined

from gradnet_ros.evaluation.differences import auc_differences
from gradnet_ros.evaluation.machine import machine, versions
from gradnet_ros.evaluation.protocols import Protocol
from gradnet_ros.evaluation.report.colours import TRUTH, colour
from gradnet_ros.evaluation.report.curves import Plot
from gradnet_ros.evaluation.report.strips import Strip
from gradnet_ros.evaluation.report.tables import (
    attribute_table,
    band_table,
    confidence_table,
    overall_table,
    sequence_table,
)
from gradnet_ros.evaluation.results import Evaluation
from gradnet_ros.evaluation.scores import TrackerScores
from gradnet_ros.evaluation.segments import Segment
from gradnet_ros.evaluation.table import TITLES


def render(
    evaluation: Evaluation,
    scores: Mapping[str, TrackerScores],
    protocol: Protocol,
    curves: Sequence[tuple[Plot, bytes]],
    strips: Sequence[Strip],
) -> str:
    """Write the page.

    Args:
        evaluation: what was evaluated.
        scores: tracker -> scores, in the order of the tables.
        protocol: the benchmark's.
        curves: sets of curves and their pictures, PNG.
        strips: of the first tracker.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["data"] = _data
    environment.filters["number"] = lambda value: f"{value:.3f}" if isfinite(value) else "–"
    template = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        benchmark=evaluation.benchmark,
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        sequences=len(evaluation.sequences),
        frames=sum(len(each.truth) for each in evaluation.sequences),
        counted=next(iter(scores.values())).overall.frames,
        colours={tracker: colour(number) for number, tracker in enumerate(scores)},
        truth_colour=TRUTH,
        protocol=protocol,
        ranked_by=TITLES[protocol.headline[0]],
        segments=any(isinstance(each, Segment) for each in evaluation.sequences),
        differences=auc_differences(evaluation, scores),
        overall=overall_table(scores, protocol),
        by_sequence=sequence_table(scores, protocol),
        by_attribute=attribute_table(scores, protocol),
        confidence=confidence_table(scores),
        bands=band_table(scores),
        curves=curves,
        strips=strips,
        trackers={name: _about(about) for name, about in evaluation.trackers.items()},
        machine=machine(),
        versions=versions(),
    )


def _data(content: bytes, kind: str) -> str:
    """A data URI."""
    return f"data:{kind};base64,{b64encode(content).decode()}"


def _about(about: Mapping[str, str]) -> tuple[dict[str, str], dict[str, object]]:
    """What a tracker says of itself: plain values, and the settings that it gives as JSON."""
    plain = {name: value for name, value in about.items() if name != "settings"}
    return plain, json.loads(about["settings"]) if "settings" in about else {}
