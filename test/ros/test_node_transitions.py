"""Transitions in this process: what they do with settings, and what is left when one fails half-way."""

from threading import Timer
from threading import enumerate as enumerate_threads

import pytest

pytest.importorskip("rclpy")
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from gradnet_ros.ros import tracker_node
from gradnet_ros.ros.targets import Target
from ros.fake_tracker import FakeTracker
from ros.graph import BOX_SIZE, picture

pytestmark = pytest.mark.integration
SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)


class StrangeError(Exception):
    """What a library may raise: none of the errors that are expected."""


@pytest.fixture
def tracker():
    return FakeTracker()


@pytest.fixture
def make(tracker):
    """Make the node with the given parameters."""
    made = []
    rclpy.init(args=[])

    def start(parameters=None):
        overrides = [Parameter(name, value=value) for name, value in (parameters or {}).items()]
        made.append(tracker_node.TrackerNode(lambda *_: tracker, parameter_overrides=overrides))
        return made[-1]

    yield start
    for node in made:
        node.destroy_node()
    rclpy.shutdown()


def test_destroyed_node_leaves_no_thread(make):
    node = make()
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS
    assert "gradnet_tracker" in [thread.name for thread in enumerate_threads()]
    node.destroy_node()
    assert "gradnet_tracker" not in [thread.name for thread in enumerate_threads()]


def failing(error):
    def fail(*_):
        raise error

    return fail


def set_parameter(node, name, value):
    (result,) = node.set_parameters([Parameter(name, value=value)])
    assert result.successful, result.reason


def test_setting_that_a_session_did_not_get_to_holds_in_the_next(make, tracker):
    node = make({"tracker.update_interval": 1})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    tracker.may_learn.clear()
    session = node._session
    session.receive(picture((50, 40), 1))
    session.start_target(0, "", (50.0, 40.0, BOX_SIZE, BOX_SIZE), Target("t", ""))
    stamp = 2
    while not tracker.learning.wait(0.01):  # The worker is in the middle of a frame then.
        session.receive(picture((50, 40), stamp))
        stamp += 1
    set_parameter(node, "tracker.window_influence", 0.4)
    Timer(0.3, tracker.may_learn.set).start()
    assert node.trigger_deactivate() == SUCCESS
    assert node.trigger_activate() == SUCCESS
    assert tracker.config.window_influence == 0.4
    assert node.get_parameter("tracker.window_influence").value == 0.4


def test_setting_of_an_inactive_node_holds_once_it_is_active(make, tracker):
    node = make()
    assert node.trigger_configure() == SUCCESS
    set_parameter(node, "tracker.window_influence", 0.4)
    assert node.trigger_activate() == SUCCESS
    assert tracker.config.window_influence == 0.4


def test_defect_in_configure_is_logged_and_can_be_mended(make, monkeypatch, capfd):
    node = make()
    with monkeypatch.context() as patch:
        patch.setattr(node, "_factory", failing(StrangeError("no such operator")))
        assert node.trigger_configure() == ERROR
    output = capfd.readouterr().err
    assert "Traceback" in output
    assert "cannot configure: StrangeError: no such operator" in output
    assert (node._phase, node._failure) == (
        "unconfigured",
        "cannot configure: StrangeError: no such operator",
    )
    assert node.trigger_configure() == SUCCESS


def test_defect_in_activate_tells_its_own_reason_and_leaves_nothing(make, monkeypatch):
    node = make()
    before = list(node.publishers)
    assert node.trigger_configure() == SUCCESS
    with monkeypatch.context() as patch:
        patch.setattr(tracker_node, "ImageInput", failing(ValueError("no topic")))
        assert node.trigger_activate() == FAILURE
        assert (node._phase, node._failure) == ("inactive", "cannot activate: no topic")
        patch.setattr(tracker_node, "ImageInput", failing(StrangeError("no memory")))
        assert node.trigger_activate() == ERROR
    assert (node._phase, node._failure) == ("unconfigured", "cannot activate: StrangeError: no memory")
    assert (node._session, list(node.publishers)) == (None, before)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    assert node._failure == ""


def test_session_that_cannot_begin_leaves_the_node_inactive(make, monkeypatch):
    node = make()
    assert node.trigger_configure() == SUCCESS
    with monkeypatch.context() as patch:
        patch.setattr(tracker_node, "Session", failing(RuntimeError("can't start new thread")))
        assert node.trigger_activate() == FAILURE
    assert (node._phase, node._failure) == ("inactive", "cannot activate: can't start new thread")
    assert node.trigger_activate() == SUCCESS


def test_publishers_made_before_one_that_cannot_be_are_destroyed(make):
    node = make({"qos_overrides./tracker_node/debug_image.publisher.reliability": "sometimes"})
    before = list(node.publishers)
    assert node.trigger_configure() == FAILURE
    assert "sometimes" in node._failure
    assert list(node.publishers) == before
