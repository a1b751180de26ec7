"""Ceilings are of a size that a machine can have, and each is its own."""

import pytest
import torch

from gradnet_ros.bench.ceilings import measure_ceilings, number_formats


def test_rates():
    ceilings = measure_ceilings(torch.device("cpu"), seconds=0.01)
    assert 1e8 < ceilings.flops < 1e15
    assert 1e8 < ceilings.memory_bytes < 1e13
    assert ceilings.cache_bytes > 0.5 * ceilings.memory_bytes


@pytest.mark.parametrize(
    ("detail", "formats"),
    [
        ("bfloat16", ("bfloat16", "bfloat16")),
        ("float32, bfloat16 in step", ("float32", "bfloat16")),
        ("float16, float32 in step, graphs", ("float16", "float32")),
        ("", ("float32", "float32")),
    ],
)
def test_an_engine_says_its_formats(detail, formats):
    assert number_formats(detail) == formats
