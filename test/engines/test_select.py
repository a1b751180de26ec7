"""The engine that was asked for, or a reason why not."""

import pytest

from gradnet_ros.engines.select import make_engine
from gradnet_ros.engines.torch_engine import TorchEngine
from gradnet_ros.tracking.template import GradientGuidedTemplate
from support import random_network


def test_unknown_engines_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"engine must be one of auto, torch.*, got 'tensorrt'"):
        make_engine(random_network("lite"), "cpu", "tensorrt")


def test_a_template_of_ones_own_runs_in_torch():
    engine = make_engine(random_network("lite"), "cpu", "auto", GradientGuidedTemplate)
    assert isinstance(engine, TorchEngine)
    assert (engine.name, engine.device.type) == ("torch", "cpu")
