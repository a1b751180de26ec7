"""A camera that shows a clip: its first frame once somebody watches, the others at the clip's rate.

It stands before the first frame until its service ``~/play`` is called, so that there is time to draw a box
on that frame. What was published goes into a list, for the account at the end.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from gradnet_ros.video import open_frames

PATIENCE_S = 300.0
"""How long it waits for somebody to watch, and for the call of ``~/play``."""
DELIVERY_S = 10.0
"""How long it waits at the end for everybody to have everything."""


class ClipCamera(Node):
    """Publishes frames on ``~/image_raw``, reliably: each is to be accounted for."""

    def __init__(self, frame_count: int) -> None:
        """Create the publisher and the service; ``frame_count`` frames are kept for slow readers."""
        super().__init__("camera")
        qos = QoSProfile(depth=frame_count, reliability=ReliabilityPolicy.RELIABLE)
        self._publisher = self.create_publisher(Image, "~/image_raw", qos)
        self.create_service(Trigger, "~/play", self._on_play)
        self._playing = False
        self.ledger: list[tuple[int, int]] = []

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Answer calls until a condition holds.

        Raises:
            TimeoutError: it does not, for ``PATIENCE_S``.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {PATIENCE_S:.0f} s in vain for {what}")
            rclpy.spin_once(self, timeout_sec=0.02)

    def play(self, frames: Sequence[NDArray[np.uint8]], rate: float, subscribers: int) -> None:
        """Publish the clip.

        Args:
            frames: H x W x 3 BGR.
            rate: frames a second, from frame 1 on.
            subscribers: how many must be there before the first frame.

        Raises:
            TimeoutError: nobody watches, or nobody calls ``~/play``.
        """
        self.wait(lambda: self._publisher.get_subscription_count() >= subscribers, "subscribers")
        self.publish(0, frames[0])
        self.wait(lambda: self._playing, "the call of ~/play")
        began = time.monotonic()
        for number, frame in enumerate(frames[1:], start=1):
            # Due times from the start: what one frame is late by does not delay all that follow.
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            self.publish(number, frame)
        self._publisher.wait_for_all_acked(Duration(seconds=DELIVERY_S))

    def publish(self, number: int, frame: NDArray[np.uint8]) -> None:
        """Publish one frame, stamped now, and enter it in the list."""
        message = Image(height=frame.shape[0], width=frame.shape[1], encoding="bgr8", step=3 * frame.shape[1])
        message.header.frame_id = "camera"
        # `data` is an array.array; to fill it is far quicker than to assign bytes, each of which is checked.
        message.data.frombytes(np.ascontiguousarray(frame))
        message.header.stamp = self.get_clock().now().to_msg()
        self._publisher.publish(message)
        stamp = message.header.stamp
        self.ledger.append((number, stamp.sec * 1_000_000_000 + stamp.nanosec))

    def _on_play(self, _request: Any, response: Any) -> Any:
        response.success = bool(self.ledger) and not self._playing
        response.message = "playing" if response.success else "nobody watches yet, or it is playing already"
        self._playing = self._playing or response.success
        return response


def read_frames(clip: str, count: int | None) -> tuple[list[NDArray[np.uint8]], float]:
    """Read the clip's first ``count`` frames (None: all), and its rate in Hz."""
    with open_frames(clip) as source:
        return [frame for _, frame in zip(range(count or sys.maxsize), source, strict=False)], source.fps


def main(args: list[str]) -> int:
    """Publish the clip once; exit status 0 when every frame was published."""
    parser = argparse.ArgumentParser(description="Publish a clip as a camera does.")
    parser.add_argument("--clip", required=True, help="video file")
    parser.add_argument("--frames", type=int, help="publish only so many frames")
    parser.add_argument("--rate", type=float, help="frames a second; the clip's own by default")
    parser.add_argument("--subscribers", type=int, default=1, help="subscribers to wait for")
    parser.add_argument(
        "--ledger", type=Path, required=True, help="list of what was published, to be written"
    )
    options = parser.parse_args(remove_ros_args(args)[1:])
    frames, rate = read_frames(options.clip, options.frames)
    rclpy.init(args=args)
    camera = ClipCamera(len(frames))
    try:
        camera.play(frames, options.rate or rate, options.subscribers)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 130
    except TimeoutError as error:
        camera.get_logger().fatal(str(error))
        return 1
    finally:
        with options.ledger.open("w", newline="", encoding="ascii") as file:
            csv.writer(file).writerows(camera.ledger)
        camera.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
