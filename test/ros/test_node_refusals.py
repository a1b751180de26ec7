"""What a running node refuses, and that it says why and stays as it was. One node for all."""

import pytest

pytest.importorskip("rclpy")
from ros.graph import FAKE_NODE, HEIGHT, WIDTH, Graph, NodeProcess

pytestmark = pytest.mark.integration
NAN = float("nan")


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """A node that follows a target which every refusal must leave alone."""
    process = NodeProcess(FAKE_NODE, tmp_path_factory.mktemp("refusals"))
    made = Graph()
    try:
        made.connected()
        made.init(target_id="old")
        made.wait(lambda: made.detections, "a detection", meanwhile=made.send)
        yield made
    finally:
        made.close()
        assert process.stop() == 0, process.output()


@pytest.mark.parametrize(
    ("box", "options", "reason"),
    [
        ((WIDTH + 20, 40, 10, 10), {}, f"centre must lie inside the {WIDTH}x{HEIGHT} image"),
        ((50, -40, 10, 10), {}, "centre must lie inside"),
        ((50, 40, 0, 10), {}, "width and height must be at least"),
        ((50, 40, 10, -10), {}, "width and height must be at least"),
        ((50, 40, NAN, 10), {}, "box must be finite"),
        ((NAN, 40, 10, 10), {}, "box must be finite"),
        ((float("inf"), 40, 10, 10), {}, "box must be finite"),
        ((50 - 400, 40, 4 * WIDTH + 200, 10), {}, f"at most four times the {WIDTH}x{HEIGHT} image"),
        ((50, 40, 10, 10), {"theta": 0.3}, "rotated box cannot be tracked"),
        (
            (50, 40, 10, 10),
            {"frame_id": "map"},
            "frame_id must be 'camera', that of the image, or empty, got",
        ),
        ((50, 40, 10, 10), {"stamp": 1_000_000_000}, "is too old"),
        ((50, 40, 10, 10), {"stamp": 9_000_000_000_000_000_00}, "is too old"),
        ((50, 40, 10, 10), {"stamp": 2_000_000_000_000_000_000}, "is newer than any image"),
    ],
)
def test_target(graph, box, options, reason):
    response = graph.init(box, **options)
    assert (response.success, response.target_id) == (False, "")
    assert reason in response.message
    count = len(graph.detections)
    graph.wait(lambda: len(graph.detections) > count, "the old target", meanwhile=graph.send)
    assert graph.detections[-1].id == "old"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("tracker.update_interval", -1, ("tracker.update_interval", "0", "1000", "-1")),
        ("tracker.window_influence", 1.5, ("tracker.window_influence", "0.0", "1.0", "1.5")),
        ("tracker.window_influence", float("nan"), ("tracker.window_influence", "nan")),
        ("tracker.window_influence", 1, ("Wrong parameter type",)),
        ("tracker.lost_score", 0.9, ("lost_score must not exceed tracked_score",)),
        ("tracker.scale_count", 4, ("scale_count must be odd",)),
        ("tracker.box_branch", True, ("box_branch must be false", "has no box branch")),
        ("history_seconds", -1.0, ("history_seconds", "0.0", "60.0")),
        ("device", "cpu", ("read-only", "device")),
        ("network", "lite", ("read-only", "network")),
    ],
)
def test_parameter(graph, name, value, words):
    before = graph.get_parameter(name)
    accepted, reason = graph.set_parameter(name, value)
    assert not accepted
    assert [word for word in words if word not in reason] == [], reason
    assert graph.get_parameter(name) == before
    assert graph.set_parameter("tracker.update_interval", 5) == (True, "")  # A refusal spoils nothing.
