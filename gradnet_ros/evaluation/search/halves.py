"""Which sequences a search may look at, and in which order."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from gradnet_ros.evaluation.sequences import Sequence

HALVES = ("even", "odd", "all")
"""What a search may use: the sequences with an even index by name, those with an odd one, or all."""


@dataclass(frozen=True)
class Halves:
    """Sequences, parted.

    Attributes:
        search: those that a search looks at, by name.
        other: those that it never opens, by name; empty where it may use all.
    """

    search: tuple[Sequence, ...]
    other: tuple[Sequence, ...]


def split(sequences: Iterable[Sequence], half: str) -> Halves:
    """Part sequences by name order: ``even`` searches on index 0, 2, 4, ..., ``odd`` on the others.

    Raises:
        ValueError: another half, or too few sequences to leave one for each half.
    """
    ordered = tuple(sorted(sequences, key=lambda sequence: sequence.name))
    if half not in HALVES:
        raise ValueError(f"half must be one of {', '.join(HALVES)}, got {half!r}")
    if half == "all":
        return Halves(ordered, ())
    if len(ordered) < 2:
        raise ValueError(f"half {half!r} needs at least 2 sequences, got {len(ordered)}")
    even, odd = ordered[::2], ordered[1::2]
    return Halves(even, odd) if half == "even" else Halves(odd, even)


def short_first(sequences: Iterable[Sequence], seed: int) -> list[Sequence]:
    """Order sequences for a search that drops bad settings early: short ones first, but shuffled.

    Sequences whose lengths lie between the same two powers of two count as equally short. Without the shuffle
    those of one data set, which are alike, would come in a row and decide together.
    """
    ordered = sorted(sequences, key=lambda sequence: sequence.name)
    random.Random(seed).shuffle(ordered)
    return sorted(ordered, key=lambda sequence: len(sequence.truth).bit_length())
