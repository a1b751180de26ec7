"""Evaluations: whole, resumed, in several processes and on a cluster, always with the same answers."""

import dataclasses
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from evaluation.fakes import DrifterSpec
from evaluation.layouts import write_folder
from gradnet_ros.evaluation.evaluate import evaluate
from gradnet_ros.evaluation.jobs import ThisProcess
from gradnet_ros.evaluation.scores import score_evaluation
from gradnet_ros.evaluation.sequences import read_folder
from gradnet_ros.evaluation.store import FINISHED, Store
from gradnet_ros.evaluation.workers import Workers

SPECS = [DrifterSpec(), DrifterSpec("fast", 2.5)]


@pytest.fixture
def sequences(tmp_path):
    write_folder(tmp_path / "data", (5, 4, 7, 3))
    return read_folder(tmp_path / "data")


def nothing(*_):
    pass


def run(sequences, specs=SPECS, backend=None, store=None, say=nothing):
    return evaluate("folder", sequences, specs, backend or ThisProcess(), store, say)


def assert_same(first, second):
    """The same sequences, trackers and answers; times may differ."""
    assert first.trackers == second.trackers
    assert [each.name for each in first.sequences] == [each.name for each in second.sequences]
    assert list(first.results) == list(second.results)
    for tracker, results in first.results.items():
        assert list(results) == list(second.results[tracker])
        for name, result in results.items():
            other = second.results[tracker][name]
            for field in ("boxes", "scores", "lost"):
                assert np.array_equal(
                    getattr(result, field), getattr(other, field), equal_nan=field == "scores"
                )
            assert result.updates == other.updates
    numbers = [
        {
            (tracker, name): repr(  # in which NaN is like NaN
                dataclasses.replace(each.scores, mean_ms=0, p50_ms=0, p95_ms=0, p99_ms=0, fps=0)
            )
            for tracker, found in score_evaluation(evaluation).items()
            for name, each in found.sequences.items()
        }
        for evaluation in (first, second)
    ]
    assert numbers[0] == numbers[1]


def test_all_trackers_on_all_sequences(sequences):
    told = []
    whole = run(sequences, say=lambda result, sequence, known: told.append((result.tracker, sequence.name)))
    assert told == [(spec.name, each.name) for spec in SPECS for each in sequences]
    assert whole.trackers["fast"]["speed"] == "2.5"
    assert not np.array_equal(whole.results["fast"]["a"].boxes, whole.results["drifter"]["a"].boxes)


# --- Interrupted and resumed


@pytest.mark.parametrize("after", [1, 3, 6])
def test_an_interrupted_evaluation_goes_on_where_it_was(tmp_path, sequences, after):
    whole = run(sequences)
    told = []

    def interrupt(result, sequence, known):
        told.append(known)
        if len(told) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Store(tmp_path / "out", "folder") as store:
        run(sequences, store=store, say=interrupt)
    told.clear()
    with Store(tmp_path / "out", "folder") as store:
        resumed = run(sequences, store=store, say=lambda result, sequence, known: told.append(known))
    assert sorted(told, reverse=True) == [True] * after + [False] * (8 - after)
    assert_same(resumed, whole)
    with Store(tmp_path / "out", "folder") as store:
        again = run(sequences, store=store)
    assert np.array_equal(again.results["fast"]["a"].seconds, resumed.results["fast"]["a"].seconds)


KILLED = """
import os, signal, sys
from pathlib import Path
from evaluation.fakes import DrifterSpec
from gradnet_ros.evaluation.evaluate import evaluate
from gradnet_ros.evaluation.jobs import ThisProcess
from gradnet_ros.evaluation.sequences import read_folder
from gradnet_ros.evaluation.store import Store
import numpy as np

root = Path(sys.argv[1])
savez = np.savez
def die_in_the_middle(file, **arrays):
    if len(list(root.glob("out/finished/*/*.npz"))) == 3:
        file.write(b"half a file")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    savez(file, **arrays)
np.savez = die_in_the_middle
with Store(root / "out", "folder") as store:
    specs = [DrifterSpec(), DrifterSpec("fast", 2.5)]
    evaluate("folder", read_folder(root / "data"), specs, ThisProcess(), store, lambda *_: None)
"""


def test_killed_while_a_file_is_written(tmp_path, sequences):
    path = os.pathsep.join(sys.path)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], env={**os.environ, "PYTHONPATH": path}
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "out" / FINISHED).glob("*/*.npz"))) == 3
    told = []
    with Store(tmp_path / "out", "folder") as store:
        resumed = run(sequences, store=store, say=lambda result, sequence, known: told.append(known))
    assert sum(told) == 3
    assert_same(resumed, run(sequences))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (DrifterSpec(speed=0.8), r"speed of tracker drifter differs from what is in .*out: 0.8, there 0.7"),
        (
            DrifterSpec(more={"settings": '{"a": 1, "b": 3}'}),
            r"settings.a of tracker drifter differs .*: 1, there nothing",
        ),
    ],
)
def test_another_tracker_of_the_same_name_is_refused(tmp_path, sequences, changed, message):
    with Store(tmp_path / "out", "folder") as store:
        run(sequences, [DrifterSpec()], store=store)
    with pytest.raises(ValueError, match=message), Store(tmp_path / "out", "folder") as store:
        run(sequences, [changed], store=store)


def test_one_changed_setting_is_named(tmp_path, sequences):
    first, second = (DrifterSpec(more={"settings": f'{{"a": 1, "b": {b}}}'}) for b in (2, 3))
    with Store(tmp_path / "out", "folder") as store:
        run(sequences, [first], store=store)
    with pytest.raises(ValueError, match=r"settings.b of"), Store(tmp_path / "out", "folder") as store:
        run(sequences, [second], store=store)


def test_another_benchmark_or_truth_is_refused(tmp_path, sequences):
    with Store(tmp_path / "out", "folder") as store:
        run(sequences, store=store)
    with pytest.raises(ValueError, match=r"format of the evaluation differs .*: otb, there folder"):
        Store(tmp_path / "out", "otb").__enter__()
    sequences[0].truth[2] += 1
    with (
        pytest.raises(ValueError, match=r"a.npz: the truth of a differs"),
        Store(tmp_path / "out", "folder") as store,
    ):
        run(sequences, store=store)


def test_more_trackers_and_sequences_may_come(tmp_path, sequences):
    with Store(tmp_path / "out", "folder") as store:
        run(sequences[:2], SPECS[:1], store=store)
    told = []
    with Store(tmp_path / "out", "folder") as store:
        found = run(sequences, store=store, say=lambda result, sequence, known: told.append(known))
    assert sum(told) == 2
    assert_same(found, run(sequences))


def test_a_damaged_file_is_named(tmp_path, sequences):
    with Store(tmp_path / "out", "folder") as store:
        run(sequences, store=store)
    file = tmp_path / "out" / FINISHED / "drifter" / "a.npz"
    file.write_bytes(file.read_bytes()[:100])
    with (
        pytest.raises(ValueError, match=r"a.npz: not a finished sequence; delete it"),
        Store(tmp_path / "out", "folder") as store,
    ):
        run(sequences, store=store)


def test_two_evaluations_into_one_folder(tmp_path):
    with Store(tmp_path, "folder"), pytest.raises(OSError, match=r"another process evaluates into"):
        Store(tmp_path, "folder").__enter__()
    with Store(tmp_path, "folder"):
        pass


# --- What cannot be evaluated


@pytest.mark.parametrize(
    ("count", "specs", "message"),
    [
        (0, SPECS, "no sequence to evaluate"),
        (4, [], "no tracker to evaluate"),
        (4, [DrifterSpec(), DrifterSpec(speed=2)], "the tracker drifter is there twice"),
    ],
)
def test_nothing_or_twice(sequences, count, specs, message):
    with pytest.raises(ValueError, match=message):
        run(sequences[:count], specs)


# --- Several processes


@pytest.mark.parametrize("count", [1, 2])
def test_workers_give_the_same_answers(sequences, count):
    with Workers(count) as workers:
        assert_same(run(sequences, backend=workers), run(sequences))


def test_an_error_in_a_worker_is_told_and_the_rest_kept(tmp_path, sequences):
    sequences[3] = dataclasses.replace(sequences[3], truth=sequences[3].truth[:2])
    with (
        pytest.raises(ValueError, match=r"d: 3 frames, but 2 rows of truth"),
        Store(tmp_path / "out", "folder") as store,
        Workers(1) as workers,
    ):
        run(sequences, SPECS[:1], workers, store)
    assert len(list((tmp_path / "out" / FINISHED / "drifter").glob("*.npz"))) == 3


def test_a_worker_that_dies_is_told(sequences):
    with pytest.raises(OSError, match=r"worker process \d+ ended with exit code 7"), Workers(2) as workers:
        run(sequences, [DrifterSpec(die=True)], workers)


def test_workers_that_are_left_end_at_once(sequences):
    workers = Workers(2)
    with workers:
        processes = list(workers._processes.values())
        answers = workers.run([])
        assert list(answers) == []
    assert all(process.exitcode is not None for process in processes)


def test_no_workers():
    with pytest.raises(ValueError, match=r"at least 1, got 0"):
        Workers(0)


# --- A cluster


@pytest.fixture(scope="module")
def scheduler():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
def test_a_cluster_gives_the_same_answers(tmp_path, sequences, scheduler):
    from gradnet_ros.evaluation.cluster import Cluster

    with Cluster(scheduler) as cluster, Store(tmp_path / "out", "folder") as store:
        found = run(sequences, backend=cluster, store=store)
    assert_same(found, run(sequences))
    with Store(tmp_path / "out", "folder") as store:
        assert_same(run(sequences, store=store), found)


@pytest.mark.slow
def test_an_error_on_a_cluster_is_told(sequences, scheduler):
    from gradnet_ros.evaluation.cluster import Cluster

    with (
        pytest.raises(ValueError, match=r"drifter cannot be started: box must be smaller"),
        Cluster(scheduler) as cluster,
    ):
        run(sequences, [DrifterSpec(refuse=True)], cluster)


@pytest.mark.slow
def test_a_sequence_that_ends_every_machine_is_given_up(sequences, scheduler):
    from gradnet_ros.evaluation.cluster import Cluster

    with (
        pytest.raises(OSError, match=r"the cluster gave a sequence up"),
        Cluster(scheduler) as cluster,
    ):
        run(sequences[:1], [DrifterSpec(die=True)], cluster)


def test_machines_that_run_other_trackers(sequences):
    class Mixed(ThisProcess):
        def run(self, jobs):
            for done in super().run(jobs):
                yield done._replace(about={**done.about, "device": "cuda"})

    with pytest.raises(ValueError, match=r"device of tracker drifter differs between machines"):
        run(sequences, backend=Mixed())
