"""What a user looks at: each frame with the tracker's box, the label and the figures; a row of four."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from canvas import Canvas, Colour, Picture
from recording import Recording
from summary import Scene

from gradnet_ros.drawing import COLOURS
from gradnet_ros.evaluation.metrics import overlaps

ZOOM = 4
PANEL = 112
"""Height of the panel with the figures under a frame, pixels."""
STRIP_ZOOM = 2.5
STRIP_FRAMES = 4
DARK, LIGHT, FAINT, TRACK = (24, 26, 30), (238, 238, 238), (150, 154, 160), (62, 66, 74)
LABEL: Colour = (255, 255, 255)


@dataclass(frozen=True)
class View:
    """A run with its pictures.

    Attributes:
        scene: what was shown.
        recording: what was seen.
        frames: the clip's frames, H x W x 3 BGR.
    """

    scene: Scene
    recording: Recording
    frames: Sequence[Picture]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of an annotated frame, pixels."""
        return self.scene.width * ZOOM, self.scene.height * ZOOM + PANEL

    def annotate(self, frame: int) -> Picture:
        """Frame ``frame``, enlarged, with boxes and a panel below."""
        width, height = self.size[0], self.size[1] - PANEL
        canvas = Canvas(*self.size, DARK)
        canvas.paste(self.frames[frame], 0, 0, ZOOM)
        self._draw_boxes(canvas, frame, ZOOM, (0, 0), line=4)
        canvas.fill(0, height, width, PANEL, DARK)  # over what of the boxes reaches out of the frame
        self._draw_panel(canvas, frame, height)
        return canvas.to_bgr()

    def strip(self) -> Picture:
        """Frames from across the clip in a row."""
        numbers = self.choose()
        gap, head, foot = 10, 64, 112
        width, height = round(self.scene.width * STRIP_ZOOM), round(self.scene.height * STRIP_ZOOM)
        canvas = Canvas(len(numbers) * (width + gap) + gap, height + head + foot, DARK)
        for place, number in enumerate(numbers):
            x = gap + place * (width + gap)
            single = Canvas(width, height, DARK)  # So that no box reaches into its neighbour.
            single.paste(self.frames[number], 0, 0, STRIP_ZOOM)
            self._draw_boxes(single, number, STRIP_ZOOM, (0, 0), line=4)
            canvas.paste(single.to_bgr(), x, head, 1)
            self._write_caption(canvas, number, x, head - 22, head + height + 42, width)
        base = canvas.height - 20
        entries = [("tracker", self._colour(numbers[0]), 6), ("label, drawn by hand", LABEL, 3)]
        for place, (text, colour, line) in enumerate(entries):
            x = gap + 4 + 210 * place
            canvas.fill(x, base - 10, 56, line, colour)
            canvas.text(x + 70, base, text, 24, FAINT)
        return canvas.to_bgr()

    def choose(self) -> list[int]:
        """Choose frames for the strip: evenly spread, with detections of their own, labelled if possible."""
        tracked = [number for number in self.recording.detections if number < len(self.frames)]
        labelled = [number for number in tracked if number in self.scene.labels.boxes]
        pool = labelled if len(labelled) >= STRIP_FRAMES else tracked or range(len(self.frames))
        wanted = np.linspace(0, len(self.frames) - 1, STRIP_FRAMES)
        return sorted({min(pool, key=lambda number: abs(number - each)) for each in wanted})

    # --- parts ---

    def _draw_boxes(
        self, canvas: Canvas, frame: int, zoom: float, origin: tuple[int, int], line: int
    ) -> None:
        label = self.scene.labels.interpolate(frame)
        if label is not None and frame in self.scene.labels.boxes:
            canvas.box(label, zoom, origin, LABEL, 2)
        elif label is not None:
            canvas.dashed_box(label, zoom, origin, LABEL, 1, dash=6)
        detection = self.recording.latest(frame)
        if detection is None:
            return
        if frame in self.recording.detections:
            canvas.box(detection.box, zoom, origin, self._colour(frame), line)
        else:
            canvas.dashed_box(detection.box, zoom, origin, self._colour(frame), line, dash=12)

    def _draw_panel(self, canvas: Canvas, frame: int, top: int) -> None:
        detection = self.recording.latest(frame)
        columns = [16, 184, 352, 480, 592]
        heads = ["state", "score", "overlap", "latency", "results"]
        for x, head in zip(columns, heads, strict=True):
            canvas.text(x, top + 24, head, 14, FAINT)
        base = top + 52
        if detection is not None:
            fresh = frame in self.recording.detections
            state = detection.state(self.scene.tracked_score).value
            canvas.text(columns[0], base, state, 20, self._colour(frame), bold=True)
            score = "–" if detection.score is None else f"{detection.score:.2f}"
            canvas.text(columns[1], base, score, 20, LIGHT)
            canvas.bar(columns[1] + 56, base - 13, 90, 11, TRACK)
            canvas.bar(
                columns[1] + 56, base - 13, round(90 * (detection.score or 0)), 11, self._colour(frame)
            )
            overlap = self.overlap(frame)
            canvas.text(columns[2], base, "–" if overlap is None else f"{overlap:.2f}", 20, LIGHT)
            latency = self.recording.latencies_ms[frame]
            shown = "start" if frame == 0 else f"{latency:.0f} ms" if fresh else "dropped"
            canvas.text(columns[3], base, shown, 20, LIGHT if fresh else FAINT)
            rate = self.recording.fps(frame)
            canvas.text(columns[4], base, "–" if rate is None else f"{rate:.1f} Hz", 20, LIGHT)
        self._draw_legend(canvas, frame, top + 94)

    def _draw_legend(self, canvas: Canvas, frame: int, base: int) -> None:
        fresh = frame in self.recording.detections
        x = 16
        for text, colour, line, dashes in (
            ("tracker" if fresh else "tracker, last result", self._colour(frame), 4, 1 if fresh else 2),
            ("label", LABEL, 2, 1),
            ("label, interpolated", LABEL, 1, 4),
        ):
            step = 36 // dashes
            for dash in range(dashes):
                canvas.fill(x + step * dash, base - 6, step - 4, line, colour)
            x += 42 + canvas.text(x + 42, base, text, 14, FAINT) + 24
        last = len(self.frames) - 1
        canvas.text(canvas.width - 16, base, f"frame {frame} of {last}", 14, FAINT, anchor="rs")

    def _write_caption(self, canvas: Canvas, frame: int, x: int, head: int, foot: int, width: int) -> None:
        canvas.text(x + 4, head, f"frame {frame}", 26, LIGHT)
        canvas.text(x + width - 4, head, f"{frame / self.scene.fps:.1f} s", 26, FAINT, anchor="rs")
        detection = self.recording.detections.get(frame)
        if detection is None:
            canvas.text(x + 4, foot, "no result", 26, FAINT)
            return
        state = detection.state(self.scene.tracked_score).value
        score = "" if detection.score is None else f" {detection.score:.2f}"
        canvas.text(x + 4, foot, state + score, 26, self._colour(frame), bold=True)
        overlap = self.overlap(frame)
        if frame == 0:
            canvas.text(x + width - 4, foot, "box given", 26, FAINT, anchor="rs")
        elif overlap is not None:
            canvas.text(x + width - 4, foot, f"IoU {overlap:.2f}", 26, LIGHT, anchor="rs")

    def _colour(self, frame: int) -> Colour:
        detection = self.recording.latest(frame)
        if detection is None:
            return FAINT
        blue, green, red = COLOURS[detection.state(self.scene.tracked_score)]
        return red, green, blue

    def overlap(self, frame: int) -> float | None:
        """Overlap of what is known at a frame with its label, which may be interpolated; None without one."""
        detection, label = self.recording.latest(frame), self.scene.labels.interpolate(frame)
        if detection is None or label is None:
            return None
        return float(overlaps(np.array([detection.box]), np.array([label]))[0])
