"""What a search may look at, and in which order."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.evaluation.search.halves import HALVES, short_first, split
from gradnet_ros.evaluation.sequences import Sequence


def make(lengths):
    return [
        Sequence(f"s{number:03d}", Path("none"), np.ones((length, 4)))
        for number, length in enumerate(lengths)
    ]


def names(sequences):
    return [sequence.name for sequence in sequences]


@given(count=st.integers(2, 40), seed=st.integers(0, 5))
def test_halves_are_disjoint_and_complete(count, seed):
    sequences = make([10] * count)
    np.random.default_rng(seed).shuffle(sequences)
    even, odd = split(sequences, "even"), split(sequences, "odd")
    assert names(even.search) == sorted(names(sequences))[::2]
    assert names(even.search) == names(odd.other)
    assert names(even.other) == names(odd.search)
    assert set(names(even.search)) | set(names(even.other)) == set(names(sequences))
    assert not set(names(even.search)) & set(names(even.other))


def test_all_leaves_no_other_half():
    halves = split(make([10, 10, 10]), "all")
    assert len(halves.search) == 3
    assert halves.other == ()


def test_a_half_that_is_none():
    with pytest.raises(ValueError, match=r"half must be one of even, odd, all, got 'first'"):
        split(make([10, 10]), "first")
    with pytest.raises(ValueError, match=r"half 'odd' needs at least 2 sequences, got 1"):
        split(make([10]), "odd")
    assert HALVES == ("even", "odd", "all")


def test_short_ones_come_first_but_shuffled():
    lengths = [300] * 8 + [40] * 8 + [900] * 2 + [60] * 4
    ordered = short_first(make(lengths), seed=3)
    assert sorted(names(ordered)) == names(make(lengths))
    found = [len(sequence.truth) for sequence in ordered]
    assert set(found[:12]) == {40, 60}  # equally short
    assert found[:8] != [40] * 8
    assert found[12:] == [300] * 8 + [900] * 2
    assert names(ordered[12:20]) != sorted(names(ordered[12:20]))


def test_the_order_is_the_seeds():
    sequences = make([50] * 12)
    assert names(short_first(sequences, 1)) == names(short_first(sequences[::-1], 1))
    assert names(short_first(sequences, 1)) != names(short_first(sequences, 2))
