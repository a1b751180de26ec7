"""Devices and processes, by Lightning Fabric."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import distributed

from gradnet_ros.tracking.device import select_device

_PATIENCE = timedelta(hours=2)
"""How long a process waits for the others; one may validate for long while the others wait."""


def check_precision(device: torch.device, precision: str) -> None:
    """See that a device knows a precision.

    Raises:
        ValueError: float16 on a CPU.
    """
    if device.type == "cpu" and precision == "16-mixed":
        raise ValueError(f"precision must be auto, 32-true or bf16-mixed on a CPU, got {precision!r}")


def open_fabric(device: str, precision: str = "32-true") -> Fabric:
    """Fabric on a device, with the other processes if ``torchrun`` started several.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; with several processes on GPUs each takes its own.
        precision: Fabric's name of it, or ``auto``: bfloat16 on CUDA.

    Raises:
        ValueError: no such device, ``cuda:N`` for several processes, fewer GPUs than processes, or
            float16 on a CPU.
    """
    chosen = select_device(device)
    check_precision(chosen, precision)
    if precision == "auto":
        precision = "32-true" if chosen.type == "cpu" else "bf16-mixed"
    numbers: Any = precision
    world, local = (int(os.environ.get(name, 1)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if not distributed.is_torchelastic_launched() or world == 1:
        devices: Any = [chosen.index or 0] if chosen.type == "cuda" else 1
        fabric = Fabric(accelerator=chosen.type, devices=devices, precision=numbers)
    else:
        if ":" in device:
            raise ValueError(f"device must be auto, cpu or cuda for several processes, got {device!r}")
        if chosen.type == "cuda" and torch.cuda.device_count() < local:
            raise ValueError(
                f"{local} processes need as many GPUs, but there are {torch.cuda.device_count()}"
            )
        fabric = Fabric(
            accelerator=chosen.type,
            devices=local,
            num_nodes=world // local,
            strategy=DDPStrategy(timeout=_PATIENCE),
            precision=numbers,
        )
    fabric.launch()
    return fabric


def mean(fabric: Fabric, values: dict[str, float]) -> dict[str, float]:
    """The mean over the processes, name by name; all processes give the same names.

    A value that is not finite in one process is not finite in the mean.
    """
    if fabric.world_size == 1:
        return values
    together = torch.tensor(
        [values[name] for name in sorted(values)], dtype=torch.float64, device=fabric.device
    )
    distributed.all_reduce(together)
    return dict(zip(sorted(values), (together / fabric.world_size).tolist(), strict=True))


def gather(fabric: Fabric, items: list[Any]) -> list[Any]:
    """The items of all processes, in the order of the processes."""
    if fabric.world_size == 1:
        return items
    lists: list[list[Any]] = [[] for _ in range(fabric.world_size)]
    distributed.all_gather_object(lists, items)
    return [item for each in lists for item in each]
