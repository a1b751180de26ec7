"""The node as a process, under an executor and with a tracker of choice: arguments ``EXECUTOR TRACKER``."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
import rclpy
import torch
from numpy.typing import NDArray
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor

from gradnet_ros.ros.tracker_node import TrackerNode
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.track import Box, Track, TrackState


class IdleTracker:
    """Finds the target where it was given, at once."""

    def __init__(self, *_: object, **__: object) -> None:
        self.device = torch.device("cpu")
        self.network = "none"
        self.engine = "none"
        self.template_updates = 0
        self.config = TrackerConfig()
        self._box: Box = (0.0, 0.0, 0.0, 0.0)

    def init(self, image: NDArray[np.uint8], box: Box) -> Track:
        """Take a target."""
        self._box = box
        return self.locate(image)

    def locate(self, image: NDArray[np.uint8]) -> Track:
        """Say where it was given."""
        return Track(self._box, 1.0, TrackState.TRACKED, 1.0, False)

    def learn(self) -> bool:
        """There is nothing to learn."""
        return False

    def check(self, config: TrackerConfig) -> None:
        """All settings will do."""

    def configure(self, config: TrackerConfig | Mapping[str, object]) -> None:
        """Settings change nothing."""

    def reset(self) -> None:
        """There is nothing to forget."""


def make_executor(name: str) -> Executor:
    """The executor of a name of :data:`~gradnet_ros.bench.node.EXECUTORS`.

    Raises:
        ValueError: this rclpy does not have it.
    """
    if name == "single":
        return SingleThreadedExecutor()
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError as error:
        raise ValueError("this rclpy has no events executor") from error
    return EventsExecutor()


def main() -> None:
    """Run until a signal."""
    executor_name, tracker, *arguments = sys.argv[1:]
    rclpy.init(args=arguments)
    executor = make_executor(executor_name)
    node = TrackerNode(IdleTracker) if tracker == "idle" else TrackerNode()
    executor.add_node(node)
    try:
        node.autostart()
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RuntimeError:  # RCLError is one: a signal may shut ROS down between two lines of the executor.
        if rclpy.ok():
            raise
    finally:
        node.close()
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
