"""Which samples a process sees at which step, and the processes that draw them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import cv2
from torch.utils.data import DataLoader, Dataset, Sampler


class BatchNumbers(Sampler[list[int]]):
    """Batch ``b`` of all processes together is samples ``[b B, (b + 1) B)``; every process takes its part.

    So the samples of a step depend neither on the number of workers nor on that of processes, and a run goes
    on where it stopped.

    Args:
        first: number of the first batch.
        last: one past the number of the last.
        size: samples of a batch in this process; B is ``size`` times ``world``.
        rank: which process this is.
        world: number of processes.
    """

    def __init__(self, first: int, last: int, size: int, rank: int = 0, world: int = 1) -> None:
        self._batches, self._size, self._rank, self._world = range(first, last), size, rank, world

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            start = (batch * self._world + self._rank) * self._size
            yield list(range(start, start + self._size))

    def __len__(self) -> int:
        return len(self._batches)


def draw_batches(
    dataset: Dataset[Any],
    batches: BatchNumbers,
    collate: Callable[[Sequence[Any]], Any],
    workers: int,
    pin_memory: bool,
) -> Generator[Any, None, None]:
    """The given batches, in their order; closing the generator ends the workers.

    Args:
        dataset: sample number -> sample.
        batches: which samples.
        collate: samples -> batch.
        workers: processes that draw samples; 0 draws them in this one.
        pin_memory: page-locked batches, for a GPU.
    """
    loader: DataLoader[Any] = DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=pin_memory,
        worker_init_fn=_start_worker,
    )
    source = iter(loader)
    try:
        yield from source
    finally:
        del source  # the workers end with the last reference to it


def _start_worker(_: int) -> None:
    """One thread a worker. What is sent to all processes is for the training itself to answer.

    It ends its workers by a SIGTERM of its own: only the first is ignored.
    """
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: signal.signal(number, signal.SIG_DFL))
