"""The demo's own place in the ROS graph: it listens to the tracker node, and calls services."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import rclpy
from processes import Child
from rclpy.signals import SignalHandlerOptions
from recording import Detection
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from gradnet_ros.ros import client
from gradnet_ros.ros.bbox import from_centre
from gradnet_ros.ros.stamps import to_nanoseconds
from gradnet_ros.tracking.track import Box

NAMESPACE = "demo"
TRACKER = f"/{NAMESPACE}/tracker_node"
CAMERA = f"/{NAMESPACE}/camera"
IMAGE = f"{CAMERA}/image_raw"


class GraphError(Exception):
    """Something did not happen in the graph; the message is for the user.

    Attributes:
        culprit: the process whose log may say more; None if no single one.
    """

    def __init__(self, message: str, culprit: Child | None = None) -> None:
        super().__init__(message)
        self.culprit = culprit


class Observer:
    """Listens to the tracker node and the camera, and calls their services.

    Attributes:
        first_stamp: stamp of the first image seen, ns; None before.
    """

    def __init__(self, tracker: Child, camera: Child) -> None:
        """Join the graph; needs the ROS domain in the environment."""
        self._tracker, self._camera = tracker, camera
        # Ctrl-C is to end the demo in order, as a KeyboardInterrupt; ROS would shut down under its feet.
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("demo", namespace=NAMESPACE)
        self._play = self._node.create_client(Trigger, f"{CAMERA}/play")
        self._client = client.TrackerClient(self._node, TRACKER, self._check_processes)
        self.first_stamp: int | None = None
        self._detections: list[Detection] = []
        self._images = self._node.create_subscription(Image, IMAGE, self._on_image, client.EVERY)

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._node.destroy_node()
        rclpy.try_shutdown()

    # --- what was heard ---

    @property
    def detections(self) -> list[Detection]:
        """Everything from ``~/detection``, in order."""
        self._detections += [
            Detection(each.stamp, each.received, from_centre(each.centred), each.score)
            for each in self._client.detections[len(self._detections) :]
        ]
        return self._detections

    @property
    def statuses(self) -> int:
        """How many diagnostics of the node there were."""
        return self._client.statuses

    @property
    def values(self) -> Mapping[str, str]:
        """Keys and values of the node's last diagnostics; empty before the first."""
        return self._client.status.values if self._client.status else {}

    def value(self, key: str) -> str:
        """One of them."""
        return self.values[key]

    # --- waiting ---

    def watch(self, condition: Callable[[], Any], timeout: float) -> bool:
        """Listen until a condition holds, or for ``timeout`` seconds; return whether it does.

        Raises:
            GraphError: a process ended that should not have.
        """
        return self._client.watch(condition, timeout)

    def wait(self, condition: Callable[[], Any], what: str, timeout: float) -> None:
        """Listen until a condition holds.

        Args:
            condition: asked after every message.
            what: what is waited for, for the message.
            timeout: seconds.

        Raises:
            GraphError: it does not come true in time, or a process ended meanwhile.
        """
        with self._blaming(self._tracker):
            self._client.wait(condition, what, timeout)

    def wait_until_active(self, timeout: float) -> None:
        """Wait until the tracker node is active and connected to the camera.

        Raises:
            GraphError: it is not in time, or cannot be; the message says why.
        """
        with self._blaming(self._tracker):
            self._client.wait_until_active(timeout)
            self._client.wait(
                lambda: self.value("input_publishers") == "1", "the tracker node to see the camera", timeout
            )

    def wait_for_first_image(self, timeout: float) -> int:
        """Wait until the first image is here and at the tracker node, and look at no other after it.

        Returns:
            Its stamp, ns.

        Raises:
            GraphError: none came.
        """
        self.wait(lambda: self.first_stamp is not None, "the camera's first image", timeout)
        self._node.destroy_subscription(self._images)
        # It may be here earlier than there, and the node refuses a box on an image that it has not seen.
        self.wait(lambda: self.value("frames_received") == "1", "the node to have the first image", timeout)
        assert self.first_stamp is not None
        return self.first_stamp

    def _check_processes(self) -> None:
        if self._tracker.status is not None:
            raise GraphError(
                f"the tracker node ended early, with exit status {self._tracker.status}", self._tracker
            )
        if self._camera.status not in (None, 0):
            raise GraphError(f"the camera failed, with exit status {self._camera.status}", self._camera)

    @contextmanager
    def _blaming(self, culprit: Child) -> Iterator[None]:
        """While entered, what goes wrong is told with the process whose log may say more."""
        try:
            yield
        except client.GraphError as error:
            raise GraphError(str(error), culprit) from error

    # --- services ---

    def init_target(self, box: Box, stamp: int, target_id: str, class_id: str, timeout: float) -> str:
        """Call ``~/init_target``; see :meth:`gradnet_ros.ros.client.TrackerClient.init_target`.

        Raises:
            GraphError: no answer, or a refusal.
        """
        with self._blaming(self._tracker):
            return self._client.init_target(box, stamp, target_id, class_id, timeout)

    def play(self, timeout: float) -> None:
        """Let the camera go on after its first frame.

        Raises:
            GraphError: no answer, or a refusal.
        """
        with self._blaming(self._camera):
            answer = self._client.ask(self._play, Trigger.Request(), timeout)
        if not answer.success:
            raise GraphError(f"the camera does not play: {answer.message}", self._camera)

    def get_numbers(self, names: Sequence[str], timeout: float) -> list[float]:
        """Values of the tracker node's parameters of type double.

        Raises:
            GraphError: no answer.
        """
        with self._blaming(self._tracker):
            return [value.double_value for value in self._client.get_parameters(names, timeout)]

    # --- messages ---

    def _on_image(self, message: Any) -> None:
        if self.first_stamp is None:
            self.first_stamp = to_nanoseconds(message.header.stamp)
