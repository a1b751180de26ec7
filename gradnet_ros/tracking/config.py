"""Every setting of the online tracker, named, with its bound and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of :class:`~gradnet_ros.tracking.tracker.Tracker`; the defaults are the paper's.

    A network's checkpoint may carry its own values for some of them (see
    :func:`gradnet_ros.nn.checkpoint.load_network`); what the user gives wins over both.

    Where a line names no source, the setting is ours.
    """

    # --- search (SiamFC section 3.1; official code) ---
    context_amount: float = 0.5
    """Context around the box, both sides together, as a share of (w + h) / 2; a target keeps its own."""
    scale_count: int = 3
    """Scales that are searched or compared: ``scale_step ** {-1, 0, 1}`` for 3. Odd."""
    scale_step: float = 1.04
    scale_penalty: float = 0.97
    """Factor on the peak, or on 1 + cosine, of every scale but the middle one."""
    scale_by_cosine: bool = False
    """The target is searched on the middle scale only. At the place found a crop like the exemplar's is cut
    at every scale, and the scale is the one whose features have the largest cosine with the fixed template
    (ours); not the one with the highest peak anywhere."""
    scale_smoothing: float = 0.59
    """Share of the newly found size in the running size."""
    min_scale: float = 0.2
    """Smallest size of the target, the geometric mean of its sides, relative to the first."""
    max_scale: float = 5.0
    """Largest size of the target, likewise."""
    response_upsampling: int = 16
    """Bicubic enlargement of the response before its peak is taken."""
    window_influence: float = 0.25
    """Weight of the Hann window against the fused response."""
    narrow_first: bool = False
    """A target that moved little and was seen well is searched in a narrower region first, and in the whole
    one, in the same frame, where it is not seen well or near the middle (ours). Frames that the template
    may learn from are searched whole: the first ``early_frames`` and one in ``update_interval``, or in twelve
    where that is 0."""

    # --- box branch (SiamRPN section 4.3) ---
    box_branch: bool = False
    """The box branch says the size, in one search pass; the settings of the pyramid rest. ``lite`` only."""
    size_penalty: float = 0.1
    """Box branch: a change of size and aspect by f costs a cell ``exp(-size_penalty * (f - 1))``."""
    box_neighbours: int = 0
    """Box branch: boxes of so many cells on each side of the best are averaged with its own (ours)."""
    box_steps: int = 0
    """Box branch: gradient steps that fit its template to the frame that the target is given in, whose box is
    true: one a frame, from the first on, each shorter than the last (ours). None where ``update_interval`` is
    0. More of them are for the next target; fewer end the fitting early."""
    size_smoothing: float = 0.5
    """Box branch: share of the newly found size in the running size at a score of 1 and no change."""

    # --- gradient-guided template (paper section 3.4; official code) ---
    template_steps: int = 0
    """Gradient steps that fit the fixed template, a gain of every channel, to the frame that the target is
    given in; all at once, when it is given (ours). None where ``update_interval`` is 0."""
    update_interval: int = 5
    """Frames between two template updates; 0 switches the gradient branch off altogether."""
    adaptive_weight: float = 0.15
    """Weight of the GradNet template's response against the fixed template's on the middle scale."""
    raw_fusion: bool = False
    """Both responses are averaged before they are normalised: the surer template counts more (ours)."""
    update_rate: float = 0.6
    """Running target feature: ``hid <- (1 - update_rate) * hid + update_rate * h2``."""

    update_from_first: bool = False
    """Every step starts from the exemplar's feature f2(Z), not from the running one (ours): no drift."""

    # --- reliable samples (official code) ---
    memory_size: int = 5
    """Reliable frames kept, first in, first out."""
    warmup_frames: int = 5
    """Frames whose mean peak is the reference T."""
    reliable_ratio: float = 0.5
    """A frame is reliable when its peak is at least min(reliable_ratio * T, mean of the kept peaks)."""

    newest_sample: bool = False
    """The template learns from the newest kept frames, not from those with the highest peaks (ours)."""
    update_samples: int = 1
    """Kept frames that one update learns from; the inner gradient is the sum over them (ours)."""

    # --- early failure (official code) ---
    early_frames: int = 10
    """A weak peak within this many first frames updates the template at once."""
    early_ratio: float = 0.4
    """Weak: below ``early_ratio * T``."""
    early_update_rate: float = 0.7
    """The running feature's rate for such an update."""

    # --- finding the target again (official code) ---
    refind_after: int = 9
    """Frames without a reliable sample after which one frame is searched without the window; 0 = never."""
    refind_at_centre: bool = True
    """Search at the image's centre too, in the frame after the box left the image with a weak peak."""
    wait_at_edge: bool = False
    """A target that is LOST and was leaving the image when it was last seen is waited for there, at its size
    when it was last whole, until a frame is not LOST. After ``refind_after`` such frames, one more place
    along that edge is searched in every frame, and taken where its score reaches ``tracked_score`` (ours)."""
    refind_anywhere: bool = False
    """After ``refind_after`` frames in which the target was LOST, search in every frame at one more place of
    the image too, at the size of the target when it was last whole, and go there where its score reaches
    ``tracked_score`` (ours)."""

    # --- what is reported ---
    tracked_score: float = 0.5
    """Score from which the state is TRACKED."""
    lost_score: float = 0.25
    """Score below which the state is LOST."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ValueError: a field is outside its bound; the message names the field, its value and the bound.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = _BOUNDS[field.name]
            kind = {"int": int, "float": (int, float), "bool": bool}[str(field.type)]
            whole = field.type == "int" or field.type == "float"
            if not isinstance(value, kind) or (whole and isinstance(value, bool)):  # type: ignore[arg-type]
                raise ValueError(f"{field.name} must be of type {field.type}, got {value!r}")
            if not isfinite(value) or not low <= value <= high:
                raise ValueError(f"{field.name} must be in [{low}, {high}], got {value!r}")
        if self.scale_count % 2 == 0:
            raise ValueError(f"scale_count must be odd, got {self.scale_count}")
        if self.lost_score > self.tracked_score:
            raise ValueError(
                f"lost_score must not exceed tracked_score, got {self.lost_score} > {self.tracked_score}"
            )

    @property
    def compares_sizes(self) -> bool:
        """Whether the size is told at the place found, by comparing crops, and not by the search."""
        return self.scale_by_cosine and not self.box_branch and self.scale_count > 1

    def with_overrides(self, overrides: Mapping[str, object]) -> TrackerConfig:
        """Return a copy with some fields replaced.

        Raises:
            ValueError: an unknown name, or a value outside its bound.
        """
        unknown = sorted(set(overrides) - {field.name for field in fields(self)})
        if unknown:
            known = ", ".join(field.name for field in fields(self))
            raise ValueError(f"unknown tracker setting {', '.join(unknown)}; known are: {known}")
        return replace(self, **overrides)  # type: ignore[arg-type]

    @staticmethod
    def bounds(name: str) -> tuple[float, float]:
        """The closed interval that the field ``name`` must lie in (1 and 0 stand for true and false)."""
        return _BOUNDS[name]


_BOUNDS: dict[str, tuple[float, float]] = {
    "context_amount": (0.0, 2.0),
    "scale_count": (1, 9),
    "scale_step": (1.0, 2.0),
    "scale_penalty": (0.5, 1.0),
    "scale_by_cosine": (0, 1),
    "scale_smoothing": (0.0, 1.0),
    "min_scale": (0.01, 1.0),
    "max_scale": (1.0, 100.0),
    "response_upsampling": (1, 32),
    "window_influence": (0.0, 1.0),
    "narrow_first": (0, 1),
    "box_branch": (0, 1),
    "size_penalty": (0.0, 10.0),
    "box_neighbours": (0, 8),
    "box_steps": (0, 100),
    "size_smoothing": (0.0, 1.0),
    "template_steps": (0, 1000),
    "update_interval": (0, 1000),
    "adaptive_weight": (0.0, 1.0),
    "raw_fusion": (0, 1),
    "update_rate": (0.0, 1.0),
    "update_from_first": (0, 1),
    "memory_size": (1, 100),
    "warmup_frames": (1, 100),
    "reliable_ratio": (0.0, 1.0),
    "newest_sample": (0, 1),
    "update_samples": (1, 5),
    "early_frames": (0, 1000),
    "early_ratio": (0.0, 1.0),
    "early_update_rate": (0.0, 1.0),
    "refind_after": (0, 10000),
    "refind_at_centre": (0, 1),
    "wait_at_edge": (0, 1),
    "refind_anywhere": (0, 1),
    "tracked_score": (0.0, 1.0),
    "lost_score": (0.0, 1.0),
}
