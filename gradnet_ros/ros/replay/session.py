"""A tracker node that was made ready for a bag: fresh, alone with its pictures, with the target given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from time import monotonic
from typing import Any

from gradnet_ros.bags.outcome import Finding, Row, row_of
from gradnet_ros.bags.pictures import Picture
from gradnet_ros.bags.scene import Scene
from gradnet_ros.bags.types import IMAGE
from gradnet_ros.ros.client import Detection, GraphError, Status, TrackerClient
from gradnet_ros.ros.replay.publisher import PicturePublisher
from gradnet_ros.ros.stamps import seconds
from gradnet_ros.tracking.track import TrackState


@dataclass(frozen=True)
class Request:
    """What to replay.

    Attributes:
        scene: pictures and target.
        tracker: full name of the tracker node.
        target: name and class of the target.
        timeout: seconds for anything that is waited for.
    """

    scene: Scene
    tracker: str
    target: tuple[str, str]
    timeout: float


class ReplaySession:
    """Shows pictures to the tracker node and takes its detections.

    The node is deactivated and activated first: no picture, target or count of an earlier run is left.

    Args:
        node: this side's node.
        request: what to replay.

    Attributes:
        client: the tracker node's other side.
        publisher: shows pictures.
        shown: pictures shown, each once.
        resent: pictures shown again, because they did not arrive.

    Raises:
        GraphError: the node is not there, does not come up, takes other pictures, or is not alone with them.
    """

    def __init__(self, node: Any, request: Request) -> None:
        self.client = TrackerClient(node, request.tracker, self._look)
        self.request, self.shown, self.resent = request, 0, 0
        self._judged_from: int | None = None
        timeout = request.timeout
        kind = request.scene.topic.topic.type
        status = self._activate()
        if node.count_publishers("/clock"):  # Only now: a graph that was just joined looks empty.
            raise GraphError("somebody else publishes /clock: end that first")
        transport, tracked = self.client.get_parameters(["image_transport", "tracker.tracked_score"], timeout)
        wanted = "raw" if kind == IMAGE else "compressed"
        if transport.string_value != wanted:
            raise GraphError(
                f"{self.client.name} takes {transport.string_value} images, but"
                f" {request.scene.topic.topic.name} has {kind}: start the node with image_transport:={wanted}"
            )
        self._tracked_score = tracked.double_value
        self.client.change_state("deactivate", timeout)
        self.publisher = PicturePublisher(node, status.values["input_topic"], kind)
        self.client.change_state("activate", timeout)
        self._wait_until_connected()

    @property
    def status(self) -> Status:
        """The node's last diagnostics."""
        assert self.client.status is not None
        return self.client.status

    def start(self, picture: Picture) -> Row:
        """Show the first picture and give the target in it.

        Raises:
            GraphError: the picture does not arrive, the target is refused, or no detection comes.
        """
        box = self.request.scene.start_box(picture)
        self.show(picture)
        # The node refuses a box on a picture that it has not got.
        self._until(lambda: self.status.count("frames_received") > 0, picture)
        self.client.init_target(box, picture.stamp, *self.request.target, self.request.timeout)
        # The next diagnostics may have been on their way before the target was there.
        self._judged_from = self.client.statuses + 2
        self._until(lambda: self.client.detections, picture)
        return row_of(picture, self.request.scene, self.finding(self.client.detections.pop(0)), nan)

    def show(self, picture: Picture) -> int:
        """Show a picture; returns when, ns of ``time.time_ns``."""
        self.shown += 1
        return self.publisher.show(picture)

    def step(self, picture: Picture) -> Row:
        """Show a picture and wait for its detection.

        Raises:
            GraphError: none comes; the message names the picture and says what the node did with it.
        """
        began = self.show(picture)
        self._until(lambda: self.client.detections, picture)
        detection = self.client.detections.pop(0)
        if detection.stamp != picture.stamp:
            raise GraphError(
                f"{_name(picture)} was shown, but a detection with stamp {seconds(detection.stamp)} came:"
                f" somebody else publishes images"
            )
        took = (detection.received - began) / 1e9
        return row_of(picture, self.request.scene, self.finding(detection), took)

    def finding(self, detection: Detection) -> Finding:
        """What a detection says.

        Raises:
            GraphError: it is of another target.
        """
        if detection.target_id != self.request.target[0]:
            raise GraphError(
                f"a detection of '{detection.target_id}' came: somebody else gave the node another target"
            )
        if detection.score is None:
            state = TrackState.LOST
        else:
            tracked = detection.score >= self._tracked_score
            state = TrackState.TRACKED if tracked else TrackState.UNCERTAIN
        return Finding(detection.centred, detection.score, state)

    def settle(self) -> None:
        """Wait until the node has done with all it received, and its account says so.

        Raises:
            GraphError: it does not get there.
        """
        self.client.wait_for_status(self.request.timeout, newer=2)
        self.client.wait(
            lambda: self.status.count("frames_pending") == 0, "the last pictures", self.request.timeout
        )

    def close(self) -> None:
        """Let go of the node."""
        self.client.close()

    # --- steps ---

    def _activate(self) -> Status:
        status = self.client.wait_for_status(self.request.timeout)
        if status.values["lifecycle"] == "inactive":
            self.client.change_state("activate", self.request.timeout)
            self.client.wait_for_status(self.request.timeout)
        return self.client.wait_until_active(self.request.timeout)

    def _wait_until_connected(self) -> None:
        """Wait until the node, counting from 0 again, sees this publisher and no other."""
        self.client.wait_for_status(self.request.timeout, newer=2)
        topic = self.status.values["input_topic"]

        def connected() -> bool:
            others = self.status.count("input_publishers") - 1
            if others > 0:
                raise GraphError(f"{others} other publishers of {topic}: end them first")
            return others == 0 and self.publisher.subscribers > 0

        self.client.wait(connected, f"{self.client.name} to listen to {topic}", self.request.timeout)
        if self.status.count("input_incompatible"):
            raise GraphError(f"the QoS of {self.client.name} for {topic} does not fit: {self.status.message}")

    def _until(self, condition: Callable[[], Any], picture: Picture) -> None:
        """Wait for what a picture is to bring about; show it again if it did not arrive.

        The node takes a picture once: one that it has already is out of order and changes nothing.
        """
        deadline = monotonic() + self.request.timeout
        while True:
            wanted = self.client.statuses + 2

            def quiet(wanted: int = wanted) -> bool:
                """Two diagnostics, and nothing is being worked on: the picture is not there."""
                return self.client.statuses >= wanted and self.status.count("frames_pending") == 0

            self.client.watch(lambda: condition() or quiet(), deadline - monotonic())
            if condition():
                return
            if monotonic() >= deadline:
                raise GraphError(self._silence(picture))
            self.publisher.show(picture)
            self.resent += 1

    def _silence(self, picture: Picture) -> str:
        values = self.status.values
        counts = ", ".join(
            f"{values[f'frames_{name}']} {name.replace('_', ' ')}"
            for name in ("received", "tracked", "dropped", "out_of_order", "bad", "idle")
        )
        problem = f"; its last problem: {values['last_problem']}" if values["last_problem"] else ""
        return (
            f"{_name(picture)} gave no detection in {self.request.timeout:.0f} s. {self.client.name} counts"
            f" {counts}{problem}. Is it too slow, raise --timeout; does it not receive: set its"
            f" qos_overrides.{values['input_topic']}.subscription.reliability:=reliable (see docs/ros.md,"
            " Large images on Fast DDS)"
        )

    def _look(self) -> None:
        """End the wait if the node says that something went wrong for good."""
        status = self.client.status
        if status is None or self._judged_from is None or self.client.statuses < self._judged_from:
            return
        if status.values["lifecycle"] != "active":
            raise GraphError(f"{self.client.name} is {status.values['lifecycle']}: somebody stopped it")
        if status.count("frames_bad"):
            raise GraphError(f"{self.client.name} failed: {status.values['last_problem']}")
        if not status.values["target_id"] and status.values["state"] == "IDLE":
            raise GraphError(f"{self.client.name} has no target any more: somebody took it away")


def _name(picture: Picture) -> str:
    return f"picture {picture.number} with stamp {seconds(picture.stamp)}"
