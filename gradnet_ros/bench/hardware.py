"""The machine that measured, in one line."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import cv2
import torch


def describe_hardware(device: torch.device) -> str:
    """Processor, what of it is used, GPU, and the versions of what computes."""
    parts = [
        f"{processor()}, {usable_cores()} of {os.cpu_count()} cores, {torch.get_num_threads()} torch threads"
    ]
    if device.type == "cuda":
        parts.append(f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}")
    parts.append(f"torch {torch.__version__}, OpenCV {cv2.__version__}, Python {platform.python_version()}")
    return "; ".join(parts)


def processor() -> str:
    """The processor's name as the kernel gives it, or its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))
