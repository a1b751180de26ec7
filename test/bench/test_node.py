"""The node's settings and figures, without a ROS graph."""

import os

import pytest

from gradnet_ros.bench.node import NodeFigures, NodeReport, OwnCost, prepare_environment
from gradnet_ros.bench.timing import Timing

TIMING = Timing(1.0, 2.0, 3.0, 1.5, 10)


def figures(cpu_ms):
    return NodeFigures(5.0, {"received": 10}, 5.0, cpu_ms, TIMING, 1.0, 1.0, 2.0, TIMING)


def test_the_share_outside_the_tracker():
    report = NodeReport((OwnCost("single", 2.0, TIMING),), figures(20.0), figures(9.0))
    assert report.share_outside == pytest.approx(0.1)


def test_a_graph_of_its_own(monkeypatch):
    for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_DISTRO"):
        monkeypatch.setenv(name, "7")
        monkeypatch.delenv(name)
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", "mine.xml")
    prepare_environment()
    assert 1 <= int(os.environ["ROS_DOMAIN_ID"]) <= 101
    assert os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert os.environ["FASTDDS_DEFAULT_PROFILES_FILE"] == "mine.xml"
