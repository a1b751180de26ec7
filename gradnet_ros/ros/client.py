"""The other side of the tracker node: what it publishes, and calls of its services that end in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import GetParameters
from rclpy.exceptions import InvalidServiceNameException
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from vision_msgs.msg import Detection2D

from gradnet_interfaces.srv import InitTarget  # type: ignore[attr-defined, unused-ignore]
from gradnet_ros.ros.bbox import Centred
from gradnet_ros.ros.messages import to_bbox
from gradnet_ros.ros.stamps import NANOSECONDS, to_nanoseconds
from gradnet_ros.tracking.track import Box

EVERY = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""No detection is to be missed while this side is busy."""
SERVICES = {"init_target": InitTarget, "change_state": ChangeState, "get_parameters": GetParameters}
"""Those of the tracker node that are called here."""
SPIN_S = 0.02


class GraphError(ValueError):
    """Something did not happen in the ROS graph; the message is for the user."""


@dataclass(frozen=True)
class Detection:
    """One message of ``~/detection``.

    Attributes:
        stamp: of the image, ns.
        received: when the message was here, ns of ``time.time_ns``.
        target_id: name of the target.
        centred: centre and size of the box, pixels.
        score: in [0, 1]; ``None`` while the target is lost.
    """

    stamp: int
    received: int
    target_id: str
    centred: Centred
    score: float | None


@dataclass(frozen=True)
class Status:
    """The node's diagnostics.

    Attributes:
        failed: whether the level is ERROR.
        message: for a person.
        values: by key; docs/diagnostics.md explains them.
    """

    failed: bool
    message: str
    values: Mapping[str, str]

    def count(self, key: str) -> int:
        """A value that is a number of things."""
        return int(self.values[key])


class TrackerClient:
    """Listens to a tracker node and calls its services, spinning while it waits.

    Args:
        node: a node in whose name this is done; it may have subscriptions of its own.
        tracker: the tracker node's full name.
        check: called again and again while something is waited for; may raise to end the wait.

    Raises:
        GraphError: ``tracker`` cannot be a node's name.

    Attributes:
        detections: everything from ``~/detection``, in order.
        status: the last diagnostics; ``None`` before the first.
        statuses: how many there were.
    """

    def __init__(self, node: Any, tracker: str, check: Callable[[], None] = lambda: None) -> None:
        self.name = tracker if tracker.startswith("/") else f"/{tracker}"
        self.detections: list[Detection] = []
        self.status: Status | None = None
        self.statuses = 0
        self._node, self._check = node, check
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        try:
            self._clients = {
                name: node.create_client(kind, f"{self.name}/{name}") for name, kind in SERVICES.items()
            }
        except InvalidServiceNameException as error:
            self._executor.shutdown()
            raise GraphError(f"node {tracker!r}: {str(error).splitlines()[0]}") from error
        node.create_subscription(Detection2D, f"{self.name}/detection", self._on_detection, EVERY)
        # Last: the node learns of readers in the order of their making, so the first diagnostics tell
        # that it knows those above. An answer to a reader that it does not know would be dropped.
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, EVERY)

    def close(self) -> None:
        """Stop spinning; the node is the caller's to destroy."""
        self._executor.shutdown()

    # --- waiting ---

    def spin(self, timeout: float = SPIN_S) -> None:
        """Handle what has arrived, or what arrives within ``timeout`` seconds."""
        self._check()
        self._executor.spin_once(timeout_sec=timeout)

    def watch(self, condition: Callable[[], Any], timeout: float) -> bool:
        """Listen until a condition holds, or for ``timeout`` seconds; return whether it does."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.spin()
        return True

    def wait(self, condition: Callable[[], Any], what: str, timeout: float) -> None:
        """Listen until a condition holds.

        Args:
            condition: asked after every message.
            what: what is waited for, for the message.
            timeout: seconds.

        Raises:
            GraphError: it does not come true in time.
        """
        if not self.watch(condition, timeout):
            said = f"says: {self.status.message}" if self.status else "says nothing: is it running?"
            raise GraphError(f"waited {timeout:.0f} s in vain for {what}; {self.name} {said}")

    def wait_for_status(self, timeout: float, newer: int = 1) -> Status:
        """Wait for diagnostics.

        Args:
            timeout: seconds.
            newer: how many from now on; the first may have been under way already.

        Raises:
            GraphError: they do not come.
        """
        wanted = self.statuses + newer
        self.wait(lambda: self.statuses >= wanted, f"diagnostics of {self.name}", timeout)
        assert self.status is not None
        return self.status

    def wait_until_active(self, timeout: float) -> Status:
        """Wait until the node is active.

        Raises:
            GraphError: it is not in time, or cannot be; the message says why.
        """

        def active() -> bool:
            if self.status is None:
                return False
            phase = self.status.values["lifecycle"]
            if self.status.failed and phase != "active":
                raise GraphError(f"{self.name} did not come up: {self.status.message}")
            return phase == "active"

        self.wait(active, f"{self.name} to become active", timeout)
        assert self.status is not None
        return self.status

    # --- services ---

    def call(self, name: str, request: Any, timeout: float) -> Any:
        """Call one of the node's services.

        Args:
            name: one of ``SERVICES``.
            request: of that service's type.
            timeout: as :meth:`ask` has it.

        Raises:
            GraphError: no answer in time.
        """
        return self.ask(self._clients[name], request, timeout)

    def ask(self, client: Any, request: Any, timeout: float) -> Any:
        """Call a service of this or another node once the tracker node's diagnostics are heard.

        Args:
            client: of the service; made before this object, or its answer may be lost.
            request: of that service's type.
            timeout: for each of: diagnostics, the service, its answer; seconds.

        Raises:
            GraphError: no answer in time.
        """
        if self.status is None:
            self.wait_for_status(timeout)
        self.wait(client.service_is_ready, f"the service {client.srv_name}", timeout)
        future = client.call_async(request)
        self.wait(future.done, f"an answer of {client.srv_name}", timeout)
        return future.result()

    def init_target(self, box: Box, stamp: int, target_id: str, class_id: str, timeout: float) -> str:
        """Give a target.

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
        answer = self.call("init_target", request, timeout)
        if not answer.success:
            raise GraphError(f"{self.name} refused the target: {answer.message}")
        return str(answer.target_id)

    def change_state(self, transition: str, timeout: float) -> None:
        """Have the node make a lifecycle transition, such as ``activate``.

        Raises:
            GraphError: no answer, or the transition failed.
        """
        number = getattr(Transition, f"TRANSITION_{transition.upper()}")
        request = ChangeState.Request(transition=Transition(id=number))
        if not self.call("change_state", request, timeout).success:
            raise GraphError(f"{self.name} did not {transition}")

    def get_parameters(self, names: Sequence[str], timeout: float) -> list[Any]:
        """Values of the node's parameters, as ``rcl_interfaces/ParameterValue``.

        Raises:
            GraphError: no answer.
        """
        request = GetParameters.Request(names=list(names))
        return list(self.call("get_parameters", request, timeout).values)

    # --- messages ---

    def _on_detection(self, message: Any) -> None:
        received = time.time_ns()  # First: it ends the latency.
        best = max((result.hypothesis.score for result in message.results), default=None)
        position, bbox = message.bbox.center.position, message.bbox
        self.detections.append(
            Detection(
                to_nanoseconds(message.header.stamp),
                received,
                message.id,
                (position.x, position.y, bbox.size_x, bbox.size_y),
                best,
            )
        )

    def _on_diagnostics(self, array: Any) -> None:
        for status in array.status:
            if status.name == f"{self.name.lstrip('/')}: tracking":
                values = {item.key: item.value for item in status.values}
                failed = status.level == DiagnosticStatus.ERROR
                self.status = Status(failed, status.message, values)
                self.statuses += 1
