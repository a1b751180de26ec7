"""Which stamps may follow one another."""

import pytest

from gradnet_ros.ros.bbox import as_received, from_centre, to_centre
from gradnet_ros.ros.order import JUMP_BACK_S, StampOrder, Step

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("stamps", "steps"),
    [
        ([5, 6], [Step.NEXT, Step.NEXT]),
        ([5, 5], [Step.NEXT, Step.LATE]),
        ([5, 4, 6], [Step.NEXT, Step.LATE, Step.NEXT]),
        ([2 * SECOND, SECOND + 1, SECOND], [Step.NEXT, Step.LATE, Step.RESTART]),
        ([2 * SECOND, SECOND, SECOND + 1], [Step.NEXT, Step.RESTART, Step.NEXT]),
        ([5, 0, 3], [Step.NEXT, Step.NEXT, Step.NEXT]),
    ],
)
def test_order(stamps, steps):
    order = StampOrder(1.0)
    assert [order.judge(stamp) for stamp in stamps] == steps


def test_a_late_stamp_is_not_remembered():
    order = StampOrder(1.0)
    for stamp in (5, 4):
        order.judge(stamp)
    assert order.last == 5


def test_the_jump_is_the_default_of_the_nodes_parameter():
    pytest.importorskip("rclpy")
    from gradnet_ros.ros.parameters import NODE_SPECS

    assert {spec.name: spec.default for spec in NODE_SPECS}["jump_back_seconds"] == JUMP_BACK_S


def test_a_box_goes_through_a_message_and_back():
    box = (10.3, 20.7, 33.1, 7.9)
    assert to_centre((10, 20, 30, 8)) == (25, 24, 30, 8)
    assert from_centre((25, 24, 30, 8)) == (10, 20, 30, 8)
    assert as_received(box) == pytest.approx(box)
    assert as_received(as_received(box)) == as_received(box)
