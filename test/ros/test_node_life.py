"""The managed life of the node: transitions again and again, restarts, ends, failures."""

import signal

import pytest

pytest.importorskip("rclpy")
from ros.graph import FAKE_NODE, NodeProcess

pytestmark = pytest.mark.integration
CYCLES = 25


def follow(graph, name="t"):
    """Have a target followed."""
    assert graph.init(target_id=name).success
    count = len(graph.detections)
    graph.wait(lambda: len(graph.detections) > count, "a detection", meanwhile=graph.send)


def test_every_transition_by_hand(run):
    _, graph = run("-p", "autostart:=false")
    assert graph.state() == "unconfigured"
    response = graph.init()
    assert (response.success, response.message) == (False, "the node is not active")
    assert graph.stop().message == "the node is not active"
    for transition, state in (
        ("configure", "inactive"),
        ("activate", "active"),
        ("deactivate", "inactive"),
        ("cleanup", "unconfigured"),
        ("configure", "inactive"),
        ("activate", "active"),
    ):
        assert graph.change_state(transition)
        assert graph.state() == state
        graph.wait(lambda state=state: graph.last("lifecycle") == state, f"diagnostics to say {state}")
    graph.connected()
    follow(graph)
    assert graph.change_state("active_shutdown")
    assert graph.state() == "finalized"


def test_deactivation_forgets_target_and_counts(run):
    _, graph = run()
    graph.connected()
    follow(graph)
    assert graph.change_state("deactivate")
    assert graph.change_state("activate")
    graph.connected()
    values = graph.settled()
    assert (values["target_id"], values["frames_tracked"]) == ("", "0")
    follow(graph, "again")
    assert graph.detections[-1].id == "again"


def test_transitions_again_and_again_leak_nothing(run):
    process, graph = run()

    def cycle():
        graph.wait(lambda: graph.images.get_subscription_count() > 0, "the subscription")
        graph.send()
        for transition in ("deactivate", "cleanup", "configure", "activate"):
            assert graph.change_state(transition)

    graph.connected()
    follow(graph)
    for _ in range(5):  # pools and caches fill
        cycle()
    threads, memory = process.threads, process.rss_mb
    for _ in range(CYCLES):
        cycle()
    assert process.threads <= threads
    assert process.rss_mb < memory + 10
    graph.connected()
    follow(graph)


def test_restarted_node_takes_up_work(run):
    first, graph = run()
    graph.connected()
    follow(graph)
    assert first.stop() == 0
    graph.wait(lambda: graph.images.get_subscription_count() == 0, "the node to be gone")
    second = NodeProcess(FAKE_NODE, first.log.parent)
    try:
        start = len(graph.statuses)
        graph.wait(
            lambda: len(graph.statuses) > start and graph.last("lifecycle") == "active", "the new node"
        )
        graph.connected()
        follow(graph, "again")
    finally:
        assert second.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_tracking_ends_it_in_good_order(run, number):
    process, graph = run()
    graph.connected()
    follow(graph)
    process.process.send_signal(number)
    graph.wait(lambda: process.process.poll() is not None, "the end", meanwhile=graph.send)
    assert process.process.returncode == 0
    assert "rror" not in process.output()


def test_failed_configuration_is_an_error_and_can_be_tried_again(run, tmp_path):
    weights = tmp_path / "later.safetensors"
    _, graph = run("-p", f"weights:={weights}")
    graph.wait(lambda: graph.statuses and graph.statuses[-1][0].level == b"\2", "the error")
    assert "cannot configure: no such checkpoint" in graph.statuses[-1][0].message
    assert graph.state() == "unconfigured"
    weights.touch()
    assert graph.change_state("configure")
    assert graph.change_state("activate")
    graph.wait(lambda: graph.last("lifecycle") == "active", "the node to be active")


def test_missing_cuda_falls_back_to_the_cpu_with_a_warning(run):
    _, graph = run("-p", "device:=cuda:0", "-p", "no_image_timeout:=60.0")
    graph.active()
    status, values = graph.statuses[-1]
    assert (status.level, status.hardware_id) == (b"\1", "cpu")
    assert "running on cpu: device 'cuda:0' asked for" in status.message
    assert (values["device"], values["device_requested"]) == ("cpu", "cuda:0")


def test_name_and_namespace_can_be_changed(run):
    _, graph = run("-r", "__ns:=/robot", "-r", "__node:=eye", node="/robot/eye", image="/robot/image")
    graph.connected()
    follow(graph)
    assert graph.statuses[-1][0].name == "robot/eye: tracking"
    assert graph.last("input_topic") == "/robot/image"


def test_clock_that_stands_still_does_not_silence_the_node(run):
    _, graph = run("-p", "use_sim_time:=true")
    graph.connected()
    follow(graph)
    values = graph.settled()
    assert values["state"] == "TRACKED"
    assert values["latency_ms_p50"] == ""  # the stamps are of another clock


def test_transition_that_is_not_allowed_is_refused(run):
    _, graph = run("-p", "autostart:=false")
    assert not graph.change_state("activate")
    assert graph.state() == "unconfigured"
