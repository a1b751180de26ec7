"""Jobs in several processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from multiprocessing.connection import Connection, wait
from typing import Any

from gradnet_ros.evaluation.jobs import Done, Job, describe, do
from gradnet_ros.evaluation.trackers.interface import TrackerSpec


class Workers:
    """Processes that do jobs while entered; each makes its own trackers.

    The threads that torch and OpenCV have are shared out. Leaving ends the processes at once, whatever they
    are at; they end by themselves when this process does.

    Args:
        count: how many, at least 1.

    Raises:
        ValueError: fewer.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"the number of workers must be at least 1, got {count}")
        self._count = count
        self._processes: dict[Connection, multiprocessing.process.BaseProcess] = {}

    def __enter__(self) -> Workers:
        import torch

        threads = max(1, torch.get_num_threads() // self._count)
        context = multiprocessing.get_context("spawn")  # a fork would take torch's locks along
        for _ in range(self._count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, threads), daemon=True)
            process.start()
            theirs.close()
            self._processes[ours] = process
        return self

    def __exit__(self, *_: object) -> None:
        for connection, process in self._processes.items():
            process.terminate()
            connection.close()
        for process in self._processes.values():
            process.join()
        self._processes.clear()

    def about(self, spec: TrackerSpec) -> Mapping[str, str]:
        """See :class:`.Backend`."""
        (about,) = self._do(describe, [pickle.dumps(spec)])
        told: dict[str, str] = about
        return told

    def run(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """See :class:`.Backend`; long sequences come first, so that none is left over at the end."""
        return self._do(do, sorted(jobs, key=lambda job: -len(job.sequence.truth)))

    def _do(self, function: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[Any]:
        waiting = iter(arguments)
        busy: list[Connection] = []

        def give(connection: Connection) -> None:
            for argument in waiting:
                self._send(connection, (function, argument))
                busy.append(connection)
                return

        for connection in self._processes:
            give(connection)
        while busy:
            ready = wait(busy)
            for connection in [each for each in busy if each in ready]:
                answer = self._receive(connection)
                busy.remove(connection)
                if isinstance(answer, BaseException):
                    raise answer
                give(connection)
                yield answer

    def _send(self, connection: Connection, message: object) -> None:
        try:
            connection.send(message)
        except OSError as error:
            raise self._broken(connection) from error

    def _receive(self, connection: Connection) -> Any:
        try:
            return connection.recv()
        except (EOFError, OSError) as error:
            raise self._broken(connection) from error

    def _broken(self, connection: Connection) -> OSError:
        process = self._processes[connection]
        process.join(timeout=5)
        return OSError(
            f"worker process {process.pid} ended with exit code {process.exitcode} (memory?); sequences that"
            " were finished are kept"
        )


def _work(connection: Connection, threads: int) -> None:
    """Do jobs until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends us
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    while True:
        try:
            function, argument = connection.recv()
        except EOFError:
            return
        try:
            answer = function(argument)
        except Exception as error:  # told to the parent, which knows what to do about it
            answer = error
        try:
            connection.send(answer)
        except BrokenPipeError:  # the parent was killed meanwhile
            return
