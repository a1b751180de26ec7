"""Search crops of several sides: in narrower ones norms and padding see another share of background."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from gradnet_ros.nn.trunk import TrunkSpec


def check_sides(sides: Sequence[int], spec: TrunkSpec) -> None:
    """Check a stage's ``sides``.

    Raises:
        ValueError: the network has no response to a crop of one of them, or none around the same middle.
    """
    possible = range(spec.search_size, (spec.template_size - 1) * spec.stride, -2 * spec.stride)
    for side in sides:
        if side not in possible:
            raise ValueError(f"sides must be among {', '.join(map(str, possible))}, got {side!r}")


def side_of(sides: Sequence[int], number: int, spec: TrunkSpec) -> int:
    """The side that step ``number`` sees: each in turn, the whole crop's where there are none."""
    return sides[number % len(sides)] if sides else spec.search_size


def middle(crops: Tensor, side: int) -> Tensor:
    """The middle of crops: (N, 3, x, x) -> (N, 3, side, side)."""
    rim = (crops.shape[-1] - side) // 2
    return crops[..., rim : rim + side, rim : rim + side]
