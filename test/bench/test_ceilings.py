"""Ceilings are rates."""

import dataclasses

import torch

from gradnet_ros.bench.ceilings import measure_ceilings


def test_rates():
    ceilings = measure_ceilings(torch.device("cpu"), seconds=0.01)
    # How fast is the machine's business, and that of what else runs on it.
    assert all(0 < rate < float("inf") for rate in dataclasses.astuple(ceilings))
