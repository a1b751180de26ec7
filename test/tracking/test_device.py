"""Devices that are not there are refused."""

import pytest
import torch

from gradnet_ros.tracking.device import select_device


def test_auto_and_cpu():
    assert select_device("cpu").type == "cpu"
    assert select_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu", "", "meta", "tpu:0"])
def test_other_names(name):
    with pytest.raises(ValueError, match="device must be auto, cpu, cuda or cuda:N"):
        select_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:7"])
def test_absent_cuda(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f"device '{name}' asked for, but 0 CUDA devices"):
        select_device(name)
