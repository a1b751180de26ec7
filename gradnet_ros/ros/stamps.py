"""Header stamps as whole nanoseconds."""

from __future__ import annotations

from typing import Any

NANOSECONDS = 1_000_000_000


def to_nanoseconds(stamp: Any) -> int:
    """Nanoseconds of a ``builtin_interfaces/Time``; 0 stands for *no stamp*."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def seconds(nanoseconds: int) -> str:
    """Write a stamp for a person: ``12.345678901 s``, all nine digits, since stamps are compared exactly."""
    sign = "-" if nanoseconds < 0 else ""
    whole, rest = divmod(abs(nanoseconds), NANOSECONDS)
    return f"{sign}{whole}.{rest:09d} s"
