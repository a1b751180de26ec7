"""Jobs on the machines of a Dask cluster (https://distributed.dask.org)."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping

from distributed import Client, KilledWorker, as_completed

from gradnet_ros.evaluation.jobs import Done, Job, describe, do
from gradnet_ros.evaluation.trackers.interface import TrackerSpec

PATIENCE = 20.0
"""How long to wait for the scheduler to answer, seconds."""


class Cluster:
    """A cluster that does jobs while entered.

    Its machines have this package, and see the benchmark and the weights under the same paths. What a
    machine had in hand when it failed is done by another one.

    Args:
        address: of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises:
        OSError: no scheduler there.
        ValueError: no address, or a scheduler without workers.
    """

    def __init__(self, address: str) -> None:
        self._client = Client(address, timeout=PATIENCE)
        if not self._client.scheduler_info()["workers"]:
            self._client.close()
            raise ValueError(f"{address}: the scheduler has no workers; start some: dask worker {address}")

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def about(self, spec: TrackerSpec) -> Mapping[str, str]:
        """See :class:`.Backend`; of one of the machines."""
        about: dict[str, str] = self._client.submit(describe, pickle.dumps(spec), pure=False).result()
        return about

    def run(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """See :class:`.Backend`; long sequences come first."""
        ordered = sorted(jobs, key=lambda job: -len(job.sequence.truth))
        futures = self._client.map(do, ordered, pure=False)
        try:
            for future in as_completed(futures):
                yield future.result()
                future.release()
        except KilledWorker as error:
            raise OSError(f"the cluster gave a sequence up: {error}") from error
        finally:
            self._client.cancel(futures)
