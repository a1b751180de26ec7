"""Which settings of the tracker are searched, between which bounds; read from YAML and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import Any

import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from gradnet_ros.text import read_text
from gradnet_ros.tracking.config import TrackerConfig

Value = bool | int | float
_TYPES = {field.name: str(field.type) for field in fields(TrackerConfig)}
_RANGE_KEYS = ("low", "high", "step", "log")
_DIGITS = 4
"""Significant digits of a drawn number: a setting that is shipped should be readable."""


def typed(name: str, value: Any) -> Value:
    """A value in its setting's type: ROS does not take the whole number 1 for 1.0."""
    return float(value) if _TYPES[name] == "float" else value


@dataclass(frozen=True)
class Range:
    """A number between two bounds.

    Attributes:
        name: field of ``TrackerConfig``.
        low: smallest value.
        high: largest value.
        step: distance of two values; ``None`` is 1 for whole numbers and continuous for others.
        log: draw evenly in the logarithm.
    """

    name: str
    low: int | float
    high: int | float
    step: int | float | None
    log: bool

    def distribution(self) -> BaseDistribution:
        """What Optuna draws from."""
        if _TYPES[self.name] == "int":
            return IntDistribution(int(self.low), int(self.high), self.log, int(self.step or 1))
        return FloatDistribution(self.low, self.high, self.log, self.step)

    def holds(self, value: Value) -> bool:
        """Whether a value can be drawn."""
        if not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return abs(steps - round(steps)) < 1e-6

    def tidy(self, value: Any) -> Value:
        """A drawn value as the tracker is to get it: a few digits, inside of the range."""
        if _TYPES[self.name] == "int":
            return int(value)
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)

    def describe(self) -> str:
        """What is allowed, in words."""
        grid = f" in steps of {self.step}" if self.step else ", log" if self.log else ""
        return f"in [{self.low}, {self.high}]{grid}"


@dataclass(frozen=True)
class Choices:
    """One of a few values.

    Attributes:
        name: field of ``TrackerConfig``.
        values: at least two.
    """

    name: str
    values: tuple[Value, ...]

    def distribution(self) -> BaseDistribution:
        """What Optuna draws from."""
        return CategoricalDistribution(self.values)

    def holds(self, value: Value) -> bool:
        """Whether a value can be drawn."""
        return value in self.values

    def tidy(self, value: Any) -> Value:
        """A drawn value as the tracker is to get it."""
        return self.values[self.values.index(value)]

    def describe(self) -> str:
        """What is allowed, in words."""
        return f"one of {', '.join(str(value) for value in self.values)}"


@dataclass(frozen=True)
class SearchSpace:
    """What a search may change.

    Attributes:
        search: the settings that are searched.
        fixed: settings that every trial has.
        tries: points to try first, as the file gives them.
    """

    search: tuple[Range | Choices, ...]
    fixed: Mapping[str, Value]
    tries: tuple[Mapping[str, Value], ...]

    def distributions(self) -> dict[str, BaseDistribution]:
        """What Optuna draws every searched setting from."""
        return {each.name: each.distribution() for each in self.search}

    def outline(self) -> dict[str, Any]:
        """The space as JSON can hold it, to tell it from another."""
        return {
            "search": {each.name: each.describe() for each in self.search},
            "fixed": dict(self.fixed),
            "try": [dict(point) for point in self.tries],
        }

    def settings(self, params: Mapping[str, Any]) -> dict[str, Value]:
        """The tracker settings of a drawn point: those fixed and those searched.

        Args:
            params: name -> drawn value, for all that is searched.
        """
        return {**self.fixed, **{each.name: each.tidy(params[each.name]) for each in self.search}}

    def point(self, config: TrackerConfig) -> dict[str, Value] | None:
        """A configuration as a point of this space, or ``None`` where it is none."""
        if any(getattr(config, name) != value for name, value in self.fixed.items()):
            return None
        params = {each.name: getattr(config, each.name) for each in self.search}
        return params if all(each.holds(params[each.name]) for each in self.search) else None

    def points(self, own: TrackerConfig) -> list[dict[str, Value]]:
        """The points to try first; what a point does not name is the checkpoint's own.

        Args:
            own: the checkpoint's settings.

        Raises:
            ValueError: a checkpoint's own value that was to fill in lies outside of the space.
        """
        points = []
        for number, given in enumerate(self.tries):
            point = {each.name: given.get(each.name, getattr(own, each.name)) for each in self.search}
            for each in self.search:
                if not each.holds(point[each.name]):
                    raise ValueError(
                        f"try.{number}.{each.name} is not given, and the checkpoint's own"
                        f" {point[each.name]!r} is not {each.describe()}: give a value"
                    )
            points.append(point)
        return points


def read_space(path: Path) -> SearchSpace:
    """Read and check a space file.

    The file has ``search`` (name -> ``{low, high, step | log}`` or ``{choices: [...]}``) and may have
    ``fixed`` (name -> value) and ``try`` (a list of points, each name -> value).

    Raises:
        FileNotFoundError: no such file.
        ValueError: not YAML, an unknown name, or a value outside its bound; the message names the field
            and the bound.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no search space at {path}")
    try:
        return make_space(yaml.safe_load(read_text(path)))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def make_space(tree: object) -> SearchSpace:
    """Check a space that was read; see :func:`read_space`.

    Raises:
        ValueError: see :func:`read_space`.
    """
    top = _mapping(tree, "the file")
    unknown = sorted(set(top) - {"search", "fixed", "try"})
    if unknown:
        raise ValueError(f"{unknown[0]}: unknown key; known are: search, fixed, try")
    given = _mapping(top.get("search"), "search")
    if not given:
        raise ValueError("search must name at least one setting")
    search = tuple(_make_dimension(name, entry) for name, entry in given.items())
    fixed = {
        name: _value(name, value, f"fixed.{name}")
        for name, value in _mapping(top.get("fixed") or {}, "fixed").items()
    }
    both = sorted(set(fixed) & set(given))
    if both:
        raise ValueError(f"fixed.{both[0]}: also in search")
    tries = top.get("try") or []
    if not isinstance(tries, list):
        raise ValueError(f"try must be a list of mappings, got {tries!r}")
    points = [_make_point(point, f"try.{number}", search) for number, point in enumerate(tries)]
    return SearchSpace(search, fixed, tuple(points))


def _make_point(point: object, where: str, search: tuple[Range | Choices, ...]) -> dict[str, Value]:
    by_name = {each.name: each for each in search}
    values = {}
    for name, value in _mapping(point, where).items():
        if name not in by_name:
            raise ValueError(f"{where}.{name}: not in search")
        values[name] = _value(name, value, f"{where}.{name}")
        if not by_name[name].holds(values[name]):
            raise ValueError(f"{where}.{name} must be {by_name[name].describe()}, got {value!r}")
    return values


def _make_dimension(name: str, entry: object) -> Range | Choices:
    where = f"search.{name}"
    given = _mapping(entry, where)
    if "choices" in given:
        if len(given) > 1:
            raise ValueError(f"{where} must have choices alone, or low and high")
        values = given["choices"]
        if not isinstance(values, list) or len(values) < 2:
            raise ValueError(f"{where}.choices must be a list of at least 2 values, got {values!r}")
        checked = [_value(name, value, f"{where}.choices.{number}") for number, value in enumerate(values)]
        if len(set(checked)) < len(checked):
            raise ValueError(f"{where}.choices must differ, got {values!r}")
        return Choices(name, tuple(checked))
    unknown = sorted(set(given) - set(_RANGE_KEYS))
    if unknown or not {"low", "high"} <= set(given):
        raise ValueError(f"{where} must have low, high and perhaps step or log, or choices; got {given!r}")
    return _make_range(name, given, where)


def _make_range(name: str, given: Mapping[str, Any], where: str) -> Range:
    if _TYPES.get(name) == "bool":
        raise ValueError(f"{where} is true or false: give choices: [true, false]")
    low, high = (_value(name, given[key], f"{where}.{key}") for key in ("low", "high"))
    step, log = given.get("step"), given.get("log", False)
    if low >= high:
        raise ValueError(f"{where}.high must be above low, {low}, got {high}")
    if not isinstance(log, bool):
        raise ValueError(f"{where}.log must be true or false, got {log!r}")
    if log and step is not None:
        raise ValueError(f"{where} must have step or log, not both")
    if log and low <= 0:
        raise ValueError(f"{where}.low must be above 0 with log, got {low}")
    if step is not None:
        whole = _TYPES[name] == "int"
        number = isinstance(step, int if whole else (int, float)) and not isinstance(step, bool)
        if not number or not 0 < step < inf:
            kind = "whole number" if whole else "number"
            raise ValueError(f"{where}.step must be a {kind} above 0, got {step!r}")
        steps = (high - low) / step
        if abs(steps - round(steps)) > 1e-6:
            raise ValueError(f"{where}.step must divide high - low, {high - low:g}, got {step}")
    return Range(name, low, high, step, log)


def _value(name: str, value: Any, where: str) -> Value:
    """Check one value by the field's type and bound."""
    if name not in _TYPES:
        raise ValueError(f"{where}: unknown tracker setting; known are: {', '.join(_TYPES)}")
    kind = _TYPES[name]
    types: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (int, float)}
    right = isinstance(value, types[kind]) and (kind == "bool" or not isinstance(value, bool))
    if not right:
        # YAML reads 1e-3 as a text.
        hint = " (YAML wants a point in 1.0e-3)" if isinstance(value, str) and "e" in value else ""
        raise ValueError(f"{where} must be of type {kind}, got {value!r}{hint}")
    low, high = TrackerConfig.bounds(name)
    if not low <= value <= high:
        raise ValueError(f"{where} must be in [{low}, {high}], got {value!r}")
    return typed(name, value)


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{where} must be a mapping of names, got {value!r}")
    return value
