"""What an ablation compares: the rows, and what each changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FIXED, UNMOVED, PLAIN = "fixed", "unmoved", "plain"
PLAIN_STEPS = (1, 4, 16, 64)
"""Plain gradient steps an update, one row each."""
STEP_FACTORS = (1.0, 4.0, 16.0)
"""Step sizes tried for each of them; see ``PlainGradientTemplate``. From 64 on the loss grows."""


@dataclass(frozen=True)
class Variant:
    """A kind of adaptive template.

    Attributes:
        says: what it is, for tables.
        stage: what its update stage sets (fields of ``UpdateStage``); ``None`` where nothing is trained.
    """

    says: str
    stage: Mapping[str, object] | None = None


VARIANTS: dict[str, Variant] = {
    FIXED: Variant("the first frame's template alone"),
    UNMOVED: Variant("a second template, equal to the first, that never moves"),
    PLAIN: Variant("plain gradient descent on the second template"),
    "no-generalization": Variant(
        "the update, trained without template generalization",
        {"template_generalization": False, "unshared_head": False},
    ),
    "full": Variant("the update", {"template_generalization": True, "unshared_head": False}),
    "unshared": Variant(
        "the update, its template through a U1 of its own",
        {"template_generalization": True, "unshared_head": True},
    ),
}
"""Variants by name, in the order of the table."""


def chosen(names: list[str]) -> tuple[str, ...]:
    """Variants to compare, in the order of the table; ``fixed``, the reference, is always among them.

    Args:
        names: names of variants; empty means all.

    Raises:
        ValueError: an unknown name.
    """
    unknown = sorted(set(names) - set(VARIANTS))
    if unknown:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {unknown[0]!r}")
    return tuple(name for name in VARIANTS if not names or name in names or name == FIXED)
