"""Differences between the rclpy of Humble and Jazzy and later ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.qos import qos_policy_name_from_kind


def create_subscription(
    node: Any, on_incompatible_qos: Callable[[str], None], *args: Any, **keywords: Any
) -> Any:
    """``node.create_subscription(...)`` that reports publishers whose QoS does not fit.

    Args:
        node: the node.
        on_incompatible_qos: called with the name of the policy that does not fit.
        args: of ``create_subscription``.
        keywords: of ``create_subscription``.
    """
    events = SubscriptionEventCallbacks(
        incompatible_qos=lambda event: on_incompatible_qos(qos_policy_name_from_kind(event.last_policy_kind))
    )
    try:
        return node.create_subscription(*args, event_callbacks=events, **keywords)
    except UnsupportedEventTypeError:  # Not every middleware reports this; Humble's rclpy insists.
        return node.create_subscription(*args, **keywords)


def refuse_unfit_transitions(node: Any) -> None:
    """Let ``~/change_state`` of a lifecycle node answer a transition that its state does not allow.

    Up to Jazzy rclpy raises an error there instead, out of the executor: any caller could end the node.
    """
    service = node._service_change_state
    answer = service.callback

    def answer_always(request: Any, response: Any) -> Any:
        try:
            return answer(request, response)
        except RuntimeError as error:  # RCLError is one.
            if not node.context.ok():
                raise
            node.get_logger().error(f"Transition refused: {error}")
            response.success = False
            return response

    service.callback = answer_always
