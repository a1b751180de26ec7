"""Where targets are given and taken back: ``~/init_target``, ``~/init`` and ``~/stop``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2D

from gradnet_interfaces.srv import InitTarget  # type: ignore[attr-defined, unused-ignore]
from gradnet_ros.ros.messages import from_bbox
from gradnet_ros.ros.session import Session
from gradnet_ros.ros.stamps import to_nanoseconds
from gradnet_ros.ros.targets import Target, TargetNames

INACTIVE = "the node is not active"


class TargetRequests:
    """The services and the topic; they exist all the node's life, and say so when it is not active."""

    def __init__(self, node: Any, session: Callable[[], Session | None]) -> None:
        """Create them.

        Args:
            node: the node.
            session: the session that requests go to; None while the node is not active.
        """
        self._session = session
        self._logger = node.get_logger()
        self._names = TargetNames()
        node.create_service(InitTarget, "~/init_target", self._on_init_target)
        node.create_service(Trigger, "~/stop", self._on_stop)
        node.create_subscription(Detection2D, "~/init", self._on_init, 1)

    def _on_init_target(self, request: Any, response: Any) -> Any:
        try:
            response.target_id, response.message = self._start(
                request.header, request.bbox, request.target_id, request.class_id
            )
            response.success = True
        except ValueError as error:
            response.success, response.message = False, str(error)
        self._log(response.success, response.message)
        return response

    def _on_init(self, detection: Any) -> None:
        """Take over a detector's detection: its best hypothesis is the class."""
        best = max((result.hypothesis for result in detection.results), key=lambda h: h.score, default=None)
        class_id = best.class_id if best else ""
        try:
            _, message = self._start(detection.header, detection.bbox, detection.id, class_id)
        except ValueError as error:
            self._log(False, str(error))
        else:
            self._log(True, message)

    def _on_stop(self, _request: Any, response: Any) -> Any:
        session = self._session()
        stopped = session.worker.request_stop() if session else None
        response.success = stopped is not None
        if stopped:
            response.message = f"'{stopped.id}' is not followed any more"
        else:
            response.message = "there is no target" if session else INACTIVE
        return response

    def _start(self, header: Any, bbox: Any, target_id: str, class_id: str) -> tuple[str, str]:
        session = self._session()
        if session is None:
            raise ValueError(INACTIVE)
        box = from_bbox(bbox)
        name = target_id or self._names.next()
        stamp = to_nanoseconds(header.stamp)
        return name, session.start_target(stamp, header.frame_id, box, Target(name, class_id))

    def _log(self, accepted: bool, message: str) -> None:
        if accepted:
            self._logger.info(f"Target {message}")
        else:
            self._logger.warning(f"Target refused: {message}")
