"""Several processes train as one, and a signal ends them all with a state to go on from."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from gradnet_ros.nn.checkpoint import load_network
from gradnet_ros.training.processes import open_fabric
from gradnet_ros.training.state import load_state

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def start(*arguments, launcher=()):
    """Start ``fake.py`` in a group of processes of its own."""
    folder = os.path.dirname(os.path.dirname(__file__))
    environment = {**os.environ, "PYTHONPATH": folder, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, os.path.join(folder, "training", "fake.py"), *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process, seconds=100):
    try:
        output, _ = process.communicate(timeout=seconds)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output


@pytest.mark.slow
def test_two_processes_train_as_one_with_twice_the_batch(tmp_path):
    code, one = finish(start(tmp_path / "one", "--batch-size", 4))
    assert code == 0, one
    code, two = finish(start(tmp_path / "two", "--batch-size", 2, launcher=TORCHRUN))
    assert code == 0, two
    nets = [load_network(tmp_path / name / "lite.safetensors").net.state_dict() for name in ("one", "two")]
    for name, value in nets[0].items():
        torch.testing.assert_close(nets[1][name], value, rtol=1e-3, atol=1e-5, msg=name)
    states = [load_state(tmp_path / name / "state.pt").stage for name in ("one", "two")]
    assert states[0].best == pytest.approx(states[1].best, rel=1e-4)
    assert states[0].global_batch == states[1].global_batch == 4
    assert load_network(tmp_path / "two" / "lite.safetensors").training["processes"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [(), TORCHRUN], ids=["alone", "torchrun"])
def test_a_signal_to_all_processes_saves_the_state(tmp_path, launcher):
    process = start(tmp_path, "--steps", 100000, "--workers", 1, launcher=launcher)
    deadline = time.monotonic() + 60
    while not (tmp_path / "state.pt").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "no state within a minute"
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGTERM)  # workers too, as a batch system does
    code, output = finish(process, 40)
    assert code != 0
    assert "--resume" in output
    assert "killed by signal" not in output
    done = load_state(tmp_path / "state.pt").stage.step
    written = load_network(tmp_path / "last-fake.safetensors").training["step"]
    assert 0 < done == written < 100000


def test_float16_is_refused_on_a_cpu():
    message = "precision must be auto, 32-true or bf16-mixed on a CPU, got '16-mixed'"
    with pytest.raises(ValueError, match=message):
        open_fabric("cpu", "16-mixed")


def test_automatic_precision_on_a_cpu():
    assert open_fabric("cpu", "auto").strategy.precision.precision == "32-true"


def test_an_unknown_device():
    with pytest.raises(ValueError, match="device must be auto, cpu, cuda"):
        open_fabric("npu")
