"""Parameters of a running node."""

from pathlib import Path

import pytest

pytest.importorskip("rclpy")
from rcl_interfaces.srv import DescribeParameters, ListParameters

from gradnet_ros.ros.parameters import NODE_SPECS, tracker_specs
from gradnet_ros.tracking.config import TrackerConfig
from ros.graph import FAKE_NODE, NodeProcess

pytestmark = pytest.mark.integration
CONFIG = Path(__file__).parents[2] / "config" / "tracker.yaml"


def test_all_parameters_are_declared_with_descriptors(run):
    _, graph = run("--params-file", str(CONFIG))
    graph.active()
    specs = {spec.name: spec for spec in (*NODE_SPECS, *tracker_specs(TrackerConfig(update_interval=7)))}
    listed = graph.call("list_parameters", ListParameters.Request()).result.names
    ours = [name for name in listed if not name.startswith(("qos_overrides", "use_sim", "start_type"))]
    assert sorted(ours) == sorted(specs)
    request = DescribeParameters.Request(names=list(specs))
    for described in graph.call("describe_parameters", request).descriptors:
        assert described.description
        assert described.read_only is not specs[described.name].live
        assert graph.get_parameter(described.name) == specs[described.name].default


def test_values_of_the_network_give_way_to_those_of_the_user(run):
    """The fake network comes with an update_interval of 7."""
    _, graph = run("-p", "tracker.window_influence:=0.4")
    graph.active()
    assert graph.get_parameter("tracker.update_interval") == 7
    assert graph.get_parameter("tracker.window_influence") == 0.4


def test_changes_while_running(run):
    _, graph = run()
    graph.connected()
    graph.init(target_id="t")
    graph.wait(lambda: graph.detections, "a detection", meanwhile=graph.send)
    for name, value in (
        ("tracker.update_interval", 3),
        ("tracker.window_influence", 0.0),
        ("tracker.max_scale", 100.0),
        ("tracker.refind_at_centre", False),
        ("history_seconds", 0.5),
        ("debug_line_width", 5),
        ("no_image_timeout", 0.5),
    ):
        assert graph.set_parameter(name, value) == (True, "")
        assert graph.get_parameter(name) == value
    count = len(graph.detections)
    graph.wait(lambda: len(graph.detections) > count, "the target to be kept", meanwhile=graph.send)
    graph.wait(lambda: graph.statuses[-1][0].level == b"\3", "the shorter timeout")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("history_seconds:=-3.0", ("history_seconds", "-3.0")),
        ("history_seconds:=3", ("history_seconds", "DOUBLE")),
        ("image_transport:=theora", ("image_transport", "must be raw or compressed")),
        ("device:=gpu", ("device", "must be auto, cpu, cuda or cuda:N")),
    ],
)
def test_bad_values_at_the_start_end_the_process_with_a_reason(tmp_path, setting, words):
    process = NodeProcess(FAKE_NODE, tmp_path, "-p", setting)
    process.process.wait(60)
    assert process.process.returncode == 1
    output = process.output()
    assert "Traceback" not in output
    assert [word for word in words if word not in output] == [], output


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (("tracker.update_interval:=-1",), "tracker.update_interval"),
        (
            ("tracker.tracked_score:=0.1", "tracker.lost_score:=0.2"),
            "lost_score must not exceed tracked_score",
        ),
        (("network:=vgg",), "unknown network 'vgg'"),
    ],
)
def test_bad_tracker_settings_fail_the_configuration(run, settings, reason):
    arguments = [argument for setting in settings for argument in ("-p", setting)]
    _, graph = run(*arguments)
    graph.wait(lambda: graph.statuses and graph.statuses[-1][0].level == b"\2", "the error")
    assert "cannot configure" in graph.statuses[-1][0].message
    assert reason in graph.statuses[-1][0].message


def test_inactive_node_refuses_what_its_network_cannot_follow(run):
    _, graph = run()
    graph.active()
    assert graph.change_state("deactivate")
    accepted, reason = graph.set_parameter("tracker.box_branch", True)
    assert (accepted, reason) == (False, "box_branch must be false: network 'lite' has no box branch")
    assert graph.change_state("activate")


def test_settings_that_do_not_go_together_can_be_mended(run):
    _, graph = run("-p", "tracker.tracked_score:=0.1", "-p", "tracker.lost_score:=0.2")
    graph.wait(lambda: graph.statuses and graph.statuses[-1][0].level == b"\2", "the error")
    assert graph.set_parameter("tracker.lost_score", 0.05) == (True, "")
    assert graph.change_state("configure")


def test_settings_that_are_not_allowed_can_be_mended(run):
    wrong = ("tracker.update_interval:=-1", "tracker.window_influence:=1", "tracker.max_scale:=8.0")
    _, graph = run(*(argument for setting in wrong for argument in ("-p", setting)))
    graph.wait(lambda: graph.statuses and graph.statuses[-1][0].level == b"\2", "the error")
    reason = graph.statuses[-1][0].message
    words = ("cannot configure", "tracker.update_interval", "1000", "tracker.window_influence", "DOUBLE")
    assert [word for word in words if word not in reason] == [], reason
    assert "max_scale" not in reason
    assert graph.set_parameter("tracker.update_interval", -2)[0] is False
    assert graph.set_parameter("tracker.update_interval", 3) == (True, "")
    assert graph.change_state("configure")
    assert graph.get_parameter("tracker.update_interval") == 3
    assert graph.get_parameter("tracker.window_influence") == TrackerConfig().window_influence
    assert graph.get_parameter("tracker.max_scale") == 8.0


def test_later_file_wins_as_launch_relies_on(run, tmp_path):
    """Launch passes its own arguments as a second file after the user's."""
    later = tmp_path / "later.yaml"
    later.write_text("/**:\n  ros__parameters:\n    image_transport: compressed\n")
    _, graph = run("--params-file", str(CONFIG), "--params-file", str(later))
    graph.active()
    assert graph.get_parameter("image_transport") == "compressed"
    assert graph.last("input_topic") == "/image/compressed"
