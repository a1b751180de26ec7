"""Settings from text files: every mistake is named with its field, its value and the bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError


class _Dataclass(Protocol):
    """Any dataclass, to the type checker."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


T = TypeVar("T", bound=_Dataclass)


class ConfigError(ValueError):
    """A setting cannot be used; the message names the field, the value and the bound."""


def explain(error: ValidationError, where: str = "") -> ConfigError:
    """One line a mistake, such as ``stages.0.steps: Input should be greater than 0, got -1``.

    Args:
        error: what pydantic found.
        where: dotted path of what was validated.
    """
    lines = []
    for mistake in error.errors():
        path = ".".join([*([where] if where else []), *(str(part) for part in mistake["loc"])])
        text = mistake["msg"].removeprefix("Value error, ")
        if mistake["type"] == "extra_forbidden":
            text = "unknown setting"
        elif mistake["type"] not in ("missing", "value_error"):
            text = f"{text}, got {mistake['input']!r}"
        lines.append(f"{path}: {text}" if path else text)
    return ConfigError("; ".join(lines))


def make_settings(kind: type[T], values: Mapping[str, object], where: str) -> T:
    """Make a dataclass of settings from a mapping.

    Args:
        kind: the dataclass; its ``__post_init__`` checks bounds with a ``ValueError``.
        values: field -> value; what is missing takes its default.
        where: dotted path of the mapping, for messages.

    Raises:
        ConfigError: an unknown field, a value of another type or outside its bound.
    """
    known = [field.name for field in fields(kind)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(f"{where}.{unknown[0]}: unknown setting; known are: {', '.join(known)}")
    try:
        return TypeAdapter(kind).validate_python(dict(values))
    except ValidationError as error:
        raise explain(error, where) from error


def apply_overrides(tree: dict[str, Any], overrides: list[str]) -> None:
    """Change a tree of settings in place by ``path.to.field=value``.

    Args:
        tree: mappings and lists, as read from YAML.
        overrides: a number in a path counts the entries of a list from 0; values are YAML.

    Raises:
        ConfigError: no ``=``, a path that leads nowhere, or a value that is not YAML.
    """
    for override in overrides:
        path, equals, text = override.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise ConfigError(f"expected KEY=VALUE, got {override!r}")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: not a YAML value: {text!r}") from error
        _set(tree, keys, value)


def _set(tree: Any, keys: list[str], value: object) -> None:
    place = tree
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        where = ".".join(keys[: depth + 1])
        if isinstance(place, list):
            if not key.isdigit() or int(key) >= len(place):
                raise ConfigError(f"{where}: expected a number from 0 to {len(place) - 1}, got {key!r}")
            position: Any = int(key)
        elif isinstance(place, dict):
            position = key
            if not last and place.get(key) is None:
                place[key] = {}
        else:
            raise ConfigError(f"{where}: {'.'.join(keys[:depth])} has no settings of its own")
        if last:
            place[position] = value
        else:
            place = place[position]
