"""A whole replay: join the graph, make the node ready, play, sum up."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import rclpy
from rclpy.signals import SignalHandlerOptions

from gradnet_ros.bags.outcome import Outcome, Row
from gradnet_ros.bags.timing import percentiles
from gradnet_ros.ros.replay.pace import Seen, at_rate, lock_step
from gradnet_ros.ros.replay.session import ReplaySession, Request
from gradnet_ros.ros.transport import allow_large_images


@dataclass(frozen=True)
class Replayed:
    """What a replay came to.

    Attributes:
        outcome: picture by picture.
        about: the node's network and device, and how was played.
        timing: counts of pictures and latencies, for a file.
    """

    outcome: Outcome
    about: dict[str, str]
    timing: dict[str, Any]


def replay(request: Request, rate: float | None, seen: Seen, ros_args: Sequence[str] = ()) -> Replayed:
    """Play a bag to a running tracker node.

    Args:
        request: what to replay.
        rate: times the recorded rate; ``None``: lock-step.
        seen: told of every picture.
        ros_args: ROS arguments of this side's node, without ``--ros-args``.

    Raises:
        ValueError: the bag cannot be read, ROS refuses a name or an argument, or something does not happen in
            the graph.
    """
    with _joined(ros_args) as node:
        session = ReplaySession(node, request)
        try:
            late = 0.0
            if rate is None:
                rows = lock_step(session, seen)
                session.settle()
            else:
                rows, late = at_rate(session, rate, seen)
            values = session.status.values
            outcome = Outcome(request.scene, rows, int(values["template_updates"] or 0))
            played = "lock-step" if rate is None else f"{rate:g} x the recorded rate"
            timing = {"played": played, **_timing(session, rows, late)}
            about = {"network": values["network"], "device": values["device"], "played": played}
            about["times"] = "from the picture's publication to the detection's arrival"
            return Replayed(outcome, about | dict(describe(timing)), timing)
        finally:
            session.close()


def describe(timing: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What became of the pictures, and how long it took, in words: name and text."""
    yield (
        "pictures",
        f"{timing['pictures']} pictures shown, {timing['detections']} detections,"
        f" {timing['dropped_by_the_node']} dropped by the node, {timing['lost_on_the_way']} lost on the way",
    )
    latency = timing["latency_ms"]
    if latency["p50"] is not None:
        yield (
            "latency",
            f"picture to detection: {latency['p50']:.1f} ms (median), {latency['p95']:.1f} ms (p95),"
            f" {latency['p99']:.1f} ms (p99)",
        )


@contextmanager
def _joined(ros_args: Sequence[str]) -> Iterator[Any]:
    """A node of this process.

    Raises:
        ValueError: ROS refuses the arguments; the message names them.
    """
    # Ctrl-C is to end the replay as a KeyboardInterrupt; ROS would shut down under its feet.
    arguments = ["--ros-args", *ros_args] if ros_args else []
    allow_large_images()
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # RCLError and UnknownROSArgsError
        raise ValueError(f"--ros-args {shlex.join(ros_args)}: {error}") from error
    try:
        node = rclpy.create_node("replay")
        try:
            yield node
        finally:
            node.destroy_node()
    finally:
        rclpy.try_shutdown()


def _timing(session: ReplaySession, rows: Sequence[Row], late: float) -> dict[str, Any]:
    """Counts, and latencies from the second picture on: the first waits for somebody to give the target."""
    status = session.status
    found = sum(row.finding is not None for row in rows)
    received = status.count("frames_received") - status.count("frames_out_of_order")
    return {
        "pictures": session.shown,
        "detections": found,
        "without_detection": session.shown - found,
        "dropped_by_the_node": status.count("frames_dropped"),
        "lost_on_the_way": max(0, session.shown - received),
        "shown_again": session.resent,
        "latest_picture_late_ms": round(late * 1e3, 3),
        "latency_ms": percentiles([row.seconds for row in rows[1:]]),
    }
