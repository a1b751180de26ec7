"""What this machine can do at best: arithmetic and memory, measured, not read off a data sheet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from gradnet_ros.bench.timing import best_of

_CACHE_BYTES = 4 << 20
"""A buffer about as large as the largest activations of a frame: it stays in a last-level cache."""
_MEMORY_BYTES = 256 << 20
"""A buffer larger than any cache."""
_MATRIX_SIDES = (512, 1024, 2048)
_CHANNELS, _MAP_SIDE = 256, 64


@dataclass(frozen=True)
class Ceilings:
    """The best rates seen on a device.

    Attributes:
        flops: floating-point operations a second (a multiplication and an addition are two) in matrix
            products and convolutions.
        cache_bytes: bytes a second, read and written, in a copy between buffers of 4 MiB.
        memory_bytes: the same with 256 MiB.
    """

    flops: float
    cache_bytes: float
    memory_bytes: float


@torch.no_grad()
def measure_ceilings(device: torch.device, seconds: float = 0.5) -> Ceilings:
    """Measure in float32, which every engine computes in, with as many threads as PyTorch is set to use.

    Args:
        device: where.
        seconds: time for each of the measurements.
    """
    flops = max(
        max(_matrix_rate(side, device, seconds) for side in _MATRIX_SIDES),
        _convolution_rate(device, seconds),
    )
    return Ceilings(
        flops, _copy_rate(_CACHE_BYTES, device, seconds), _copy_rate(_MEMORY_BYTES, device, seconds)
    )


def _matrix_rate(side: int, device: torch.device, seconds: float) -> float:
    left, right = (torch.randn(side, side, device=device) for _ in range(2))
    out = torch.empty_like(left)
    return 2.0 * side**3 / best_of(lambda: torch.mm(left, right, out=out), device, seconds)


def _convolution_rate(device: torch.device, seconds: float) -> float:
    """A 3x3 convolution: on some CPUs its library is faster than that of the matrix product."""
    layout = torch.channels_last
    maps = torch.randn(1, _CHANNELS, _MAP_SIDE, _MAP_SIDE, device=device).to(memory_format=layout)
    weight = torch.randn(_CHANNELS, _CHANNELS, 3, 3, device=device).to(memory_format=layout)
    work = 2.0 * _CHANNELS**2 * 9 * _MAP_SIDE**2
    return work / best_of(lambda: functional.conv2d(maps, weight, padding=1), device, seconds)


def _copy_rate(size: int, device: torch.device, seconds: float) -> float:
    source = torch.zeros(size // 4, device=device)
    target = torch.ones_like(source)
    return 2.0 * size / best_of(lambda: target.copy_(source), device, seconds)
