"""A place for one item, the newest: the camera never waits for the tracker, and no backlog ever builds up."""

from __future__ import annotations

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """Hands the newest item from one thread to another; an item not taken in time is replaced.

    Nothing here knows of ROS.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._item: T | None = None
        self._nudged = False
        self._closed = False

    def put(self, item: T) -> T | None:
        """Store an item and wake the consumer.

        Returns:
            What will never be taken because of this: the item replaced, or the given one if closed.
        """
        with self._changed:
            if self._closed:
                return item
            replaced, self._item = self._item, item
            self._changed.notify()
            return replaced

    def take(self) -> T | None:
        """Remove and return the item; None when there is none. Does not wait."""
        with self._changed:
            item, self._item = self._item, None
            return item

    def wait(self) -> bool:
        """Wait until there is an item, or a nudge, or the end.

        Returns:
            False once the slot is closed: the consumer is to leave.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._nudged or self._closed)
            self._nudged = False
            return not self._closed

    def nudge(self) -> None:
        """Wake the consumer though there is no item, for it to look at something else."""
        with self._changed:
            self._nudged = True
            self._changed.notify()

    def close(self) -> None:
        """Let the consumer leave, now and for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
