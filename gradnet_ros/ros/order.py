"""Which images may follow one another, by their stamps: one rule for the node and for bags."""

from __future__ import annotations

from enum import Enum

from gradnet_ros.ros.stamps import NANOSECONDS

JUMP_BACK_S = 1.0
"""The default of the node's parameter ``jump_back_seconds``."""


class Step(Enum):
    """What a stamp is after the one before."""

    NEXT = "next"
    """A newer image, or one of a sender that does not stamp."""
    RESTART = "restart"
    """The first image of a new stream: stamps jumped back (a bag that starts over, a reset simulation)."""
    LATE = "late"
    """An image that is not newer: out of order."""


class StampOrder:
    """Judges stamps one after another.

    Attributes:
        jump_back: a stamp this many seconds or more before the last one begins a new stream.
        last: the last stamp that was not late, ns; 0 before the first and after one without a stamp.
    """

    def __init__(self, jump_back: float) -> None:
        self.jump_back = jump_back
        self.last = 0

    def judge(self, stamp: int) -> Step:
        """Say what a stamp (ns, 0 for none) is, and remember it unless it is late."""
        back = self.last - stamp
        if stamp == 0 or self.last == 0 or back < 0:
            step = Step.NEXT
        else:
            step = Step.RESTART if back >= self.jump_back * NANOSECONDS else Step.LATE
        if step is not Step.LATE:
            self.last = stamp
        return step
