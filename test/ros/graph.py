"""A node process and the other side of its topics and services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Float32
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2D

from gradnet_interfaces.srv import InitTarget
from gradnet_ros.ros.messages import to_bbox, to_image
from gradnet_ros.ros.stamps import to_nanoseconds

WAIT_S = 40.0
"""How long a test waits for what must happen; on an idle machine it takes a tenth of a second."""
WIDTH, HEIGHT = 160, 120
BOX_SIZE = 20
SERVICES = {
    "init_target": InitTarget,
    "stop": Trigger,
    "change_state": ChangeState,
    "get_state": GetState,
    "get_parameters": GetParameters,
    "set_parameters": SetParameters,
    "list_parameters": ListParameters,
    "describe_parameters": DescribeParameters,
}
FAKE_NODE = [sys.executable, str(Path(__file__).parent / "fake_node.py")]
REAL_NODE = [sys.executable, "-m", "gradnet_ros.ros.tracker_node"]

EVERY_IMAGE = (
    "-p", "qos_overrides./image.subscription.reliability:=reliable",
    "-p", "qos_overrides./image.subscription.depth:=200",
)  # fmt: skip
"""Arguments with which a node receives every image that is published."""


class NodeProcess:
    """A node in a process of its own; its output goes to a file."""

    def __init__(self, command, folder, *ros_arguments, **environment):
        self.log = Path(folder) / f"node_{time.monotonic_ns()}.log"
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [*command, "--ros-args", *ros_arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            )

    def output(self):
        return self.log.read_text()

    def stop(self, number=signal.SIGINT):
        """End it as a user would; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode

    @property
    def threads(self):
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    @property
    def rss_mb(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1000
        raise AssertionError("no VmRSS")


class Graph:
    """Publishes images, listens to everything, calls services."""

    def __init__(self, node="tracker_node", image="image"):
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("test_side", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.tracker = node
        self.detections = []
        self.rates = []
        self.debug_images = []
        self.statuses = []
        self.clients = {
            name: self.node.create_client(kind, f"{node}/{name}") for name, kind in SERVICES.items()
        }
        reliable = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
        self.images = self.node.create_publisher(Image, image, reliable)
        self.compressed = self.node.create_publisher(CompressedImage, f"{image}/compressed", reliable)
        self.hand_over = self.node.create_publisher(Detection2D, f"{node}/init", 1)
        self.node.create_subscription(Detection2D, f"{node}/detection", self.detections.append, 10)
        self.node.create_subscription(Float32, f"{node}/fps", self.rates.append, 10)
        # Last: the node learns of readers in the order of their making, so the first diagnostics tell
        # that it knows all of them. An answer to a reader that it does not know is dropped.
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.debug = None

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    def subscribe_debug(self):
        self.debug = self.node.create_subscription(
            Image, f"{self.tracker}/debug_image", self.debug_images.append, 1
        )

    def unsubscribe_debug(self):
        self.node.destroy_subscription(self.debug)

    def wait(self, condition, what, timeout=WAIT_S, meanwhile=None):
        """Spin until a condition holds; ``meanwhile`` is called again and again."""
        end = time.monotonic() + timeout
        while True:
            result = condition()
            if result:
                return result
            assert time.monotonic() < end, f"waited in vain for {what}"
            if meanwhile is not None:
                meanwhile()
            self.executor.spin_once(timeout_sec=0.02)

    # --- images ---

    def now(self):
        return self.node.get_clock().now().nanoseconds

    def send(self, position=(50, 40), stamp=None, **changes):
        """Publish an image with a bright square at a position; its stamp in ns."""
        stamp = self.now() if stamp is None else stamp
        message = picture(position, stamp)
        for name, value in changes.items():
            setattr(message, name, value)
        self.images.publish(message)
        return stamp

    # --- services ---

    def call(self, name, request, timeout=WAIT_S, meanwhile=None):
        """Call a service and return its response."""
        client = self.clients[name]
        self.wait(lambda: self.statuses, "diagnostics", timeout)
        self.wait(client.service_is_ready, f"the service {name}", timeout)
        future = client.call_async(request)
        self.wait(future.done, f"an answer of {name}", timeout, meanwhile)
        return future.result()

    def init(self, box=(50, 40, BOX_SIZE, BOX_SIZE), stamp=0, target_id="", class_id="", **options):
        request = InitTarget.Request(target_id=target_id, class_id=class_id, bbox=to_bbox(box))
        request.header.stamp.sec, request.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
        request.header.frame_id = options.pop("frame_id", "")
        request.bbox.center.theta = options.pop("theta", 0.0)
        return self.call("init_target", request, **options)

    def stop(self):
        return self.call("stop", Trigger.Request())

    def change_state(self, label):
        number = getattr(Transition, f"TRANSITION_{label.upper()}")
        request = ChangeState.Request(transition=Transition(id=number))
        return self.call("change_state", request).success

    def state(self):
        return self.call("get_state", GetState.Request()).current_state.label

    def set_parameter(self, name, value):
        """Set one parameter: whether that went well, and why not."""
        kinds = {
            bool: (1, "bool_value"),
            int: (2, "integer_value"),
            float: (3, "double_value"),
            str: (4, "string_value"),
        }
        number, attribute = kinds[type(value)]
        parameter = Parameter(name=name, value=ParameterValue(type=number, **{attribute: value}))
        request = SetParameters.Request(parameters=[parameter])
        result = self.call("set_parameters", request).results[0]
        return result.successful, result.reason

    def get_parameter(self, name):
        request = GetParameters.Request(names=[name])
        value = self.call("get_parameters", request).values[0]
        return {
            1: value.bool_value,
            2: value.integer_value,
            3: value.double_value,
            4: value.string_value,
        }.get(value.type)

    # --- what arrived ---

    def active(self):
        self.wait(lambda: self.last("lifecycle") == "active", "the node to be active")

    def connected(self):
        """Wait until images reach the node."""
        self.active()
        self.wait(lambda: self.last("input_publishers") not in ("", "0"), "the node to see the camera")
        start = len(self.statuses)

        def arrived():
            return any(int(values["frames_received"]) > 0 for _, values in self.statuses[start:])

        self.wait(arrived, "an image to arrive", meanwhile=self.send)

    def last(self, key):
        return self.statuses[-1][1][key] if self.statuses else ""

    def settled(self):
        """The values of the first diagnostics that were measured from now on with nothing in work."""
        start = len(self.statuses)

        def quiet():
            later = self.statuses[start + 1 :]
            return later and later[-1][1]["frames_pending"] == "0"

        self.wait(quiet, "diagnostics")
        return self.statuses[-1][1]

    def _on_diagnostics(self, array):
        for status in array.status:
            if status.name.endswith(": tracking"):
                values = {item.key: item.value for item in status.values}
                self.statuses.append((status, values))


def picture(position, stamp):
    """An image message with a bright square at ``(x, y)``; None for a dark one."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    if position is not None:
        x, y = position
        pixels[y : y + BOX_SIZE, x : x + BOX_SIZE] = 255
    message = to_image(pixels, Image().header)
    message.header.frame_id = "camera"
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
    return message


def centre(detection):
    return detection.bbox.center.position.x, detection.bbox.center.position.y


def stamp_of(message):
    return to_nanoseconds(message.header.stamp)
