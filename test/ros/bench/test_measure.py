"""The node's benchmark on a real graph, briefly."""

import os
import time

import pytest

pytest.importorskip("rclpy")
from gradnet_ros.bench.clip import generate_clip
from gradnet_ros.bench.node import NodePlan, measure_node
from gradnet_ros.ros.bench.measure import cpu_seconds
from support import need_weights


def test_processor_time_of_a_process():
    before = cpu_seconds(os.getpid())
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    assert 0.1 <= cpu_seconds(os.getpid()) - before < 5.0


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.timeout(300)
def test_the_node_is_measured():
    need_weights()
    report = measure_node(
        NodePlan("lite", "cpu", seconds=2.0, rate=90.0, executors=("single",)), generate_clip(320, 240, 8)
    )
    own = report.own[0]
    assert own.executor == "single"
    assert own.cpu_ms > 0
    assert own.latency.count > 10
    assert report.calm.counts["tracked"] >= 5
    assert report.calm.counts["dropped"] <= 2
    assert report.calm.cpu_ms > own.cpu_ms
    assert report.busy.counts["received"] > report.calm.counts["received"]
    assert 0 < report.share_outside < 1
