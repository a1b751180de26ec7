"""The node from outside: the settings and figures of its benchmark, and the ROS graph that it runs in."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gradnet_ros.bench.clip import Clip
from gradnet_ros.bench.timing import Timing

EXECUTORS = ("single", "events")
"""``rclpy.executors.SingleThreadedExecutor`` and ``rclpy.experimental.EventsExecutor``."""


@dataclass(frozen=True)
class NodePlan:
    """What to measure of the node.

    Attributes:
        network: ``lite`` or ``alexnet``.
        device: as for the tracker.
        seconds: time of each measurement, s.
        rate: images a second of a camera that is faster than the tracker, Hz.
        calm_rate: images a second of one that every tracker keeps pace with, Hz.
        executors: those to measure the node's own cost with, the node's own first.
        arguments: further ROS arguments of the node, such as ``-p engine:=...``.
    """

    network: str
    device: str
    seconds: float
    rate: float = 60.0
    calm_rate: float = 5.0
    executors: tuple[str, ...] = EXECUTORS
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class OwnCost:
    """The node without a tracker's work: what remains are reception, conversion, publication and bookkeeping.

    Attributes:
        executor: one of :data:`EXECUTORS`.
        cpu_ms: processor time of the whole process for a received image, ms; None where it cannot be had.
        latency: from stamp to a subscriber of the detection; None likewise.
        reason: why they cannot be had.
    """

    executor: str
    cpu_ms: float | None
    latency: Timing | None
    reason: str = ""


@dataclass(frozen=True)
class NodeFigures:
    """The node under a camera.

    Attributes:
        rate: images a second that were sent, Hz.
        counts: frames received, tracked and dropped, as the node counts them.
        fps: results a second, Hz.
        cpu_ms: processor time of the whole process for a received image, ms.
        latency: from stamp to a subscriber of the detection.
        detection_p50: from the image's message to its detection inside the node, median, ms.
        processing_p50: as ``detection_p50``, to the end of a template update.
        processing_p95: the 95th percentile of that.
        answers: how long a service took to answer meanwhile.
    """

    rate: float
    counts: dict[str, int]
    fps: float
    cpu_ms: float
    latency: Timing
    detection_p50: float
    processing_p50: float
    processing_p95: float
    answers: Timing


@dataclass(frozen=True)
class NodeReport:
    """All that was measured of the node at one size.

    Attributes:
        own: without the tracker's work, an entry an executor, the node's own first.
        calm: every image is tracked.
        busy: the camera is faster than the tracker.
    """

    own: tuple[OwnCost, ...]
    calm: NodeFigures
    busy: NodeFigures

    @property
    def share_outside(self) -> float:
        """Share of the processor time of a tracked frame that is not the tracker's."""
        own = self.own[0].cpu_ms
        assert own is not None  # The node's own executor is the first, and it was there for ``calm``.
        return own / self.calm.cpu_ms


def measure_node(plan: NodePlan, clip: Clip) -> NodeReport:
    """Run the node in a process of its own and measure it from here.

    Args:
        plan: what to measure.
        clip: what the camera shows.

    Raises:
        ValueError: there is no ROS here.
        TimeoutError: the node did not start, took no image, or lost the target at once.
    """
    try:
        prepare_environment()
        from gradnet_ros.ros.bench.measure import measure
    except ImportError as error:
        raise ValueError(f"the node can be measured where ROS 2 is installed: {error}") from error
    return measure(plan, clip)


def prepare_environment() -> None:
    """Set what rclpy reads when it is imported: a graph of its own, on this machine, with room for images."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 101))
    if (Path(sys.prefix) / "share" / "ament_index").is_dir():  # A virtual environment that is a ROS prefix.
        os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
    # With the default, a loaded machine loses most large images and the camera is not fast any more.
    from gradnet_ros.ros.transport import allow_large_images

    allow_large_images()
