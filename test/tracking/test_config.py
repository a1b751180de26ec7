"""Settings: the paper's numbers, bounds that hold, errors that name the field."""

import math
from dataclasses import FrozenInstanceError, fields

import pytest

from gradnet_ros.tracking.config import TrackerConfig


def test_the_papers_numbers():
    config = TrackerConfig()
    assert (config.context_amount, config.scale_count, config.scale_step) == (0.5, 3, 1.04)
    assert (config.scale_penalty, config.scale_smoothing) == (0.97, 0.59)
    assert (config.min_scale, config.max_scale, config.response_upsampling) == (0.2, 5.0, 16)
    assert (config.adaptive_weight, config.window_influence) == (0.15, 0.25)
    assert (config.memory_size, config.warmup_frames, config.reliable_ratio) == (5, 5, 0.5)
    assert (config.update_interval, config.update_rate) == (5, 0.6)
    assert (config.early_frames, config.early_ratio, config.early_update_rate) == (10, 0.4, 0.7)
    assert config.refind_after == 9


@pytest.mark.parametrize("name", [field.name for field in fields(TrackerConfig)])
def test_every_field_has_bounds_that_are_kept(name):
    default = getattr(TrackerConfig(), name)
    low, high = TrackerConfig.bounds(name)
    assert low <= default <= high
    for bad in (low - 1, high + 1, "1", None, math.nan):
        with pytest.raises(ValueError, match=name):
            TrackerConfig(**{name: bad})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"scale_count": 2}, "scale_count must be odd, got 2"),
        ({"update_interval": 2.5}, "update_interval must be of type int"),
        ({"update_interval": True}, "update_interval must be of type int"),
        ({"refind_at_centre": 1}, "refind_at_centre must be of type bool"),
        ({"lost_score": 0.6}, "lost_score must not exceed tracked_score"),
        ({"scale_stop": 1.0}, "unknown tracker setting scale_stop; known are: context_amount"),
    ],
)
def test_bad_settings(overrides, message):
    with pytest.raises(ValueError, match=message):
        TrackerConfig().with_overrides(overrides)


def test_overrides_leave_the_original():
    config = TrackerConfig()
    assert config.with_overrides({"update_interval": 0}).update_interval == 0
    assert config.update_interval == 5
    with pytest.raises(FrozenInstanceError):
        config.update_interval = 3
