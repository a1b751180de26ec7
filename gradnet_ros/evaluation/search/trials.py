"""A search of the tracker's settings over sequences."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf

import optuna

from gradnet_ros.evaluation.search.scorer import Score, Scorer, mean_score
from gradnet_ros.evaluation.search.study import SharedStudy
from gradnet_ros.evaluation.sequences import Sequence


def search(
    study: SharedStudy,
    sequences: SequenceOf[Sequence],
    score: Scorer,
    trials: int,
    say: Callable[[str], None],
) -> None:
    """Run trials until the search has as many as it is to have.

    Args:
        study: hands out trials and keeps what came of them.
        sequences: all that a trial runs on, or pieces of them, in this order.
        score: scores settings on a sequence.
        trials: trials that the search is to have, those of other processes included.
        say: is told what came of each trial.
    """
    while (trial := study.ask(trials)) is not None:
        start = time.perf_counter()
        try:
            outcome = _run_trial(study, trial, sequences, score)
        except BaseException:  # also Ctrl-C: whatever ended it, the trial is to be handed out again
            study.give_up(trial)
            raise
        values = " ".join(f"{name}={value}" for name, value in study.settings(trial).items())
        say(f"trial {trial.number}: {outcome}  {time.perf_counter() - start:.0f} s  {values}")


def _run_trial(
    study: SharedStudy, trial: optuna.Trial, sequences: SequenceOf[Sequence], score: Scorer
) -> str:
    """Run a trial, tell the study, and say in words what came of it."""
    try:
        config = study.config(trial)
    except ValueError as error:  # each value is in its bound, but they do not go together
        study.record(trial, {}, str(error))
        study.drop(trial)
        return f"dropped: {error}"
    scores: dict[str, Score] = {}
    for step, sequence in enumerate(sequences, start=1):
        scores[sequence.name] = score(config, sequence)
        mean = mean_score(scores)
        trial.report(mean.auc, step)
        # A named trial is asked too, so that others are measured against it.
        worse = step < len(sequences) and trial.should_prune()
        if worse and not study.named(trial):
            study.record(trial, scores)
            study.drop(trial)
            return f"dropped after {step} of {len(sequences)} runs at AUC {mean.auc:.4f}"
    study.record(trial, scores)
    study.finish(trial, mean.auc)
    return f"AUC {mean.auc:.4f}, precision {mean.precision:.4f}"
