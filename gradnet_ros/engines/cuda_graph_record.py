"""Recording work for a GPU once and replaying it: the one place that speaks of CUDA graphs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

Work: TypeAlias = Callable[[], tuple[Tensor, ...]]
"""Reads and returns tensors of its own; nothing in it may wait for the device."""

_WARM_UP = 3


class Recorder(Protocol):
    """Turns work into something that repeats it."""

    def __call__(self, work: Work) -> Work:
        """Record.

        Args:
            work: always the same operations on tensors at the same addresses.

        Returns:
            Does the work again; the tensors that it returns may be the same each time.

        Raises:
            RuntimeError: it cannot be recorded.
        """


def record_cuda_graph(work: Work, device: torch.device) -> Work:
    """Record work on a CUDA device as a graph; a replay is one launch.

    The device is named at every step: streams and graphs would else be those of the current one, and what
    runs on another is not recorded.
    """
    with torch.cuda.device(device):
        # torch declares no types for making a stream.
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):  # Libraries choose their kernels and take their memory.
                work()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # The outer block: where the recording fails, torch.cuda.graph leaves its stream the current one.
        with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph, stream=stream):
            outputs = work()

    def replay() -> tuple[Tensor, ...]:
        graph.replay()
        return outputs

    return replay


class EagerFallback:
    """Records while that works; after the first failure everything runs eagerly, which is said once.

    Attributes:
        failed: why there are no graphs; empty while there are.

    Args:
        record: how to record.
    """

    def __init__(self, record: Recorder) -> None:
        self._record = record
        self.failed = ""

    def __call__(self, work: Work) -> Work:
        """Record, or return the work itself."""
        if self.failed:
            return work
        try:
            return self._record(work)
        except RuntimeError as error:  # torch reports all that CUDA refuses as one.
            self.failed = _first_line(_cause(error))
            warnings.warn(
                f"no CUDA graph could be recorded, running eagerly: {self.failed}",
                RuntimeWarning,
                stacklevel=2,
            )
            return work


def _cause(error: BaseException) -> BaseException:
    """What came first: ending a recording that has failed raises an error of its own, which says nothing."""
    while error.__context__ is not None and not error.__suppress_context__:
        error = error.__context__
    return error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
