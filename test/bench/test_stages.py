"""Stages of a frame, with sizes compared and without."""

import pytest
import torch

from gradnet_ros.bench.clip import generate_clip
from gradnet_ros.bench.stages import time_stages
from gradnet_ros.engines.torch_engine import TorchEngine
from gradnet_ros.tracking.config import TrackerConfig
from support import random_network


@pytest.mark.parametrize("compares", [False, True])
def test_sizes_are_a_stage_where_they_are_compared(compares):
    engine = TorchEngine(random_network("lite"), torch.device("cpu"))
    config = TrackerConfig(update_interval=0, scale_by_cosine=compares)
    stages = time_stages(engine, config, generate_clip(160, 120), 3)
    assert (stages.compare is not None) == compares
    assert (stages.update, stages.box_fit) == (None, None)
    measured = [stages.crop, stages.upload, stages.network, stages.host_sync, stages.response]
    for timing in [*measured, *([stages.compare] if compares else [])]:
        assert timing.count == 3
