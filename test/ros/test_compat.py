"""What older versions of rclpy leave to us."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
from gradnet_ros.ros.compat import refuse_unfit_transitions


class Node(SimpleNamespace):
    """A lifecycle node whose ``~/change_state`` does as it is told."""

    def __init__(self, answer, running=True):
        self.said = []
        super().__init__(
            context=SimpleNamespace(ok=lambda: running),
            _service_change_state=SimpleNamespace(callback=answer),
        )

    def get_logger(self):
        return SimpleNamespace(error=self.said.append)

    def ask(self):
        return self._service_change_state.callback("request", SimpleNamespace(success=True))


def raising(*_):
    raise RuntimeError("Transition is not registered")


def test_transition_that_raises_is_refused():
    node = Node(raising)
    refuse_unfit_transitions(node)
    assert node.ask().success is False
    assert node.said == ["Transition refused: Transition is not registered"]


def test_other_answers_are_passed_on():
    node = Node(lambda request, response: SimpleNamespace(request=request, success=response.success))
    refuse_unfit_transitions(node)
    assert vars(node.ask()) == {"request": "request", "success": True}
    assert node.said == []


def test_error_of_a_graph_that_is_down_is_the_executors():
    node = Node(raising, running=False)
    refuse_unfit_transitions(node)
    with pytest.raises(RuntimeError, match="not registered"):
        node.ask()
