"""Measure the tracker node from outside: latency and answers under a camera faster than the tracker.

    python scripts/bench_node.py [--size 1280x720] [--rate 60] [--seconds 10] [-- ROS arguments of the node]

A node is started, images are published to it, a target is given, and during tracking a service is called
with a box that is looked at and refused. Printed are absolute figures and the ratios that matter: a latency
below two processing times means that no backlog builds up; an answer may take 0.2 s. The processing time is
all that the node does for an image, template update included; the detection time ends before that update,
when the detection can go out.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D

from gradnet_interfaces.srv import InitTarget
from gradnet_ros.ros.messages import to_image
from gradnet_ros.ros.rolling import percentile
from gradnet_ros.ros.stamps import to_nanoseconds

ANSWER_LIMIT_MS = 200.0
"""What a service call may take."""
START_S = 120.0
"""What the node may take to load its network and to see the first image."""


class Camera(Thread):
    """Publishes textured images with their time at a fixed rate from a thread of its own."""

    def __init__(self, node: rclpy.node.Node, width: int, height: int, rate: float) -> None:
        super().__init__(daemon=True)
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        self._message = to_image(pixels, Header(frame_id="camera"))
        self._publisher = node.create_publisher(Image, "image", qos_profile_sensor_data)
        self._clock, self._period = node.get_clock(), 1.0 / rate
        self.sent = 0
        self.running = True

    def run(self) -> None:
        """Publish until told to stop."""
        due = time.monotonic()
        while self.running:
            self._message.header.stamp = self._clock.now().to_msg()
            self._publisher.publish(self._message)
            self.sent += 1
            due = max(due + self._period, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0.0))


class Bench:
    """The other side of the node."""

    def __init__(self, width: int, height: int) -> None:
        self.node = rclpy.create_node("bench")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.values: dict[str, str] = {}
        self.latencies: list[float] = []
        self.answers: list[float] = []
        self._client = self.node.create_client(InitTarget, "tracker_node/init_target")
        self._size = (width, height)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.node.create_subscription(Detection2D, "tracker_node/detection", self._on_detection, 10)

    def spin(self, seconds: float) -> None:
        """Spin for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.005)

    def call(self, inside: bool) -> InitTarget.Response:
        """Give a target that can or cannot be taken; the time to the answer is noted."""
        width, height = self._size
        request = InitTarget.Request(target_id="bench")
        request.bbox.center.position.x = width / 2 if inside else -1.0
        request.bbox.center.position.y = height / 2
        request.bbox.size_x = request.bbox.size_y = height / 6
        began = time.monotonic()
        future = self._client.call_async(request)
        self.executor.spin_until_future_complete(future, timeout_sec=START_S)
        self.answers.append((time.monotonic() - began) * 1e3)
        return future.result()

    def wait_active(self) -> None:
        """Wait until the node has taken an image."""
        end = time.monotonic() + START_S
        while int(self.values.get("frames_received", "0")) == 0:
            if time.monotonic() > end:
                raise TimeoutError(f"the node took no image: {self.values}")
            self.spin(0.1)

    def _on_diagnostics(self, array: DiagnosticArray) -> None:
        for status in array.status:
            if status.name == "tracker_node: tracking":
                self.values = {item.key: item.value for item in status.values}

    def _on_detection(self, detection: Detection2D) -> None:
        now = self.node.get_clock().now().nanoseconds
        self.latencies.append((now - to_nanoseconds(detection.header.stamp)) / 1e6)


def main() -> int:
    """Run the benchmark; the exit status is 0 whatever the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1280x720", help="image size")
    parser.add_argument("--rate", type=float, default=60.0, help="images a second, Hz")
    parser.add_argument("--seconds", type=float, default=10.0, help="time to measure")
    parser.add_argument("node", nargs="*", help="ROS arguments of the node, after --")
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    # With the default, a loaded machine loses most large images and the camera is not fast any more.
    profile = Path(__file__).parents[1] / "config" / "fastdds_large_images.xml"
    old = os.environ.get("ROS_DISTRO") in ("humble", "jazzy")
    os.environ.setdefault(f"{'FASTRTPS' if old else 'FASTDDS'}_DEFAULT_PROFILES_FILE", str(profile))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 101))
    command = [
        sys.executable,
        "-m",
        "gradnet_ros.ros.tracker_node",
        "--ros-args",
        "--log-level",
        "error",
        *options.node,
    ]
    process = subprocess.Popen(command)
    rclpy.init()
    bench = Bench(width, height)
    camera = Camera(bench.node, width, height, options.rate)
    try:
        camera.start()
        bench.wait_active()
        response = bench.call(inside=True)
        if not response.success:
            raise RuntimeError(response.message)
        bench.spin(3.0)  # The first frames warm things up.
        bench.latencies.clear()
        bench.answers.clear()
        end = time.monotonic() + options.seconds
        while time.monotonic() < end:
            bench.call(inside=False)
            bench.spin(0.1)
        bench.spin(1.5)  # for diagnostics of the whole time
        report(bench, camera, options)
    finally:
        camera.running = False
        camera.join()
        bench.executor.shutdown()
        bench.node.destroy_node()
        rclpy.try_shutdown()
        process.send_signal(signal.SIGINT)
        process.wait(START_S)
    return 0


def report(bench: Bench, camera: Camera, options: argparse.Namespace) -> None:
    """Print figures and ratios."""
    values = bench.values
    latency = percentile(bench.latencies, 0.95) or 0.0
    answer = percentile(bench.answers, 0.95) or 0.0
    print(f"network {values['network']} on {values['device']}, images {options.size} at {options.rate:g} Hz")
    print(f"sent {camera.sent}, " + ", ".join(
        f"{name} {values[f'frames_{name}']}" for name in ("received", "tracked", "dropped", "pending")
    ))  # fmt: skip
    print(f"results {values['fps']} Hz, template updates {values['template_updates']}")
    for name in ("detection", "processing"):
        print(f"{name} time p50 {values[f'{name}_ms_p50']} p95 {values[f'{name}_ms_p95']} ms")
    print(f"latency at the node p50 {values['latency_ms_p50']} p95 {values['latency_ms_p95']} ms")
    print(f"latency at a subscriber p50 {percentile(bench.latencies, 0.5):.1f} p95 {latency:.1f} ms")
    print(
        f"answers p50 {percentile(bench.answers, 0.5):.1f} p95 {answer:.1f} max {max(bench.answers):.1f} ms"
    )
    for share in ("p50", "p95"):
        limit = 2.0 * float(values[f"processing_ms_{share}"])
        print(
            f"latency p95 at a subscriber / twice the processing {share}: "
            f"{latency:.1f} / {limit:.1f} ms = {latency / limit:.2f}  (goal < 1)"
        )
    print(f"answer max / {ANSWER_LIMIT_MS:g} ms: {max(bench.answers) / ANSWER_LIMIT_MS:.2f}  (goal < 1)")


if __name__ == "__main__":
    sys.exit(main())
