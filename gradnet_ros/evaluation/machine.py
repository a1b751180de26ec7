"""What figures depend on beside the tracker: the machine, the libraries, the code."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from gradnet_ros import __version__
from gradnet_ros.training.provenance import git_commit

_OPENCV = tuple(f"opencv{contrib}-python{kind}" for contrib in ("-contrib", "") for kind in ("-headless", ""))
"""OpenCV comes under four names; any of them will do."""
_LIBRARIES = ("numpy", *_OPENCV)


def processor() -> str:
    """The processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def machine() -> dict[str, object]:
    """Processor, its cores, GPUs, system and torch's threads of this process."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "system": platform.platform(),
        "torch_threads": torch.get_num_threads(),
    }


def versions() -> dict[str, str | None]:
    """The code and the libraries; the commit is ``None`` outside a checkout."""
    found: dict[str, str | None] = {
        "gradnet_ros": __version__,
        "commit": git_commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
