"""What goes through a network together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def by_kind(
    items: Sequence[_Item], kinds: Sequence[Hashable], work: Callable[[list[_Item]], list[_Result]]
) -> list[_Result]:
    """Do all items of one kind together; their results in the items' order."""
    results: dict[int, _Result] = {}
    for kind in dict.fromkeys(kinds):
        numbers = [number for number, each in enumerate(kinds) if each == kind]
        results.update(zip(numbers, work([items[number] for number in numbers]), strict=True))
    return [results[number] for number in range(len(items))]
