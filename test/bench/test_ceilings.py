"""Ceilings are rates, and each engine's are measured in its own number formats."""

import dataclasses

import pytest
import torch

from gradnet_ros.bench.ceilings import measure_ceilings, number_formats


def test_rates():
    ceilings = measure_ceilings(torch.device("cpu"), seconds=0.01)
    # How fast is the machine's business, and that of what else runs on it.
    assert all(0 < rate < float("inf") for rate in dataclasses.astuple(ceilings))


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
