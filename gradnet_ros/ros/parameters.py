"""Every parameter of the node, in one place: name, default, range, unit, meaning, whether it can change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterValueException, ParameterException

from gradnet_ros.tracking.config import TrackerConfig

Value = bool | int | float | str

TRACKER_PREFIX = "tracker."
"""Before the names of the tracker's settings."""


@dataclass(frozen=True)
class Spec:
    """One parameter.

    Attributes:
        name: its full name.
        default: its value when the user says nothing; its type is the parameter's type.
        description: what it does.
        unit: unit of the value; empty for none.
        low: smallest value allowed, for numbers.
        high: largest value allowed, for numbers.
        pattern: regular expression that a text must match in full; empty for any text.
        allowed: the pattern in words.
        live: it can be changed while the node runs.
    """

    name: str
    default: Value
    description: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    pattern: str = ""
    allowed: str = ""
    live: bool = False

    @property
    def type_name(self) -> str:
        """``bool``, ``int``, ``double`` or ``string``, as ROS tools say."""
        return {bool: "bool", int: "int", float: "double", str: "string"}[type(self.default)]

    @property
    def default_text(self) -> str:
        """The default for a person."""
        return {"True": "true", "False": "false", "": "empty"}.get(str(self.default), str(self.default))

    @property
    def range_text(self) -> str:
        """The values allowed, for a person; empty for any."""
        if self.low is None or self.high is None:
            return self.allowed
        return f"{self.low:g} to {self.high:g}"


NODE_SPECS: tuple[Spec, ...] = (
    Spec("autostart", True, "Configure and activate at start, without a lifecycle manager."),
    Spec("network", "lite", "Network: lite (small, fast) or alexnet (the paper's)."),
    Spec(
        "device",
        "auto",
        "Where the network runs; auto takes CUDA if there is one and the engine runs there. Falls back to "
        "the CPU with a warning.",
        pattern=r"auto|cpu|cuda(:\d+)?",
        allowed="auto, cpu, cuda or cuda:N",
    ),
    Spec(
        "engine",
        "auto",
        "What runs the network; auto takes OpenVINO on a CPU if it is installed, else PyTorch.",
        pattern="auto|torch|cuda-graph|openvino|onnxruntime",
        allowed="auto, torch, cuda-graph, openvino or onnxruntime",
    ),
    Spec("weights", "", "Path of a checkpoint; empty for the weights that come with the package."),
    Spec(
        "image_transport",
        "raw",
        "raw subscribes to image, compressed to image/compressed.",
        pattern="raw|compressed",
        allowed="raw or compressed",
    ),
    Spec(
        "history_seconds",
        2.0,
        "How long frames are kept, so that a box drawn on an older image can be honoured.",
        unit="s",
        low=0.0,
        high=60.0,
        live=True,
    ),
    Spec(
        "history_megabytes",
        256.0,
        "Pixel data kept for that at most; the newest frame is kept in any case.",
        unit="MB",
        low=0.0,
        high=65536.0,
        live=True,
    ),
    Spec(
        "catch_up_seconds",
        1.0,
        "Time to get from such an older image to the newest; frames are skipped as needed.",
        unit="s",
        low=0.0,
        high=60.0,
        live=True,
    ),
    Spec(
        "no_image_timeout",
        2.0,
        "Without an image for this long (wall clock), the diagnostics turn STALE.",
        unit="s",
        low=0.1,
        high=3600.0,
        live=True,
    ),
    Spec(
        "jump_back_seconds",
        1.0,
        "A stamp this much older than the last begins a new stream; a smaller step back is out of order.",
        unit="s",
        low=0.001,
        high=3600.0,
        live=True,
    ),
    Spec(
        "debug_line_width",
        2,
        "Width of the box's line in the debug image.",
        unit="px",
        low=1,
        high=20,
        live=True,
    ),
)
"""Parameters of the node itself; ``use_sim_time`` comes with every node."""

_TRACKER_TEXT = {
    "context_amount": (
        "",
        "Context around the box, both sides together, as a share of (w + h) / 2; for new targets.",
    ),
    "scale_count": ("", "Scales that are searched, or compared with scale_by_cosine; odd."),
    "scale_step": ("", "Ratio of one scale to the next."),
    "scale_penalty": ("", "Factor on the peak, or on 1 + cosine, of every scale but the middle one."),
    "scale_by_cosine": (
        "",
        "Sizes are compared at the place found, by the template's cosine, instead of searching every scale.",
    ),
    "scale_smoothing": ("", "Share of the newly found size in the running size."),
    "min_scale": ("", "Smallest size of the target, relative to the first."),
    "max_scale": ("", "Largest size of the target, relative to the first."),
    "response_upsampling": ("", "Enlargement of the response before its peak is taken."),
    "window_influence": ("", "Weight of the Hann window against the response."),
    "narrow_first": (
        "",
        "A target that moved little is searched near its place first, farther off where it is not seen well.",
    ),
    "box_branch": ("", "The box branch says the size, in one search pass, instead of the scales; lite only."),
    "size_penalty": ("", "Box branch: how much a change of size and aspect counts against a place."),
    "box_neighbours": (
        "cells",
        "Box branch: boxes of so many cells on each side of the best are averaged with its own.",
    ),
    "box_steps": ("", "Box branch: gradient steps that fit it to a target's first frame, one a frame."),
    "size_smoothing": ("", "Box branch: share of the newly found size in the running size."),
    "template_steps": (
        "",
        "Gradient steps that fit the fixed template to a target's first frame, when the target is given.",
    ),
    "update_interval": (
        "frames",
        "Frames between two template updates; 0: no gradient steps at all, of any kind.",
    ),
    "adaptive_weight": ("", "Weight of the adaptive template's response against the fixed template's."),
    "raw_fusion": ("", "Both responses are averaged before they are normalised: the surer one counts more."),
    "update_rate": ("", "Share of the new target feature in the running one at an update."),
    "update_from_first": ("", "Updates start from the first exemplar's feature, not from the running one."),
    "memory_size": ("frames", "Reliable frames kept for updates."),
    "warmup_frames": ("frames", "Frames whose mean peak is the reference for reliable and weak ones."),
    "reliable_ratio": ("", "A frame is reliable from this share of the reference on."),
    "newest_sample": ("", "Updates learn from the newest reliable frames, not from the strongest."),
    "update_samples": ("frames", "Reliable frames that one update learns from."),
    "early_frames": ("frames", "A weak peak within this many first frames updates the template at once."),
    "early_ratio": ("", "Weak: below this share of the reference."),
    "early_update_rate": ("", "update_rate for such an update."),
    "refind_after": ("frames", "Unreliable frames after which one is searched without the window; 0: never."),
    "refind_at_centre": ("", "Search at the image's centre after the target left the image."),
    "wait_at_edge": ("", "Wait for a target that left where it left, and look along that edge."),
    "refind_anywhere": ("", "Search all over the image, place by place, for a target that is lost."),
    "tracked_score": ("", "Score from which the state is TRACKED."),
    "lost_score": ("", "Score below which the state is LOST."),
}


def tracker_specs(defaults: TrackerConfig) -> tuple[Spec, ...]:
    """Parameters for the tracker's settings, one for each field of :class:`TrackerConfig`, all live.

    Args:
        defaults: the settings that the loaded network comes with.
    """
    specs = []
    for field in fields(TrackerConfig):
        kind = {"int": int, "float": float, "bool": bool}[str(field.type)]
        low, high = TrackerConfig.bounds(field.name)
        unit, text = _TRACKER_TEXT.get(field.name, ("", ""))
        value: Value = kind(getattr(defaults, field.name))
        spec = Spec(TRACKER_PREFIX + field.name, value, text, unit=unit, live=True)
        specs.append(spec if kind is bool else replace(spec, low=low, high=high))
    return tuple(specs)


def descriptor(spec: Spec) -> Any:
    """``rcl_interfaces/ParameterDescriptor`` of a parameter, for tools to show and rclpy to enforce."""
    unit = f" Unit: {spec.unit}." if spec.unit else ""
    result = ParameterDescriptor(description=spec.description + unit, read_only=not spec.live)
    result.additional_constraints = spec.allowed
    if spec.low is not None and spec.high is not None:
        if isinstance(spec.default, int):
            result.integer_range = [IntegerRange(from_value=int(spec.low), to_value=int(spec.high), step=1)]
        else:
            # A step of 0 allows every value in between.
            bounds = FloatingPointRange(from_value=float(spec.low), to_value=float(spec.high), step=0.0)
            result.floating_point_range = [bounds]
    return result


def declare(node: Any, specs: Iterable[Spec]) -> dict[str, Value]:
    """Declare parameters on a node; those already there keep their values.

    Returns:
        All values by name, the user's where the user gave some.

    Raises:
        rclpy.exceptions.ParameterException: a value of the user's has the wrong type or is not allowed.
    """
    values: dict[str, Value] = {}
    for spec in specs:
        if not node.has_parameter(spec.name):
            node.declare_parameter(spec.name, spec.default, descriptor(spec))
        value = node.get_parameter(spec.name).value
        if spec.pattern and not re.fullmatch(spec.pattern, str(value)):
            raise InvalidParameterValueException(spec.name, value, f"must be {spec.allowed}")
        values[spec.name] = value
    return values


def declare_defaults_for_wrong(node: Any, specs: Iterable[Spec]) -> tuple[dict[str, Value], list[str]]:
    """Declare parameters as :func:`declare` does, but with the default where the user's value is not allowed.

    Such a parameter can then be set to what is; left undeclared it could not.

    Returns:
        All values by name, and what is wrong with the user's.
    """
    values: dict[str, Value] = {}
    wrong: list[str] = []
    for spec in specs:
        try:
            values |= declare(node, [spec])
        except ParameterException as error:
            wrong.append(str(error))
            node.declare_parameter(spec.name, spec.default, descriptor(spec), ignore_override=True)
            values[spec.name] = spec.default
    return values, wrong


def tracker_config(values: dict[str, Value]) -> TrackerConfig:
    """Tracker settings of parameter values; names that do not begin with ``tracker.`` are passed over.

    Raises:
        ValueError: a value is outside its bound or does not go with another; both are named.
    """
    settings = {
        name.removeprefix(TRACKER_PREFIX): value
        for name, value in values.items()
        if name.startswith(TRACKER_PREFIX)
    }
    return TrackerConfig().with_overrides(settings)
