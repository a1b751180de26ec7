"""What the user gets: summary, plot, video and still in the output folder, and the last lines."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
from drive import Run
from files import PLOT, STILL, SUMMARY, VIDEO
from pictures import View
from plot import save_plot
from summary import summarise
from video import save_video

TAIL_LINES = 30


def report(run: Run, output: Path, still: Path | None) -> int:
    """Write the results and tell about them.

    Args:
        run: what there is to tell.
        output: folder for the results.
        still: where the still goes as well.

    Returns:
        Exit status: 0 if the run was sound.
    """
    summary = summarise(run.scene, run.recording, run.counts, run.diagnostics)
    if run.exit_status != 0:
        summary["faults"].append(f"the tracker node ended with exit status {run.exit_status}")
        summary["sound"] = False
    (output / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    save_plot(output / PLOT, run.scene, run.recording, summary)
    view = View(run.scene, run.recording, run.frames)
    save_video(output / VIDEO, map(view.annotate, range(len(run.frames))), view.size, run.scene.fps)
    cv2.imwrite(str(output / STILL), view.strip())
    if still is not None and summary["sound"]:
        still.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(output / STILL, still)
    print(last_lines(summary, output), flush=True)
    for fault in summary["faults"]:
        print(f"Failed: {fault}", file=sys.stderr)
    if not summary["sound"]:
        tail = run.tracker_log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        print("\n".join(["", f"The end of {run.tracker_log}:", *tail]), file=sys.stderr)
    return 0 if summary["sound"] else 1


def last_lines(summary: dict[str, Any], output: Path) -> str:
    """What was tracked and where to look."""
    latency = summary["latency_ms"]
    target = summary["target"]
    lines = [
        f"Tracked '{target['id']}' ({target['class_id']}) in {summary['frames_tracked']} of "
        f"{summary['frames_published']} frames with {summary['network']} on {summary['device']}; "
        f"{summary['frames_dropped']} dropped"
    ]
    if summary["fps"] is not None:
        lines.append(
            f"{summary['fps']:.1f} results a second; stamp to detection {latency['p50']:.0f} ms (median), "
            f"{latency['p95']:.0f} ms (p95), {latency['p99']:.0f} ms (p99)"
        )
    if summary["mean_iou"] is not None:
        lines.append(
            f"Mean overlap with the labels (IoU): {summary['mean_iou']:.2f} over "
            f"{summary['labelled_frames']} frames"
        )
    width = max(len(name) for name in (VIDEO, STILL, PLOT, SUMMARY))
    lines.append(f"Results in {output}:")
    lines += [
        f"  {VIDEO:<{width}}  every frame with the tracker's box and the label",
        f"  {STILL:<{width}}  four of them",
        f"  {PLOT:<{width}}  overlap, score and latency over time",
        f"  {SUMMARY:<{width}}  the figures",
    ]
    return "\n".join(lines)
