"""The node's parameter values: checked when they are set, passed on when they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import SetParametersResult

from gradnet_ros.ros.parameters import (
    NODE_SPECS,
    declare,
    declare_defaults_for_wrong,
    tracker_config,
    tracker_specs,
)
from gradnet_ros.ros.session import SessionSettings
from gradnet_ros.tracking.config import TrackerConfig


class LiveParameters:
    """Declares the parameters and holds their values.

    The tracker's settings are declared once the network is loaded: their defaults are the network's own.
    """

    def __init__(
        self,
        node: Any,
        check: Callable[[TrackerConfig], None],
        on_change: Callable[[set[str]], None],
    ) -> None:
        """Declare the node's own parameters.

        Args:
            node: the node.
            check: raises ValueError for tracker settings that the network in use cannot follow.
            on_change: called with the names of the parameters that were changed, after the values are here.

        Raises:
            rclpy.exceptions.ParameterException: a value of the user's is not allowed.
        """
        self._node = node
        self._check = check
        self._on_change = on_change
        self._values = declare(node, NODE_SPECS)
        node.add_on_set_parameters_callback(self._on_set)

    def declare_tracker(self, defaults: TrackerConfig) -> TrackerConfig:
        """Declare the tracker's settings, unless they are, and return them with the user's values.

        All are declared afterwards in any case, so that the user can set them and configure again; where the
        user's value is not allowed, the default stands.

        Raises:
            ValueError: values of the user's are not allowed or do not go together.
        """
        values, wrong = declare_defaults_for_wrong(self._node, tracker_specs(defaults))
        self._values |= values
        if wrong:
            raise ValueError("; ".join(wrong))
        return self.tracker

    def text(self, name: str) -> str:
        """Value of a string parameter."""
        return str(self._values[name])

    def number(self, name: str) -> float:
        """Value of a numeric or bool parameter."""
        return float(self._values[name])

    @property
    def session(self) -> SessionSettings:
        """The parameters that a session follows."""
        return SessionSettings(
            history_seconds=self.number("history_seconds"),
            history_megabytes=self.number("history_megabytes"),
            catch_up_seconds=self.number("catch_up_seconds"),
            jump_back_seconds=self.number("jump_back_seconds"),
        )

    @property
    def tracker(self) -> TrackerConfig:
        """The tracker's settings.

        Raises:
            ValueError: they do not go together.
        """
        return tracker_config(self._values)

    def _on_set(self, parameters: list[Any]) -> Any:
        """Check a change and make it.

        rclpy has checked types, ranges and read-only ones before. Changes are passed on from here rather than
        from a callback after the fact, which Humble does not have: nobody refuses a change after us.
        """
        changed = {p.name: p.value for p in parameters if p.name in self._values}
        candidate = {**self._values, **changed}
        try:
            self._check(tracker_config(candidate))
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if changed:
            self._values = candidate
            self._on_change(set(changed))
        return SetParametersResult(successful=True)
