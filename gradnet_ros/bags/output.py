"""The files of a run: what is the same whenever it is repeated, and beside it what is not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from gradnet_ros.bags.outcome import Outcome, to_evaluation, write_left_out, write_rows
from gradnet_ros.bags.writer import write_detections

FRAMES, LEFT_OUT, DETECTIONS = "frames.csv", "left_out.csv", "detections"
"""The same bytes for the same bag, tracker and machine."""
TIMING, SUMMARY = "timing.json", "summary.json"
"""These, and the report, tell times and what it ran on."""


def check_folder(folder: Path) -> None:
    """Check that a run may write here.

    Raises:
        ValueError: there is something else, or nothing may be written there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: exists already and is not an empty folder; give another --output")
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        why = "nothing may be written in it" if there.is_dir() else "it is no folder"
        raise ValueError(f"{folder}: cannot be made in {there}: {why}; give another --output")


def write_outcome(
    outcome: Outcome,
    folder: Path,
    tracker: str,
    about: Mapping[str, str],
    target: tuple[str, str],
    timing: Mapping[str, object],
    settings: Mapping[str, object],
) -> Path:
    """Write everything.

    Args:
        outcome: the run.
        folder: see :func:`check_folder`.
        tracker: its name.
        about: what a report says of it.
        target: name and class of the target.
        timing: what goes into ``timing.json``.
        settings: how it was called, for ``summary.json``.

    Returns:
        The report's page.
    """
    from gradnet_ros.evaluation.report.write import write_report
    from gradnet_ros.evaluation.scores import score_evaluation
    from gradnet_ros.evaluation.summary import write_summary

    folder.mkdir(parents=True, exist_ok=True)
    topic = outcome.scene.topic
    write_rows(outcome.rows, folder / FRAMES)
    write_left_out(outcome.scene.left_out, folder / LEFT_OUT)
    write_detections(outcome.rows, folder / DETECTIONS, topic.bag.storage_id, topic.topic.name, target)
    (folder / TIMING).write_text(json.dumps(timing, indent=2) + "\n", encoding="utf-8")
    evaluation = to_evaluation(outcome, tracker, dict(about))
    scores = score_evaluation(evaluation)
    write_summary(folder / SUMMARY, evaluation, scores, settings)
    return write_report(evaluation, scores, folder)
