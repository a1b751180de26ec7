"""Writing a report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gradnet_ros.evaluation.protocols import PROTOCOLS
from gradnet_ros.evaluation.report.curves import draw, plots
from gradnet_ros.evaluation.report.page import render
from gradnet_ros.evaluation.report.strips import make_strips
from gradnet_ros.evaluation.results import Evaluation
from gradnet_ros.evaluation.scores import TrackerScores

PAGE = "report.html"


def write_report(evaluation: Evaluation, scores: Mapping[str, TrackerScores], folder: Path) -> Path:
    """Write ``report.html``, which needs no other file, and the curves once more as PNG.

    The strips of pictures are of the first tracker.

    Args:
        evaluation: what was evaluated; at least one tracker and one sequence.
        scores: tracker -> scores, by :func:`~gradnet_ros.evaluation.scores.score_evaluation`.
        folder: made if need be.

    Returns:
        The page.

    Raises:
        ValueError: a picture of a sequence cannot be read any more.
    """
    protocol = PROTOCOLS[evaluation.benchmark]
    known = any(found.frames.counted.any() for each in scores.values() for found in each.sequences.values())
    # Without any truth there is nothing to draw.
    curves = [(plot, draw(plot, scores)) for plot in plots(protocol)] if known else []
    strips = make_strips(evaluation, scores, next(iter(scores)), protocol)
    text = render(evaluation, scores, protocol, curves, strips)
    folder.mkdir(parents=True, exist_ok=True)
    for plot, picture in curves:
        (folder / f"{plot.name}.png").write_bytes(picture)
    page = folder / PAGE
    page.write_text(text, encoding="utf-8")
    return page
