"""From sequences and trackers to an evaluation."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf

from gradnet_ros.evaluation.about import first_difference
from gradnet_ros.evaluation.jobs import Backend, Job
from gradnet_ros.evaluation.results import Evaluation, SequenceResult, check_names
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.evaluation.store import Store
from gradnet_ros.evaluation.trackers.interface import TrackerSpec


def evaluate(
    benchmark: str,
    sequences: SequenceOf[Sequence],
    specs: SequenceOf[TrackerSpec],
    backend: Backend,
    store: Store | None,
    say: Callable[[SequenceResult, Sequence, bool], None],
) -> Evaluation:
    """Run trackers over sequences; what the store has is not run again.

    Args:
        benchmark: the format of the sequences.
        sequences: at least one.
        specs: trackers, at least one.
        backend: where they run.
        store: keeps what is finished; ``None`` keeps nothing.
        say: is told of every finished sequence; true if the store had it.

    Raises:
        OSError: what runs the trackers broke down.
        ValueError: nothing to evaluate, two of the same name, a tracker that cannot be had, a sequence that
            cannot be played, a store of something else, or a tracker that is not the same on all machines.
    """
    check_names("sequence", (each.name for each in sequences))
    check_names("tracker", (spec.name for spec in specs))
    about = {spec.name: dict(backend.about(spec)) for spec in specs}
    results: dict[str, dict[str, SequenceResult]] = {spec.name: {} for spec in specs}
    by_name = {each.name: each for each in sequences}
    jobs = []
    for spec in specs:
        if store is not None:
            store.open_tracker(spec.name, about[spec.name])
        pickled = pickle.dumps(spec)
        for sequence in sequences:
            known = None if store is None else store.get(spec.name, sequence)
            if known is None:
                jobs.append(Job(spec.name, pickled, sequence))
            else:
                results[spec.name][sequence.name] = known
                say(known, sequence, True)
    for done in backend.run(jobs):
        result = done.result
        difference = first_difference(about[result.tracker], done.about)
        if difference is not None:
            raise ValueError(
                f"{difference.name} of tracker {result.tracker} differs between machines: {difference.here}"
                f" and {difference.there}"
            )
        sequence = by_name[result.sequence]
        if store is not None:
            store.add(result, sequence)
        results[result.tracker][result.sequence] = result
        say(result, sequence, False)
    ordered = {
        tracker: {each.name: found[each.name] for each in sequences} for tracker, found in results.items()
    }
    return Evaluation(benchmark, tuple(sequences), about, ordered)
