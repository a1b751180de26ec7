"""The trials of a search, in a folder that several processes may share and that survives all of them."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, TrialState

from gradnet_ros.evaluation.search.scorer import Score
from gradnet_ros.evaluation.search.space import SearchSpace, typed
from gradnet_ros.tracking.config import TrackerConfig

STUDY = "study.log"
"""File of the trials, Optuna's journal."""
BASELINE = "baseline"
"""Origin of the trial with the checkpoint's own settings."""
_AGAIN = "again."
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class NumberedTPE(BaseSampler):
    """TPE whose draws depend on the seed, the trial's number and what is known by then, on nothing else.

    An ordinary seeded sampler begins its random numbers anew in each process: after a resume, and in a second
    process, it would draw the first points again.

    Args:
        seed: at least 0.
        space: what is drawn.
    """

    def __init__(self, seed: int, space: SearchSpace) -> None:
        self._seed, self._distributions = seed, space.distributions()
        self._tpe = TPESampler(seed=seed)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Seed the draws of this trial."""
        trials = study.get_trials(deepcopy=False)
        lost = sum(each.state == TrialState.FAIL for each in trials if each.number < trial.number)
        seed = np.random.SeedSequence([self._seed, trial.number - lost]).generate_state(1)[0]
        self._tpe = TPESampler(seed=int(seed))

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All that is searched: a baseline outside of the space must not take names away."""
        return self._distributions

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw a point once TPE has seen enough; nothing before."""
        return self._tpe.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one setting at random, for the first trials."""
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)


class SharedStudy:
    """One search in a folder: trials are handed out one by one to every process that asks.

    Pruning is by successive halving: of the trials that got to a quarter, then to a half, of the sequences,
    the better half goes on. Optuna's median pruner would look at the *best* running mean that a trial ever
    had, which an easy first sequence sets for good.

    Args:
        folder: where the search is; made if it is not there.
        plan: what makes this search what it is, as JSON can hold it; another search cannot go on in the
            folder.
        space: what is searched.
        own: the checkpoint's own settings, the first trial.
        seed: of the draws.
        sequences: how many sequences a whole trial has.
        resume: go on with, or join, a search that is there.

    Raises:
        FileExistsError: there is a search and ``resume`` is false.
        FileNotFoundError: there is none and ``resume`` is true.
        ValueError: the search that is there has another plan, or a point to try is outside of the space.
    """

    def __init__(
        self,
        folder: Path,
        plan: Mapping[str, object],
        space: SearchSpace,
        own: TrackerConfig,
        seed: int,
        sequences: int,
        resume: bool,
    ) -> None:
        self._space, self._own, self._folder = space, own, folder
        # What is asked for first: (origin, point); the baseline may be no point of the space.
        first = space.point(own)
        self._named: list[tuple[str, dict[str, Any] | None]] = [(BASELINE, first)]
        points = enumerate(space.points(own))
        self._named += [(f"try.{number}", point) for number, point in points if point != first]
        self._worker = uuid.uuid4().hex
        if resume and not (folder / STUDY).is_file():
            raise FileNotFoundError(f"{folder} holds no search to resume")
        folder.mkdir(parents=True, exist_ok=True)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with self._alone():
            if not resume and (folder / STUDY).is_file():
                raise FileExistsError(
                    f"{folder} holds a search already: --resume goes on with it or joins it"
                )
            self._study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(folder / STUDY))),
                sampler=NumberedTPE(seed, space),
                pruner=optuna.pruners.SuccessiveHalvingPruner(max(2, ceil(sequences / 4)), 2),
                study_name="tune",
                direction="maximize",
                load_if_exists=True,
            )
            self._check_plan(json.loads(json.dumps(plan)))
            self._sign = self._sign_path(self._worker).open("w")
            fcntl.flock(self._sign, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __enter__(self) -> SharedStudy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sign_path(self._worker).unlink(missing_ok=True)
        self._sign.close()

    @property
    def finished(self) -> list[FrozenTrial]:
        """The trials that ran to the end or were dropped."""
        return self._study.get_trials(deepcopy=False, states=_FINISHED)

    @property
    def best(self) -> FrozenTrial:
        """The best of the trials that ran to the end; the earliest of equals."""
        complete = [trial for trial in self.finished if trial.state == TrialState.COMPLETE]
        return max(complete, key=lambda trial: (trial.value, -trial.number))

    @property
    def busy_elsewhere(self) -> bool:
        """Whether another living process still runs a trial."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return any(self._alive(trial.user_attrs.get("worker")) for trial in running)

    def ask(self, limit: int) -> optuna.Trial | None:
        """Take the next trial: one that is to be tried first, one that was given up, or a drawn one.

        Args:
            limit: trials that the search is to have, finished and running ones together.

        Returns:
            The trial, or ``None`` if there is nothing left to start.
        """
        with self._alone():
            self._give_up_dead()
            states = (*_FINISHED, TrialState.RUNNING)
            if len(self._study.get_trials(deepcopy=False, states=states)) >= limit:
                return None
            self._enqueue_next()
            waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
            outside = (
                waiting and waiting[0].user_attrs.get("origin") == BASELINE and self._named[0][1] is None
            )
            trial = self._study.ask({} if outside else self._space.distributions())
            trial.set_user_attr("worker", self._worker)
            return trial

    def named(self, trial: optuna.Trial | FrozenTrial) -> bool:
        """Whether the trial was asked for (baseline, point to try); such a one always runs to its end."""
        origin = trial.user_attrs.get("origin")
        return origin is not None and not origin.startswith(_AGAIN)

    def config(self, trial: optuna.Trial | FrozenTrial) -> TrackerConfig:
        """The tracker settings of a trial.

        Raises:
            ValueError: settings that do not go together.
        """
        return self._own.with_overrides(self.settings(trial))

    def settings(self, trial: optuna.Trial | FrozenTrial) -> dict[str, Any]:
        """Name -> value of all that the space searches or fixes; of the baseline, the checkpoint's own."""
        if trial.user_attrs.get("origin") == BASELINE:
            names = [*self._space.fixed, *(each.name for each in self._space.search)]
            return {name: typed(name, getattr(self._own, name)) for name in names}
        return self._space.settings(trial.params)

    def record(self, trial: optuna.Trial, scores: Mapping[str, Score], note: str = "") -> None:
        """Keep what a trial reached on each sequence, and why it was dropped if it never ran."""
        trial.set_user_attr("scores", {name: [each.auc, each.precision] for name, each in scores.items()})
        trial.set_user_attr("note", note)

    def scores(self, trial: FrozenTrial) -> dict[str, Score]:
        """What a finished trial reached on each sequence that it ran on."""
        return {name: Score(*pair) for name, pair in trial.user_attrs["scores"].items()}

    def drop(self, trial: optuna.Trial) -> None:
        """The trial is not worth going on with."""
        self._study.tell(trial, state=TrialState.PRUNED)

    def finish(self, trial: optuna.Trial, value: float) -> None:
        """The trial ran to the end."""
        self._study.tell(trial, value)

    def give_up(self, trial: optuna.Trial) -> None:
        """The trial was interrupted; a later :meth:`ask` hands it out again."""
        self._study.tell(trial, state=TrialState.FAIL)

    # --- under the lock ---

    def _check_plan(self, plan: dict[str, Any]) -> None:
        """Write the plan, or compare it with the one that is there."""
        there = self._study.user_attrs.get("plan")
        if there is None:
            self._study.set_user_attr("plan", plan)
            return
        for name, value in plan.items():
            if there.get(name) != value:
                raise ValueError(
                    f"{name} differs from that of the search in {self._folder}: {value!r}, there"
                    f" {there.get(name)!r}; start another search in another folder"
                )

    def _enqueue_next(self) -> None:
        """Enqueue a named point, or a drawn one that was given up, that nobody has taken (again)."""
        trials = self._study.get_trials(deepcopy=False)
        failed = [each for each in trials if each.state == TrialState.FAIL]
        taken = {each.user_attrs.get("origin") for each in trials}
        kept = {each.user_attrs.get("origin") for each in trials if each.state != TrialState.FAIL}
        for origin, point in self._named:
            if origin not in kept:
                self._study.enqueue_trial(point or {}, {"origin": origin})
                return
        for each in failed:
            again = f"{_AGAIN}{each.number}"
            whole = each.params.keys() == self._space.distributions().keys()
            if whole and again not in taken and not self.named(each):
                self._study.enqueue_trial(each.params, {"origin": again})
                return

    def _give_up_dead(self) -> None:
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if not self._alive(trial.user_attrs.get("worker")):
                self._study.tell(trial.number, state=TrialState.FAIL)

    # --- who is there ---

    def _sign_path(self, worker: str) -> Path:
        return self._folder / f".worker-{worker}.lock"

    def _alive(self, worker: str | None) -> bool:
        """Whether a process holds its sign; the system lets go of it however a process ends."""
        if worker is None:
            return False
        path = self._sign_path(worker)
        try:
            sign = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(sign, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(sign)
        path.unlink(missing_ok=True)
        return False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the other processes of the search out."""
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
