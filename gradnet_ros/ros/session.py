"""All that exists while the node is active, from activation to deactivation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from gradnet_ros.ros import images
from gradnet_ros.ros.counters import FrameCounts
from gradnet_ros.ros.frames import Frame, check_frame_id
from gradnet_ros.ros.history import FrameHistory
from gradnet_ros.ros.intake import Intake
from gradnet_ros.ros.measures import Measures
from gradnet_ros.ros.slot import LatestSlot
from gradnet_ros.ros.targets import Target
from gradnet_ros.ros.tracker_api import TrackerLike
from gradnet_ros.ros.worker import Result, StartRequest, TrackingWorker, WorkerEvents
from gradnet_ros.tracking.geometry import check_any_box, check_box
from gradnet_ros.tracking.track import Box


@dataclass(frozen=True)
class SessionSettings:
    """Parameters that a session follows while it runs; see :mod:`gradnet_ros.ros.parameters` for the meaning.

    Attributes:
        history_seconds: s.
        history_megabytes: MB.
        catch_up_seconds: s.
        jump_back_seconds: s.
    """

    history_seconds: float
    history_megabytes: float
    catch_up_seconds: float
    jump_back_seconds: float


class Session:
    """Takes images in, tracks them in a thread of its own, hands results out.

    Attributes:
        counts: the account of frames.
        measures: durations, rates, troubles.
        history: the kept frames.
        intake: where images arrive.
        worker: where they are tracked.
        began: when the session began, seconds of ``time.monotonic``.
        tracked_size: ``width x height`` of the last image that was tracked.
    """

    def __init__(
        self,
        tracker: TrackerLike,
        settings: SessionSettings,
        publish: Callable[[Result], float | None],
        show: Callable[[Result], None],
        log: Callable[[str, str], None],
    ) -> None:
        """Start the worker's thread.

        Args:
            tracker: the tracker, used by nobody else until :meth:`close`.
            settings: see :class:`SessionSettings`.
            publish: publishes a result and returns its latency in ms, if known.
            show: does with a result what may take longer.
            log: called with the kind and the text of a trouble.
        """
        self._publish = publish
        self._log = log
        self.began = monotonic()
        self.tracked_size = ""
        self.counts = FrameCounts()
        self.measures = Measures()
        self.history = FrameHistory(settings.history_seconds, settings.history_megabytes)
        slot: LatestSlot[Frame] = LatestSlot()
        events = WorkerEvents(found=self._found, shown=show, done=self._done, trouble=self._trouble)
        self.worker = TrackingWorker(
            tracker, images.to_bgr, slot, self.history, self.counts, events, settings.catch_up_seconds
        )
        self.intake = Intake(
            slot,
            self.history,
            self.counts,
            wanted=lambda: self.worker.wants_frames,
            on_trouble=self._trouble,
            on_good=self.measures.note_good,
            jump_back=settings.jump_back_seconds,
        )
        self.worker.start()

    def receive(self, message: Any) -> None:
        """Take an image message."""
        self.intake.receive(message, monotonic())

    def configure(self, settings: SessionSettings) -> None:
        """Follow changed parameters."""
        self.history.configure(settings.history_seconds, settings.history_megabytes)
        self.worker.catch_up_seconds = settings.catch_up_seconds
        self.intake.order.jump_back = settings.jump_back_seconds

    def start_target(self, stamp: int, frame_id: str, box: Box, target: Target) -> str:
        """Take a new target; all that can be checked now is checked now.

        Args:
            stamp: of the image that the box was drawn on, ns; 0 for the next image.
            frame_id: of that image, compared with the newest's for the next; empty: not known.
            box: ``(x, y, w, h)`` in pixels.
            target: what to call it.

        Returns:
            What was done, for a person.

        Raises:
            ValueError: it cannot be taken; the message says why, and nothing has changed.
        """
        newest = self.history.newest()
        if newest is None:
            raise ValueError("no image yet")
        if stamp == 0:
            check_frame_id(frame_id, newest)
            _check_for_next(box, newest)
            self.worker.request_start(StartRequest(target, box, frame_id, after=self.intake.number))
            return f"'{target.id}' is taken from the next image"
        try:
            frame = self.history.find(stamp)
        except LookupError as error:
            raise ValueError(str(error.args[0])) from error
        check_frame_id(frame_id, frame)
        image = images.to_bgr(frame.message)
        check_box(box, image.shape[1], image.shape[0])
        self.worker.request_start(StartRequest(target, box, frame_id, frame=frame, image=image))
        behind = len(self.history.after(stamp))
        return f"'{target.id}' is taken from the image with that stamp, {behind} images before the newest"

    def close(self) -> None:
        """End the thread; the target is forgotten and the frames are given free."""
        self.worker.close()
        self.history.clear()

    def _found(self, result: Result) -> None:
        self.tracked_size = f"{result.image.shape[1]}x{result.image.shape[0]}"
        detection = monotonic() - result.began
        self.measures.add_result(detection, self._publish(result))

    def _done(self, result: Result) -> None:
        self.measures.add_done(monotonic() - result.began)

    def _trouble(self, kind: str, text: str) -> None:
        self.measures.add_trouble(kind, text)
        self._log(kind, text)


def _check_for_next(box: Box, newest: Frame) -> None:
    """Check a box on the image that comes next by what the newest is like; the worker checks it there again.

    Raises:
        ValueError: no target can have it.
    """
    check_any_box(box)
    try:
        width, height = images.size_of(newest.message)
    except ValueError:  # A corrupt image says nothing of the next.
        return
    check_box(box, width, height)
