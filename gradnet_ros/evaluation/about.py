"""Comparing what trackers say of themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple


class Difference(NamedTuple):
    """Two trackers, or evaluations, that are not the same.

    Attributes:
        name: what differs; ``settings.NAME`` for one of several settings.
        here: its value in the first, ``nothing`` if it has none.
        there: its value in the second.
    """

    name: str
    here: str
    there: str


def first_difference(here: Mapping[str, str], there: Mapping[str, str]) -> Difference | None:
    """What differs first, by name; ``None`` if all is equal. Values that are JSON objects are looked into."""
    first, second = _flat(here), _flat(there)
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            return Difference(name, first.get(name, "nothing"), second.get(name, "nothing"))
    return None


def _flat(about: Mapping[str, str]) -> dict[str, str]:
    flat = {}
    for name, text in about.items():
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if isinstance(value, dict):
            flat.update({f"{name}.{key}": json.dumps(each) for key, each in value.items()})
        else:
            flat[name] = text
    return flat
