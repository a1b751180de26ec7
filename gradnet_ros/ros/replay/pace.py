"""Two ways to play: each picture after the detection of the last, or as they were recorded."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from math import nan
from time import monotonic

from gradnet_ros.bags.outcome import Finding, Row, row_of
from gradnet_ros.ros.replay.session import ReplaySession

CLOCK_S = 0.02
"""Between pictures the time is told this often, seconds."""

Seen = Callable[["Finding | None"], None]
"""Told of every picture shown: its detection, or None where that is not there yet."""


def lock_step(session: ReplaySession, seen: Seen) -> list[Row]:
    """Show each picture when the detection of the last has come: every picture is tracked.

    Raises:
        ValueError: the bag cannot be read, or something does not happen in the graph.
    """
    rows: list[Row] = []
    for picture in session.request.scene.play():
        rows.append(session.step(picture) if rows else session.start(picture))
        seen(rows[-1].finding)
    return rows


def at_rate(session: ReplaySession, rate: float, seen: Seen) -> tuple[list[Row], float]:
    """Show the pictures as they were recorded; what the node does not get to is dropped, as from a camera.

    The first picture stands until its detection is there.

    Args:
        session: the node made ready.
        rate: 1 for the recorded rate, 2 for twice as fast.
        seen: see :data:`Seen`.

    Returns:
        A row for each picture, and by how many seconds the latest picture was late.

    Raises:
        ValueError: the bag cannot be read, or something does not happen in the graph.
    """
    rows: list[Row] = []
    waiting: defaultdict[int, deque[int]] = defaultdict(deque)  # stamp -> rows that have no detection yet
    shown: list[int] = []
    began, first, latest = 0.0, 0, 0.0
    scene, client = session.request.scene, session.client

    def take() -> None:
        for detection in client.detections:
            if waiting[detection.stamp]:
                number = waiting[detection.stamp].popleft()
                took = (detection.received - shown[number]) / 1e9
                rows[number] = replace(rows[number], finding=session.finding(detection), seconds=took)
        client.detections.clear()

    for picture in scene.play():
        if not rows:
            rows.append(session.start(picture))
            shown.append(0)
            began, first = monotonic(), picture.recorded
            seen(rows[0].finding)
            continue
        due = began + (picture.recorded - first) / 1e9 / rate
        while (left := due - monotonic()) > 0:
            session.publisher.tell_time(first + round((monotonic() - began) * rate * 1e9))
            client.spin(min(left, CLOCK_S))
        latest = max(latest, monotonic() - due)
        rows.append(row_of(picture, scene, None, nan))
        waiting[picture.stamp].append(len(rows) - 1)
        shown.append(session.show(picture))
        client.spin(0.0)
        take()
        seen(next((row.finding for row in reversed(rows) if row.finding is not None), None))
    session.settle()
    take()
    return rows, latest
