"""What the followed object is called."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Target:
    """What a followed object is called.

    Attributes:
        id: ``Detection2D.id``.
        class_id: ``ObjectHypothesis.class_id``; may be empty.
    """

    id: str
    class_id: str


class TargetNames:
    """Makes up names for targets that come without one: ``target_1``, ``target_2``, ..."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def next(self) -> str:
        """A name not given before."""
        return f"target_{next(self._numbers)}"
