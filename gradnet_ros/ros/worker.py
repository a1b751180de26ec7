"""The thread that tracks: it alone touches the tracker while the node is active."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.ros.catch_up import choose_step
from gradnet_ros.ros.counters import FrameCounts
from gradnet_ros.ros.frames import Frame, check_frame_id
from gradnet_ros.ros.history import FrameHistory
from gradnet_ros.ros.slot import LatestSlot
from gradnet_ros.ros.targets import Target
from gradnet_ros.ros.tracker_api import TrackerLike
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.geometry import check_box
from gradnet_ros.tracking.track import Box, Track

ImageArray = NDArray[np.uint8]


@dataclass(frozen=True)
class StartRequest:
    """A target to take.

    Attributes:
        target: what it is called.
        box: ``(x, y, w, h)`` in pixels.
        frame_id: of the image that it was drawn on; empty: not known.
        after: it is taken from the first frame whose number is larger ...
        frame: ... unless this kept frame is given ...
        image: ... with its pixels.
    """

    target: Target
    box: Box
    frame_id: str = ""
    after: int = 0
    frame: Frame | None = None
    image: ImageArray | None = None


@dataclass(frozen=True)
class Result:
    """What one frame came to.

    Attributes:
        frame: the frame.
        image: its pixels, H x W x 3 uint8 BGR.
        target: what was followed.
        track: where it was found.
        began: when the worker turned to the frame, seconds of ``time.monotonic``.
        taken: the target was taken from this frame, not found in it.
    """

    frame: Frame
    image: ImageArray
    target: Target
    track: Track
    began: float
    taken: bool = False


@dataclass(frozen=True)
class WorkerEvents:
    """Called from the worker's thread.

    Attributes:
        found: a result, to be published; stops and starts wait until it returns, so it is to be quick.
        shown: the same result, for all that may take longer.
        done: the same result, once the tracker has learned from it too: nothing is left to do.
        trouble: a kind (``bad``, ``failed`` or ``init``) and a text for the log.
    """

    found: Callable[[Result], None]
    shown: Callable[[Result], None]
    done: Callable[[Result], None]
    trouble: Callable[[str, str], None]


class TrackingWorker:
    """Tracks the newest frame again and again, from :meth:`start` to :meth:`close`.

    A frame's result is published as soon as the target is found; only then does the tracker learn from the
    frame. Requests return at once and are carried out between two frames.
    """

    def __init__(
        self,
        tracker: TrackerLike,
        convert: Callable[[Any], ImageArray],
        slot: LatestSlot[Frame],
        history: FrameHistory,
        counts: FrameCounts,
        events: WorkerEvents,
        catch_up_seconds: float,
    ) -> None:
        """Prepare the thread.

        Args:
            tracker: the tracker; nobody else may use it until the worker is closed.
            convert: message to pixels; ValueError for a bad image.
            slot: where new frames come from.
            history: frames to catch up through.
            counts: the account of frames.
            events: whom to tell.
            catch_up_seconds: time to spend between the start on an old frame and the newest; see
                :meth:`request_start`.
        """
        self._tracker = tracker
        self._convert = convert
        self._slot = slot
        self._history = history
        self._counts = counts
        self._events = events
        self.catch_up_seconds = catch_up_seconds
        self._thread = Thread(target=self._run, name="gradnet_tracker", daemon=True)
        self._lock = Lock()  # guards what follows
        self._target: Target | None = None
        self._request: StartRequest | None = None
        self._settings: TrackerConfig | None = None
        self._forget = False
        self._track: Track | None = None
        self._from_history = 0
        # Seconds that the last frame took, learning included; 0 before there was one. A frame that a target
        # is taken from does not count: it takes many times as long. The worker's thread only.
        self._cost = 0.0

    # --- from any thread ---

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and wait for it; the tracker forgets its target. May be called twice."""
        self.request_stop()  # A catch-up would go on to its end.
        self._slot.close()
        if self._thread.is_alive():
            self._thread.join()
        if self._slot.take() is not None:
            self._counts.add("dropped")
        self._tracker.reset()

    def request_start(self, request: StartRequest) -> None:
        """Take a new target, instead of any that is followed or waited for.

        With a kept frame, the tracker starts there and goes through the frames kept since to the newest; it
        skips frames so as to be there about ``catch_up_seconds`` after the start. If the start fails, the old
        target stays.
        """
        with self._lock:
            self._request = request
        self._slot.nudge()

    def request_stop(self) -> Target | None:
        """Forget the target; no result of it is published after this returns.

        Returns:
            What was followed or waited for, if anything.
        """
        with self._lock:
            waiting = self._request.target if self._request else None
            stopped = self._target or waiting
            self._target = self._request = self._track = None
            self._forget = True
        self._slot.nudge()
        return stopped

    def request_settings(self, config: TrackerConfig) -> None:
        """Use other tracker settings from the next frame on."""
        with self._lock:
            self._settings = config
        self._slot.nudge()

    @property
    def wants_frames(self) -> bool:
        """Whether there is a target to follow or to take."""
        with self._lock:
            return self._target is not None or self._request is not None

    @property
    def target(self) -> Target | None:
        """What is followed."""
        with self._lock:
            return self._target

    @property
    def waiting(self) -> bool:
        """Whether a target is still to be taken."""
        with self._lock:
            return self._request is not None

    @property
    def track(self) -> Track | None:
        """The last result for the target that is followed."""
        with self._lock:
            return self._track

    @property
    def from_history(self) -> int:
        """Results published for frames that had been counted before; see :meth:`_rejoin`."""
        return self._from_history

    # --- the worker's thread ---

    def _run(self) -> None:
        while self._slot.wait():
            try:
                self._carry_out_requests()
                frame = self._slot.take()
                if frame is not None:
                    self._process(frame)
            except Exception as error:  # A dead thread would be silent; a living one says what is wrong.
                self._events.trouble("failed", f"tracking failed: {type(error).__name__}: {error}")

    def _carry_out_requests(self) -> None:
        with self._lock:
            settings, self._settings = self._settings, None
            forget, self._forget = self._forget, False
            request = self._request if self._request and self._request.frame else None
        if forget:
            self._tracker.reset()
        if settings is not None:
            self._tracker.configure(settings)
        if request is not None:
            self._start_in_the_past(request)

    def _process(self, frame: Frame) -> None:
        """Track one new frame, or start on it; it ends in exactly one count."""
        with self._lock:
            request, target = self._request, self._target
        start = request if request and request.frame is None and frame.number > request.after else None
        if start is None and target is None:
            self._counts.add("idle")
            return
        fate = "bad"
        published: Result | None = None
        began = monotonic()
        try:
            image = self._convert(frame.message)
            track = self._start(start, frame, image) if start else None
            if start and track:
                target = start.target
            elif target is None:
                fate = "idle"
                return
            else:
                track = self._tracker.locate(image)
            assert track is not None
            result = Result(frame, image, target, track, began, taken=start is not None)
            published = result if self._publish(result) else None
            fate = "tracked" if published else "idle"
        except ValueError as error:
            self._events.trouble("bad", str(error))
        finally:
            self._counts.add(fate)
        if published:
            self._learn(published)

    def _learn(self, result: Result) -> None:
        """Learn from a frame whose result is out; if that fails, the frame was tracked all the same."""
        self._tracker.learn()
        if not result.taken:
            self._cost = monotonic() - result.began
        self._events.done(result)

    def _start(self, request: StartRequest, frame: Frame, image: ImageArray) -> Track | None:
        """Take a target from an image; None when the box is no good there, and all stays as it was."""
        try:
            check_frame_id(request.frame_id, frame)
            check_box(request.box, image.shape[1], image.shape[0])
            track = self._tracker.init(image, request.box)
        except ValueError as error:
            self._events.trouble("init", f"target '{request.target.id}' was not taken: {error}")
            self._finish(request, taken=False)
            return None
        except Exception:  # Out of memory, say: not to be tried again with every frame.
            self._finish(request, taken=False)
            raise
        return track if self._finish(request, taken=True) else None

    def _finish(self, request: StartRequest, taken: bool) -> bool:
        """Strike a request off once it was tried; False when its target was given up in the meantime."""
        with self._lock:
            if self._request is request:
                self._request = None
                # A stop came before this request or it would have removed it; the tracker is past it now.
                self._forget = self._forget and not taken
            elif self._forget:
                return False
            if taken:
                self._target, self._track = request.target, None
            return True

    def _start_in_the_past(self, request: StartRequest) -> None:
        """Take a target from a kept frame and bring it to the present."""
        assert request.frame is not None
        assert request.image is not None
        began = monotonic()
        track = self._start(request, request.frame, request.image)
        if track is None:
            return
        first = Result(request.frame, request.image, request.target, track, began, taken=True)
        result = self._catch_up(first, monotonic() + self.catch_up_seconds)
        if result is not None:
            self._rejoin(result)

    def _catch_up(self, result: Result, deadline: float) -> Result | None:
        """Track through the kept frames up to the newest; they were all counted when they came.

        Returns:
            The result for the newest frame reached, or None when there is a newer request to look at.
        """
        reached = result.frame.stamp
        while behind := self._history.after(reached):
            with self._lock:
                if self._request is not None or self._target is not result.target:
                    return None
            began = monotonic()
            frame = behind[choose_step(len(behind), self._cost, deadline - began)]
            reached = frame.stamp
            try:
                image = self._convert(frame.message)
                track = self._tracker.locate(image)  # Learns first what the frame before has left.
            except ValueError:
                continue  # A bad frame was reported when it was new.
            self._cost = monotonic() - began
            result = Result(frame, image, result.target, track, began)
            if began >= deadline:
                break
        return result

    def _rejoin(self, result: Result) -> None:
        """Go on with the frame that waits, or publish what was reached if none newer than that does.

        A stream may stand still, and its last image be the one that the box was drawn on: the result for it
        is worth publishing though the frame was counted before.
        """
        waiting = self._slot.take()
        if waiting is not None and waiting.number > result.frame.number:
            self._process(waiting)
            return
        published = self._publish(result)
        if waiting is result.frame:
            self._counts.add("tracked" if published else "idle")
        else:
            if waiting is not None:
                self._counts.add("dropped")
            self._from_history += published
        if published:
            self._learn(result)

    def _publish(self, result: Result) -> bool:
        """Publish a result unless its target was given up meanwhile."""
        with self._lock:
            if self._target is not result.target:
                return False
            self._track = result.track
            self._events.found(result)
        self._events.shown(result)
        return True
