"""How to get from an old frame to the newest in bounded time."""

from __future__ import annotations

from math import ceil


def choose_step(behind: int, cost: float, left: float) -> int:
    """Which of the frames not seen yet to look at next, to be at the newest within the time left.

    Frames keep arriving and costs change, so this is asked anew before every frame.

    Args:
        behind: frames between the last one seen and the newest, the newest included; at least 1.
        cost: seconds that one frame takes.
        left: seconds left; at or below 0 the newest is all that can be looked at.

    Returns:
        Index into those frames, oldest first: 0 looks at each, ``behind - 1`` jumps to the newest.
    """
    if left <= 0.0:
        return behind - 1
    affordable = behind if cost <= 0.0 else int(min(left / cost, behind))
    return min(ceil(behind / max(affordable, 1)), behind) - 1
