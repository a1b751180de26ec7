"""The demo's own place in the ROS graph: it listens to the tracker node, and calls services."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from processes import Child
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from recording import Detection
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2D

from gradnet_interfaces.srv import InitTarget
from gradnet_ros.ros.messages import from_bbox, to_bbox
from gradnet_ros.ros.stamps import NANOSECONDS, to_nanoseconds
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
        detections: everything from ``~/detection``, in order.
        first_stamp: stamp of the first image seen, ns; None before.
        status: level, message and values of the node's last diagnostics; None before the first.
        statuses: how many of them there were.
    """

    def __init__(self, tracker: Child, camera: Child) -> None:
        """Join the graph; needs the ROS domain in the environment."""
        self._tracker, self._camera = tracker, camera
        # Ctrl-C is to end the demo in order, as a KeyboardInterrupt; ROS would shut down under its feet.
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("demo", namespace=NAMESPACE)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self.detections: list[Detection] = []
        self.first_stamp: int | None = None
        self.status: tuple[int, str, dict[str, str]] | None = None
        self.statuses = 0
        every = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
        self._node.create_subscription(Detection2D, f"{TRACKER}/detection", self._on_detection, every)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, every)
        self._images = self._node.create_subscription(Image, IMAGE, self._on_image, every)

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    # --- waiting ---

    def watch(self, condition: Callable[[], Any], timeout: float) -> bool:
        """Listen until a condition holds, or for ``timeout`` seconds; return whether it does.

        Raises:
            GraphError: a process ended that should not have.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            self._check_processes()
            if time.monotonic() > deadline:
                return False
            self._executor.spin_once(timeout_sec=0.02)
        return True

    def wait(self, condition: Callable[[], Any], what: str, timeout: float) -> None:
        """Listen until a condition holds.

        Args:
            condition: asked after every message.
            what: what is waited for, for the message.
            timeout: seconds.

        Raises:
            GraphError: it does not come true in time, or a process ended meanwhile.
        """
        if not self.watch(condition, timeout):
            raise GraphError(f"waited {timeout:.0f} s in vain for {what}", self._tracker)

    def wait_until_active(self, timeout: float) -> None:
        """Wait until the tracker node is active and connected to the camera.

        Raises:
            GraphError: it is not in time, or cannot be; the message says why.
        """

        def ready() -> bool:
            if self.status is None:
                return False
            level, message, values = self.status
            if level == DiagnosticStatus.ERROR[0] and values["lifecycle"] != "active":
                raise GraphError(f"the tracker node did not come up: {message}", self._tracker)
            return values["lifecycle"] == "active" and values["input_publishers"] == "1"

        self.wait(ready, "the tracker node to become active", timeout)

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

    @property
    def values(self) -> dict[str, str]:
        """Keys and values of the node's last diagnostics; empty before the first."""
        return self.status[2] if self.status else {}

    def value(self, key: str) -> str:
        """One of them."""
        return self.values[key]

    # --- services ---

    def init_target(self, box: Box, stamp: int, target_id: str, class_id: str, timeout: float) -> str:
        """Call ``~/init_target``.

        Args:
            box: ``(x, y, w, h)`` in pixels.
            stamp: of the image that it was drawn on, ns.
            target_id: name of the target.
            class_id: what it is.
            timeout: seconds.

        Returns:
            The target's name.

        Raises:
            GraphError: no answer, or a refusal.
        """
        request = InitTarget.Request(bbox=to_bbox(box), target_id=target_id, class_id=class_id)
        request.header.stamp.sec, request.header.stamp.nanosec = divmod(stamp, NANOSECONDS)
        answer = self._call(InitTarget, f"{TRACKER}/init_target", request, timeout)
        if not answer.success:
            raise GraphError(f"init_target was refused: {answer.message}", self._tracker)
        return str(answer.target_id)

    def play(self, timeout: float) -> None:
        """Let the camera go on after its first frame.

        Raises:
            GraphError: no answer, or a refusal.
        """
        answer = self._call(Trigger, f"{CAMERA}/play", Trigger.Request(), timeout)
        if not answer.success:
            raise GraphError(f"the camera does not play: {answer.message}", self._camera)

    def get_numbers(self, names: Sequence[str], timeout: float) -> list[float]:
        """Values of the tracker node's parameters of type double.

        Raises:
            GraphError: no answer.
        """
        request = GetParameters.Request(names=list(names))
        answer = self._call(GetParameters, f"{TRACKER}/get_parameters", request, timeout)
        return [value.double_value for value in answer.values]

    def _call(self, kind: Any, name: str, request: Any, timeout: float) -> Any:
        client: Any = self._node.create_client(kind, name)
        self.wait(client.service_is_ready, f"the service {name}", timeout)
        future = client.call_async(request)
        self.wait(future.done, f"an answer of {name}", timeout)
        return future.result()

    # --- messages ---

    def _on_detection(self, message: Any) -> None:
        received = time.time_ns()  # First: it ends the latency.
        best = max((result.hypothesis.score for result in message.results), default=None)
        stamp = to_nanoseconds(message.header.stamp)
        self.detections.append(Detection(stamp, received, from_bbox(message.bbox), best))

    def _on_image(self, message: Any) -> None:
        if self.first_stamp is None:
            self.first_stamp = to_nanoseconds(message.header.stamp)

    def _on_diagnostics(self, array: Any) -> None:
        for status in array.status:
            if status.name == f"{TRACKER.lstrip('/')}: tracking":
                values = {item.key: item.value for item in status.values}
                self.status = status.level[0], status.message, values
                self.statuses += 1
