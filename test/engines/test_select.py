"""The engine that was asked for, or a reason why not."""

import pytest
import torch

from gradnet_ros.engines import select
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


@pytest.fixture
def one_gpu(monkeypatch):
    """A machine with a GPU, where engines are no more than the device that they are made on."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for name in ("torch", "cuda-graph", "openvino", "onnxruntime"):
        monkeypatch.setitem(select._MAKERS, name, lambda net, device: device)


@pytest.mark.parametrize(
    ("engine", "device"),
    [
        ("openvino", "cpu"),
        ("onnxruntime", "cpu"),
        ("torch", "cuda"),
        ("cuda-graph", "cuda"),
        ("auto", "cuda"),
    ],
)
def test_device_auto_is_the_cpu_for_an_engine_that_runs_there_alone(one_gpu, engine, device):
    assert make_engine(random_network("lite"), "auto", engine).type == device


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_an_engine_of_the_cpu_is_refused_where_cuda_was_asked_for(monkeypatch, engine):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=f"engine {engine} runs on the CPU, but the device is cuda"):
        make_engine(random_network("lite"), "cuda", engine)
