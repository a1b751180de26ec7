"""The ``tracker`` node: a managed node whose life reads from top to bottom."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from traceback import format_exc
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined, unused-ignore]
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from gradnet_ros.ros import diagnostics
from gradnet_ros.ros.compat import refuse_unfit_transitions
from gradnet_ros.ros.images import converters
from gradnet_ros.ros.input import ImageInput
from gradnet_ros.ros.live_parameters import LiveParameters
from gradnet_ros.ros.outputs import Outputs
from gradnet_ros.ros.parameters import TRACKER_PREFIX
from gradnet_ros.ros.reporter import collect
from gradnet_ros.ros.requests import TargetRequests
from gradnet_ros.ros.session import Session
from gradnet_ros.ros.tracker_api import LoadedTracker, TrackerFactory, load_tracker, make_tracker
from gradnet_ros.ros.worker import Result
from gradnet_ros.tracking.config import TrackerConfig

LOG_PERIOD_S = 5.0
"""A trouble that comes with every image is logged this often, in seconds."""
FAILURES = (ImportError, OSError, ValueError, RuntimeError, ParameterException)
"""What may keep a transition from succeeding; everything else is a defect."""

Transition = Callable[["TrackerNode", LifecycleState], TransitionCallbackReturn]


def _telling_defects(transition: Transition) -> Transition:
    """Log what a transition raises and keep it for the diagnostics; rclpy goes to on_error without a word."""
    name = transition.__name__.removeprefix("on_")

    @wraps(transition)
    def run(node: TrackerNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception as error:
            return node._break_down(name, error)

    return run


class TrackerNode(LifecycleNode):  # type: ignore[misc, unused-ignore]
    """Follows one object through the images of a topic.

    All callbacks run in the executor's one thread; tracking runs in a thread of the session's, so that
    services answer while a frame is tracked.
    """

    def __init__(self, factory: TrackerFactory = make_tracker, **keywords: Any) -> None:
        """Create the node, unconfigured.

        Args:
            factory: makes the tracker when the node is configured.
            keywords: of ``rclpy.lifecycle.LifecycleNode``.

        Raises:
            rclpy.exceptions.ParameterException: a parameter value is not allowed.
        """
        super().__init__("tracker_node", **keywords)
        refuse_unfit_transitions(self)
        self._factory = factory
        self._phase = "unconfigured"
        self._failure = ""
        self._loaded: LoadedTracker | None = None
        self._outputs: Outputs | None = None
        self._session: Session | None = None
        self._input: ImageInput | None = None
        self._settings = LiveParameters(self, self._check_settings, self._on_parameters_changed)
        self._requests = TargetRequests(self, lambda: self._session)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # Wall clock: a simulation that stands still is something to report.
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    # --- life ---

    def autostart(self) -> None:
        """Configure and activate if the parameter ``autostart`` says so; after a failure the node waits."""
        if not self._settings.number("autostart"):
            return
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    @_telling_defects
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the tracker and create the publishers."""
        try:
            self._loaded = self._load_tracker()
            self._outputs = Outputs(self)
        except FAILURES as error:
            self._release()
            return self._fail("configure", error)
        self._enter("inactive")
        return super().on_configure(state)

    @_telling_defects
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the images and start tracking what is asked for."""
        assert self._loaded is not None
        result = super().on_activate(state)  # The publishers first: the first result is to go out.
        try:
            # The tracker may not know all of them: a session may end before it has passed a change on.
            self._loaded.tracker.configure(self._settings.tracker)
            self._session = Session(
                self._loaded.tracker, self._settings.session, self._publish, self._show, self._log_trouble
            )
            self._input = ImageInput(
                self, self._settings.text("image_transport"), self._session.receive, self._log_qos
            )
        except FAILURES as error:
            self._end_session()
            super().on_deactivate(state)
            return self._fail("activate", error)
        self.get_logger().info(f"Waiting for images on {self._input.topic}")
        self._enter("active")
        return result

    @_telling_defects
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and forget the target."""
        self._end_session()
        self._enter("inactive")
        return super().on_deactivate(state)

    @_telling_defects
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give up the tracker and the publishers."""
        result = super().on_cleanup(state)
        self._release()
        self._enter("unconfigured")
        return result

    @_telling_defects
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give up everything."""
        result = super().on_shutdown(state)
        self.close()
        self._enter("finalized")
        return result

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give up everything, to be configured anew."""
        self.close()
        self._phase = "unconfigured"  # The failure stays, for the diagnostics to tell.
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """Give up what a session and a configuration hold; may be called at any time."""
        self._end_session()
        self._release()

    def destroy_node(self) -> None:
        """Give up everything, then the node."""
        self.close()
        super().destroy_node()

    # --- steps ---

    def _load_tracker(self) -> LoadedTracker:
        text = self._settings.text
        converters()  # Fails here, not at the first image.
        loaded = load_tracker(
            self._factory, text("network"), text("device"), text("weights") or None, text("engine")
        )
        if loaded.problem:
            self.get_logger().warning(f"Running on {loaded.tracker.device}: {loaded.problem}")
        tracker = loaded.tracker
        tracker.check(self._settings.declare_tracker(tracker.config))
        self.get_logger().info(f"Network {tracker.network} on {tracker.device}, engine {tracker.engine}")
        return loaded

    def _end_session(self) -> None:
        if self._input is not None:
            self._input.destroy()
            self._input = None
        if self._session is not None:
            self._session.close()
            self._session = None

    def _release(self) -> None:
        if self._outputs is not None:
            self._outputs.destroy()
            self._outputs = None
        self._loaded = None

    def _enter(self, phase: str) -> None:
        self._phase, self._failure = phase, ""

    def _fail(self, transition: str, error: Exception) -> TransitionCallbackReturn:
        self._failure = f"cannot {transition}: {error}"
        self.get_logger().error(self._failure)
        return TransitionCallbackReturn.FAILURE

    def _break_down(self, transition: str, error: Exception) -> TransitionCallbackReturn:
        self._failure = f"cannot {transition}: {type(error).__name__}: {error}"
        self.get_logger().error(f"{self._failure}\n{format_exc()}")
        return TransitionCallbackReturn.ERROR

    # --- from the worker's thread ---

    def _publish(self, result: Result) -> float | None:
        """Publish a result; the latency from its stamp in ms, or None without a stamp."""
        assert self._outputs is not None
        self._outputs.publish_detection(result)
        if result.frame.stamp == 0:
            return None
        return float(self.get_clock().now().nanoseconds - result.frame.stamp) / 1e6

    def _show(self, result: Result) -> None:
        assert self._outputs is not None
        self._outputs.publish_debug_image(result, round(self._settings.number("debug_line_width")))

    def _log_trouble(self, kind: str, text: str) -> None:
        """Log a trouble; each kind is throttled on its own, which rclpy does by the line of the call."""
        logger = self.get_logger()
        if kind == "bad":
            logger.warning(f"Bad image: {text}", throttle_duration_sec=LOG_PERIOD_S)
        elif kind == "out_of_order":
            logger.warning(f"Out of order: {text}", throttle_duration_sec=LOG_PERIOD_S)
        elif kind == "restart":
            logger.warning(text, throttle_duration_sec=LOG_PERIOD_S)
        elif kind == "camera":
            logger.warning(f"Two cameras? {text}", throttle_duration_sec=LOG_PERIOD_S)
        elif kind == "failed":
            logger.error(text, throttle_duration_sec=LOG_PERIOD_S)
        else:
            logger.warning(text)

    # --- from the executor's thread ---

    def _log_qos(self, text: str) -> None:
        self.get_logger().warning(text)

    def _check_settings(self, config: TrackerConfig) -> None:
        if self._loaded is not None:
            self._loaded.tracker.check(config)

    def _on_parameters_changed(self, names: set[str]) -> None:
        """Pass changed parameters on to what is running; an activation takes all of them."""
        if self._session is None:
            return
        self._session.configure(self._settings.session)
        if any(name.startswith(TRACKER_PREFIX) for name in names):
            self._session.worker.request_settings(self._settings.tracker)

    def _report(self) -> None:
        """Publish diagnostics, and the rate of results while active."""
        timeout = self._settings.number("no_image_timeout")
        health = collect(self._phase, self._failure, timeout, self._loaded, self._session, self._input)
        name = self.get_fully_qualified_name().lstrip("/")
        self._diagnostics.publish(diagnostics.to_message(health, name, self.get_clock().now().to_msg()))
        if self._outputs is not None:
            self._outputs.publish_fps(health.fps)


def main(args: Sequence[str] | None = None, factory: TrackerFactory = make_tracker) -> int:
    """Run the node until it is told to stop.

    Args:
        args: command line; None for the process's own.
        factory: makes the tracker.

    Returns:
        Exit status: 0 after a signal, 1 when a parameter value is not allowed.
    """
    rclpy.init(args=list(args) if args is not None else None)
    executor = SingleThreadedExecutor()
    try:
        node = TrackerNode(factory)
    except ParameterException as error:
        rclpy.logging.get_logger("tracker_node").fatal(str(error))
        rclpy.shutdown()
        return 1
    try:
        executor.add_node(node)
        node.autostart()
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # The usual ways to end.
    except RuntimeError:  # RCLError is one: a signal may shut ROS down between two lines of the executor.
        if rclpy.ok():
            raise
    finally:
        node.close()  # The thread first: it may be publishing.
        executor.shutdown()
        node.destroy_node()
        if rclpy.ok():  # A signal has shut it down already.
            rclpy.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
