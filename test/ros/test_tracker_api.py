import sys
from types import SimpleNamespace

import pytest

from gradnet_ros.ros.tracker_api import LoadedTracker, load_tracker
from ros.fake_tracker import make_fake


def test_device_that_is_there_is_used():
    loaded = load_tracker(make_fake, "lite", "cpu", None)
    assert (loaded.requested, loaded.problem, loaded.gpu_megabytes()) == ("cpu", "", None)


def test_missing_cuda_falls_back_to_the_cpu_and_says_so():
    loaded = load_tracker(make_fake, "lite", "cuda:1", None)
    assert loaded.tracker.device == "cpu"
    assert loaded.requested == "cuda:1"
    assert "0 CUDA devices" in loaded.problem


def fails_on_cuda(network, device, weights, engine):
    """Makes a tracker whose network does not fit on the GPU."""
    if device == "auto" or device.startswith("cuda"):
        raise RuntimeError("CUDA out of memory")
    return SimpleNamespace(device=device, engine=engine)


@pytest.mark.parametrize(
    ("engine", "instead"), [("auto", "auto"), ("torch", "torch"), ("cuda-graph", "auto")]
)
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_cuda_that_fails_gives_way_to_the_cpu_and_it_is_said_why(monkeypatch, device, engine, instead):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    loaded = load_tracker(fails_on_cuda, "lite", device, None, engine)
    assert (loaded.tracker.device, loaded.tracker.engine) == ("cpu", instead)
    assert (loaded.requested, loaded.problem) == (device, "CUDA out of memory")


def test_auto_that_is_the_cpu_already_is_not_tried_again(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RuntimeError, match="CUDA out of memory"):
        load_tracker(fails_on_cuda, "lite", "auto", None)


def test_what_the_cpu_cannot_do_either_is_an_error():
    with pytest.raises(ValueError, match="unknown network 'vgg'"):
        load_tracker(make_fake, "vgg", "cuda", None)


def test_other_failures_are_not_hidden():
    with pytest.raises(FileNotFoundError):
        load_tracker(make_fake, "lite", "cpu", "/nowhere")


def test_memory_on_a_gpu_is_what_torch_has_allocated(monkeypatch):
    allocated = {"cuda:1": 12_500_000}
    monkeypatch.setitem(
        sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(memory_allocated=allocated.get))
    )
    assert LoadedTracker(SimpleNamespace(device="cuda:1"), "cuda:1").gpu_megabytes() == 12.5
