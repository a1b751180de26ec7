import re
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

from gradnet_ros.ros.counters import FrameTotals
from gradnet_ros.ros.diagnostics import BAD_STREAK, Health, Level, Trouble, judge, to_message, values_of
from gradnet_ros.ros.measures import Measures

FINE = Health("active", publishers=1, image_age=0.1, image_seen=True, input_topic="/image", device="cpu")
NOW = Trouble(1.0, "what happened")
PAST = Trouble(11.0, "long ago")
DOCUMENT = Path(__file__).parents[2] / "docs" / "diagnostics.md"


@pytest.mark.parametrize(
    ("changes", "level", "message"),
    [
        ({}, Level.OK, "no target"),
        ({"state": "WAITING"}, Level.OK, "waiting for a frame to start on"),
        ({"state": "TRACKED", "target_id": "cup"}, Level.OK, "following 'cup': TRACKED"),
        ({"state": "UNCERTAIN", "target_id": "cup"}, Level.OK, "following 'cup': UNCERTAIN"),
        ({"state": "LOST", "target_id": "cup"}, Level.WARN, "target 'cup' is lost"),
        ({"lifecycle": "inactive", "image_age": 99.0}, Level.OK, "inactive"),
        ({"lifecycle": "unconfigured", "failure": "cannot configure: x"}, Level.ERROR, "cannot configure: x"),
        ({"image_age": 3.0}, Level.STALE, "no image for 3.0 s on /image"),
        ({"image_age": 3.0, "publishers": 0}, Level.STALE, "which nobody publishes"),
        ({"image_age": 3.0, "no_image_timeout": 5.0}, Level.OK, "no target"),
        (
            {"image_age": 3.0, "incompatible": 1},
            Level.ERROR,
            "QoS of 1 of 1 publishers of /image does not fit",
        ),
        ({"incompatible": 1, "publishers": 2}, Level.WARN, "QoS of 1 of 2 publishers"),
        ({"incompatible": 1, "incompatible_policy": "RELIABILITY"}, Level.WARN, "does not fit (RELIABILITY)"),
        (
            {"image_age": 3.0, "input_type": "p/msg/Image", "other_type": "p/msg/Other"},
            Level.ERROR,
            "/image carries p/msg/Other, but p/msg/Image is taken there",
        ),
        (
            {"input_type": "p/msg/Image", "other_type": "p/msg/Other"},
            Level.WARN,
            "/image carries p/msg/Other",
        ),
        ({"bad": NOW, "bad_streak": 1}, Level.WARN, "bad image: what happened"),
        ({"bad": NOW, "bad_streak": BAD_STREAK}, Level.ERROR, "10 bad images in a row: what happened"),
        ({"bad": PAST, "bad_streak": BAD_STREAK}, Level.OK, "no target"),
        ({"bad": NOW, "bad_streak": 50, "image_age": 3.0}, Level.STALE, "no image"),
        ({"out_of_order": NOW}, Level.WARN, "what happened"),
        ({"out_of_order": PAST}, Level.OK, "no target"),
        ({"restart": NOW}, Level.WARN, "what happened"),
        ({"restart": PAST}, Level.OK, "no target"),
        ({"camera": NOW}, Level.WARN, "what happened"),
        ({"camera": PAST}, Level.OK, "no target"),
        ({"failed": NOW}, Level.ERROR, "what happened"),
        ({"init": NOW}, Level.WARN, "what happened"),
        ({"device_problem": "no CUDA"}, Level.WARN, "running on cpu: no CUDA"),
    ],
)
def test_contract(changes, level, message):
    found, text = judge(replace(FINE, **changes))
    assert (found, message in text) == (level, True), text


def test_gravest_finding_comes_first_and_all_are_named():
    health = replace(FINE, device_problem="no CUDA", failed=NOW, image_age=3.0)
    level, text = judge(health)
    assert level is Level.ERROR
    assert [part.split()[0] for part in text.split("; ")] == ["what", "no", "running"]


@pytest.mark.parametrize(
    ("image_age", "level", "starts"),
    [
        (3.0, Level.ERROR, ["QoS of 1", "/image carries", "no image"]),
        (0.1, Level.WARN, ["QoS of 1", "/image carries"]),
    ],
)
def test_all_that_is_wrong_with_the_input_is_named(image_age, level, starts):
    health = replace(FINE, publishers=2, incompatible=1, other_type="p/msg/Other", image_age=image_age)
    found, text = judge(health)
    parts = text.split("; ")
    assert found is level
    assert [part[: len(start)] for part, start in zip(parts, starts, strict=True)] == starts


def test_findings_other_than_a_failed_transition_are_those_of_an_active_node():
    troubles = {"bad": NOW, "failed": NOW, "device_problem": "no CUDA", "image_age": 3.0, "incompatible": 1}
    assert judge(replace(FINE, lifecycle="inactive", **troubles)) == (Level.OK, "inactive")


def test_message_has_the_constants_of_the_interface():
    for level, constant in (("OK", b"\0"), ("WARN", b"\1"), ("ERROR", b"\2"), ("STALE", b"\3")):
        assert Level[level].to_message() == getattr(DiagnosticStatus, level) == constant


def test_message():
    array = to_message(replace(FINE, score=0.5), "robot/tracker", Time(sec=5))
    (status,) = array.status
    assert (array.header.stamp.sec, status.name, status.hardware_id) == (5, "robot/tracker: tracking", "cpu")
    assert {item.key: item.value for item in status.values}["score"] == "0.500"


def test_keys_are_those_of_the_document_in_its_order():
    section = DOCUMENT.read_text().split("## Keys")[1].split("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.M) == list(values_of(FINE))


def test_unknown_is_empty():
    values = values_of(Health("unconfigured"))
    assert [values[key] for key in ("score", "latency_ms_p50", "gpu_memory_mb", "input_age_s")] == [""] * 4


def test_pending_is_what_is_left():
    values = values_of(replace(FINE, totals=FrameTotals(received=5, tracked=2, dropped=1, bad=1)))
    assert values["frames_pending"] == "1"


def test_last_problem_is_the_latest():
    assert values_of(replace(FINE, bad=PAST, init=NOW))["last_problem"] == "what happened"
    assert values_of(replace(FINE, bad=PAST, restart=NOW))["last_problem"] == "what happened"
    assert values_of(replace(FINE, bad=PAST, camera=NOW))["last_problem"] == "what happened"


def test_time_to_the_detection_and_time_of_the_whole_frame_are_kept_apart():
    measures = Measures()
    assert measures.detection_ms == measures.processing_ms == measures.latency_ms == (None, None)
    measures.add_result(0.04, 50.0)
    assert (measures.detection_ms, measures.processing_ms) == ((40.0, 40.0), (None, None))
    measures.add_done(0.07)
    assert (measures.detection_ms, measures.processing_ms) == ((40.0, 40.0), (70.0, 70.0))
    assert measures.latency_ms == (50.0, 50.0)


def test_latency_of_another_clock_is_left_out_whichever_way_it_differs():
    measures = Measures()
    for latency in (None, 60_001.0, -60_001.0):
        measures.add_result(0.04, latency)
    assert measures.latency_ms == (None, None)
    measures.add_result(0.04, -5.0)
    assert measures.latency_ms == (-5.0, -5.0)
