"""Differences between the rclpy of Humble and later ones."""

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
