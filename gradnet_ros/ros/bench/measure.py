"""The node's own cost by executor, and the node with its tracker under a calm and a busy camera."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import rclpy

from gradnet_ros.bench.clip import Clip
from gradnet_ros.bench.node import EXECUTORS, NodeFigures, NodePlan, NodeReport, OwnCost
from gradnet_ros.bench.timing import summarise
from gradnet_ros.ros.bench.camera import Camera
from gradnet_ros.ros.bench.observer import Observer
from gradnet_ros.ros.bench.process import make_executor

WARM_UP_S = 3.0
"""The first frames warm things up; longer than the diagnostics' rate looks back, s."""
REPORT_S = 1.1
"""Diagnostics come once a second; after this long they tell of all that was, s."""
OWN_RATE = 30.0
"""Images a second for the node without a tracker's work, Hz."""
OUTSIDE = (-100.0, -100.0, 10.0, 10.0)
"""A box that the node looks at and refuses."""
START_S = 120.0
"""What the node may take to load its network and to see the first image, s."""
IDLE_START_S = 30.0
"""The same without a network, s."""
END_S = 10.0
"""What it may take to end, s."""
COUNTS = ("received", "tracked", "dropped")


def measure(plan: NodePlan, clip: Clip) -> NodeReport:
    """See :func:`gradnet_ros.bench.node.measure_node`."""
    rclpy.init()
    try:
        own = tuple(_own_cost(executor, plan, clip) for executor in plan.executors)
        with _running(["single", "real"], plan, clip, plan.calm_rate) as bench:
            calm = bench.observe(plan.seconds)
            bench.camera.rate = plan.rate
            bench.observer.spin(WARM_UP_S)
            busy = bench.observe(plan.seconds)
    finally:
        rclpy.try_shutdown()
    return NodeReport(own, calm, busy)


def _own_cost(executor: str, plan: NodePlan, clip: Clip) -> OwnCost:
    """What the node takes without tracking; an executor that is missing or broken is told as such."""
    try:
        make_executor(executor).shutdown()
        with _running([executor, "idle"], plan, clip, OWN_RATE) as bench:
            figures = bench.observe(plan.seconds)
    except (ValueError, TimeoutError) as error:
        if executor == EXECUTORS[0]:
            raise
        return OwnCost(executor, None, None, str(error))
    return OwnCost(executor, figures.cpu_ms, figures.latency)


class _Bench:
    """A node that tracks, the camera that it tracks in, and who watches it."""

    def __init__(self, process: int, camera: Camera, observer: Observer) -> None:
        self._process, self.camera, self.observer = process, camera, observer

    def observe(self, seconds: float) -> NodeFigures:
        """Watch for a while; a service is called ten times a second meanwhile."""
        observer = self.observer
        before = self._counts()
        observer.clear()
        used = cpu_seconds(self._process)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            observer.init(OUTSIDE)
            observer.spin(0.1)
        latency, answers = summarise(observer.latencies), summarise(observer.answers)
        after = self._counts()
        used = cpu_seconds(self._process) - used
        counts = {name: after[name] - before[name] for name in COUNTS}
        values = observer.values
        return NodeFigures(
            self.camera.rate,
            counts,
            float(values["fps"]),
            used * 1e3 / max(1, counts["received"]),
            latency,
            float(values["detection_ms_p50"]),
            float(values["processing_ms_p50"]),
            float(values["processing_ms_p95"]),
            answers,
        )

    def _counts(self) -> dict[str, int]:
        self.observer.spin(REPORT_S)
        return {name: self.observer.count(name) for name in COUNTS}


@contextmanager
def _running(what: Sequence[str], plan: NodePlan, clip: Clip, rate: float) -> Iterator[_Bench]:
    """A node process that follows the clip's target; it ends with the block."""
    command = [sys.executable, "-m", "gradnet_ros.ros.bench.process", *what]
    command += ["--ros-args", "--log-level", "error", "-p", f"network:={plan.network}"]
    command += ["-p", f"device:={plan.device}", *plan.arguments]
    process = subprocess.Popen(command)
    observer = Observer()
    camera = Camera(observer.node, clip, rate)
    try:
        camera.start()
        observer.await_image(IDLE_START_S if "idle" in what else START_S)
        refused = observer.init(clip.box)
        if refused:
            raise TimeoutError(f"the node did not take the target: {refused}")
        observer.spin(WARM_UP_S)
        yield _Bench(process.pid, camera, observer)
    finally:
        camera.running = False
        camera.join()
        observer.close()
        _end(process)


def cpu_seconds(process: int) -> float:
    """Processor time that all threads of a process have used so far, s (Linux)."""
    stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    fields = stat.rpartition(")")[2].split()  # The name before may hold anything.
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:  # An executor that hangs hears no signal.
        process.kill()
        process.wait()
