"""Jobs over processes, with results in the order of the jobs."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import cv2

Job = TypeVar("Job")
Result = TypeVar("Result")

AHEAD = 4
"""Jobs a worker that may be under way, so that finished results do not pile up."""


def in_order(
    function: Callable[[Job], Result], jobs: Iterable[Job], workers: int
) -> Generator[Result, None, None]:
    """Apply a function to every job.

    Args:
        function: can be pickled.
        jobs: its arguments.
        workers: processes; 1 runs in this one.

    Raises:
        BrokenProcessPool: a process died, such as for want of memory.
    """
    if workers == 1:
        yield from map(function, jobs)
        return
    # Fresh processes: OpenCV's threads do not survive a fork.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker)
    try:
        waiting: deque[Future[Result]] = deque()
        for job in jobs:
            waiting.append(pool.submit(function, job))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    cv2.setNumThreads(1)
