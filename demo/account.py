"""Whether a run was sound: every published frame accounted for, and the target followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recording import Recording

MIN_MEAN_IOU = 0.6
"""Mean overlap with the labels below which the target was not followed."""


@dataclass(frozen=True)
class NodeCounts:
    """The node's own account of frames, out of its diagnostics; docs/diagnostics.md explains the terms."""

    frames_received: int
    frames_tracked: int
    frames_dropped: int
    frames_out_of_order: int
    frames_bad: int
    frames_idle: int
    frames_pending: int
    results_from_history: int

    @classmethod
    def from_diagnostics(cls, values: Mapping[str, str]) -> NodeCounts:
        """Take the counts out of the keys and values of a diagnostic status.

        Raises:
            KeyError: a count is missing.
            ValueError: a count is not a number.
        """
        return cls(**{name: int(values[name]) for name in cls.__dataclass_fields__})

    @property
    def results(self) -> int:
        """Frames that gave a detection.

        Among them is frame 0: it was idle when it came, for nobody had given a target yet, and was tracked
        out of the history once the box drawn on it was there.
        """
        return self.frames_tracked + self.results_from_history


def find_faults(counts: NodeCounts, recording: Recording, mean_iou: float | None) -> list[str]:
    """Tell everything that is wrong with a run; nothing if it is sound.

    Args:
        counts: the node's account at the end.
        recording: what the camera and the subscriber saw.
        mean_iou: mean overlap with the labels; None if no labelled frame was published.
    """
    published = len(recording.stamps)
    faults = []
    if counts.frames_received != published:
        faults.append(f"{published} frames were published, but the node received {counts.frames_received}")
    if counts.frames_idle != counts.results_from_history:
        faults.append(
            f"{counts.frames_idle} frames came while there was no target, of which "
            f"{counts.results_from_history} were tracked later"
        )
    for name, what in (
        ("frames_out_of_order", "came out of order"),
        ("frames_bad", "were bad"),
        ("frames_pending", "are still pending"),
    ):
        if number := getattr(counts, name):
            faults.append(f"{number} frames {what}")
    if counts.results + counts.frames_dropped != published:
        faults.append(
            f"{published} frames were published, but {counts.results} tracked and "
            f"{counts.frames_dropped} dropped"
        )
    if len(recording.detections) != counts.results:
        faults.append(
            f"the node tracked {counts.results} frames, but {len(recording.detections)} detections arrived"
        )
    if recording.strays:
        faults.append(f"{len(recording.strays)} detections belong to no frame, or repeat one")
    if len(recording.detections) < 2:
        faults.append("no detections arrived after the first frame's")
    if mean_iou is not None and mean_iou < MIN_MEAN_IOU:
        faults.append(f"mean overlap with the labels is {mean_iou:.2f}, and must be {MIN_MEAN_IOU} or more")
    return faults
