"""What happens to an image on arrival: counted, checked, ordered, kept, handed on; not converted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradnet_ros.ros import images
from gradnet_ros.ros.counters import FrameCounts
from gradnet_ros.ros.frames import Frame
from gradnet_ros.ros.history import FrameHistory
from gradnet_ros.ros.order import StampOrder, Step
from gradnet_ros.ros.slot import LatestSlot
from gradnet_ros.ros.stamps import seconds, to_nanoseconds


class Intake:
    """Receives the images of one activation, all from one thread.

    Attributes:
        order: which stamps may follow one another.
        number: number of the last frame that was accepted.
        last_arrival: when the last message came, whatever it was like, on the caller's clock; or None.
        description: encoding and ``width x height`` of the last good image; the size of a compressed one is
            not known here.
    """

    def __init__(
        self,
        slot: LatestSlot[Frame],
        history: FrameHistory,
        counts: FrameCounts,
        wanted: Callable[[], bool],
        on_trouble: Callable[[str, str], None],
        on_good: Callable[[], None],
        jump_back: float,
    ) -> None:
        """Connect the intake.

        Args:
            slot: where frames go that are to be tracked.
            history: where all good frames are kept for a while.
            counts: the account of frames.
            wanted: whether frames are to be tracked now.
            on_trouble: called with a kind (``bad``, ``out_of_order``, ``restart``, ``camera``) and a text for
                the log.
            on_good: called for a frame that looks good and is not wanted; the worker judges the others.
            jump_back: of :class:`~gradnet_ros.ros.order.StampOrder`, s.
        """
        self._slot = slot
        self._history = history
        self._counts = counts
        self._wanted = wanted
        self._on_trouble = on_trouble
        self._on_good = on_good
        self.order = StampOrder(jump_back)
        self.number = 0
        self.last_arrival: float | None = None
        self.description: tuple[str, str] = ("", "")
        self._frame_id = ""

    def receive(self, message: Any, now: float) -> None:
        """Take one message.

        Args:
            message: ``sensor_msgs`` Image or CompressedImage.
            now: time of arrival in seconds, on a clock that never steps back.
        """
        self._counts.add("received")
        self.last_arrival = now
        if not self._is_good(message):
            return
        stamp = to_nanoseconds(message.header.stamp)
        if not self._is_next(stamp):
            return
        self.number += 1
        frame = Frame(message, stamp, self.number)
        self._watch_camera(frame.frame_id)
        # The slot first: what the worker finds in the history must have been in the slot before.
        if self._wanted():
            if self._slot.put(frame) is not None:
                self._counts.add("dropped")
        else:
            self._counts.add("idle")
            self._on_good()
        self._history.add(frame)

    def _is_good(self, message: Any) -> bool:
        try:
            if images.is_compressed(message):
                size = ""
            else:
                images.check_layout(message)
                size = f"{message.width}x{message.height}"
        except ValueError as error:
            self._counts.add("bad")
            self._on_trouble("bad", str(error))
            return False
        self.description = (images.encoding_of(message), size)
        return True

    def _is_next(self, stamp: int) -> bool:
        """Whether a frame may follow the last one; a sender that does not stamp is taken at its order."""
        last = self.order.last
        step = self.order.judge(stamp)
        if step is Step.RESTART:
            self._history.clear()
            self._on_trouble("restart", f"stamps jumped back by {seconds(last - stamp)}: a new stream begins")
        elif step is Step.LATE:
            self._counts.add("out_of_order")
            self._on_trouble(
                "out_of_order", f"image with stamp {seconds(stamp)} came after one with {seconds(last)}"
            )
        return step is not Step.LATE

    def _watch_camera(self, frame_id: str) -> None:
        """Tell when images of two cameras come on one topic: a target would be looked for in both."""
        if self._frame_id and frame_id and frame_id != self._frame_id:
            self._on_trouble(
                "camera", f"frame_id changed from '{self._frame_id}' to '{frame_id}': another camera's images"
            )
        self._frame_id = frame_id
