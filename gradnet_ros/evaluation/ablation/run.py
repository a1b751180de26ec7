"""The ablation of the gradient-guided update: train what is compared, measure it, put it side by side."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import mean, median, stdev

from gradnet_ros.evaluation.ablation.runs import Evaluations, Measured, PlainSteps, Run
from gradnet_ros.evaluation.ablation.training import Trainings
from gradnet_ros.evaluation.ablation.variants import (
    FIXED,
    PLAIN,
    PLAIN_STEPS,
    STEP_FACTORS,
    UNMOVED,
    VARIANTS,
)
from gradnet_ros.evaluation.frame_cache import FrameCache, cached
from gradnet_ros.evaluation.search.halves import split
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.nn.checkpoint import load_network
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.training.recipe import Recipe

TUNING_HALF = "even"
"""The half of the sequences that the step of plain gradient descent is chosen on."""


@dataclass(frozen=True)
class AblationConfig:
    """What is compared, and how.

    Attributes:
        variants: names from :data:`~gradnet_ros.evaluation.ablation.variants.VARIANTS`, ``fixed`` among them.
        seeds: of the trained variants, each at least 0.
        half: the sequences to measure on, see :data:`gradnet_ros.evaluation.search.halves.HALVES`.
        frames: frames of a sequence at most; 0 plays all.
        plain_steps: plain gradient steps an update, one row each.
    """

    variants: tuple[str, ...] = tuple(VARIANTS)
    seeds: tuple[int, ...] = (0, 1, 2)
    half: str = "all"
    frames: int = 0
    plain_steps: tuple[int, ...] = PLAIN_STEPS

    def __post_init__(self) -> None:
        """Check the bounds that nobody else checks.

        Raises:
            ValueError: a field is outside its bound.
        """
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must be different numbers, at least one, got {list(self.seeds)}")
        if not all(0 <= seed < 2**31 for seed in self.seeds):
            raise ValueError(f"seeds must be in [0, {2**31 - 1}], got {list(self.seeds)}")
        plain = self.plain_steps
        if not plain or len(set(plain)) < len(plain) or min(plain) < 1:
            raise ValueError(
                f"plain_steps must be different numbers from 1 on, at least one, got {list(plain)}"
            )
        if self.frames != 0 and self.frames < 2:
            raise ValueError(f"frames must be 0 (all) or at least 2, got {self.frames}")


@dataclass(frozen=True)
class Row:
    """A variant, measured.

    Attributes:
        name: the variant's; that of plain gradient descent ends in the number of its steps.
        says: what it is.
        seeds: those it was trained with; empty where nothing is trained.
        runs: sequence -> figures, one mapping a seed, or one in all.
    """

    name: str
    says: str
    seeds: tuple[int, ...]
    runs: tuple[Mapping[str, Measured], ...]

    def aucs(self, names: SequenceOf[str]) -> list[float]:
        """The mean AUC over these sequences, seed by seed."""
        return [mean(run[name].auc for name in names) for run in self.runs]

    def precisions(self, names: SequenceOf[str]) -> list[float]:
        """The mean precision over these sequences, seed by seed."""
        return [mean(run[name].precision for name in names) for run in self.runs]

    def update_ms(self) -> float | None:
        """Median time of a template update, milliseconds; ``None`` where there was none."""
        times = [each for run in self.runs for measured in run.values() for each in measured.update_ms]
        return median(times) if times else None


@dataclass(frozen=True)
class Ablation:
    """All that was measured.

    Attributes:
        rows: ``fixed`` first.
        tuned: plain steps -> step factor -> mean AUC on the half that the factor was chosen on.
        parts: name -> sequences; first what was measured on, then its halves if that was all.
        tracker: every setting of the tracker.
        base: the checkpoint with the search trunk.
    """

    rows: tuple[Row, ...]
    tuned: Mapping[int, Mapping[float, float]]
    parts: Mapping[str, tuple[str, ...]]
    tracker: TrackerConfig
    base: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The sequences that were measured on."""
        return next(iter(self.parts.values()))

    def differences(self, row: Row, names: SequenceOf[str]) -> list[float]:
        """Mean AUC over these sequences less that of ``fixed``, seed by seed."""
        (reference,) = self.rows[0].aucs(names)
        return [auc - reference for auc in row.aucs(names)]


def spread(values: SequenceOf[float]) -> float | None:
    """Standard deviation over seeds (of a sample); ``None`` with a single one."""
    return stdev(values) if len(values) > 1 else None


def ablate(
    trainings: Trainings,
    evaluations: Evaluations,
    sequences: SequenceOf[Sequence],
    recipe: Recipe,
    config: AblationConfig,
    settings: Mapping[str, object],
) -> Ablation:
    """Train and measure what is missing.

    Every row has the same tracker settings: those of the base's checkpoint, over them the recipe's, over them
    ``settings``; ``fixed`` alone has an ``update_interval`` of 0.

    Args:
        trainings: makes the networks.
        evaluations: measures trackers.
        sequences: all there are.
        recipe: what the networks are trained by.
        config: what is compared.
        settings: fields of ``TrackerConfig``.

    Raises:
        TrainingStopped: a signal stopped a training.
        ValueError: settings, sequences or weights that cannot be used; an ``update_interval`` of 0.
    """
    playable = [cached(each, FrameCache(0), config.frames) for each in sequences]
    measured_on = split(playable, config.half).search
    searched_on = split(playable, TUNING_HALF).search if PLAIN in config.variants else ()
    base = trainings.base()
    stored = load_network(base, recipe.network).tracker
    tracker = TrackerConfig().with_overrides({**stored, **recipe.tracker, **settings})
    if tracker.update_interval == 0:
        raise ValueError("update_interval must be at least 1: the row fixed is the tracker without updates")
    bench = _Bench(trainings, evaluations, recipe.network, tracker, measured_on, searched_on)
    rows: list[Row] = []
    tuned: dict[int, dict[float, float]] = {}
    for name in config.variants:
        if name == FIXED:
            rows.append(bench.fixed())
        elif name == UNMOVED:
            rows.append(bench.unmoved())
        elif name == PLAIN:
            for steps in config.plain_steps:
                tuned[steps] = bench.tune(steps)
                rows.append(bench.plain(steps, best_factor(tuned[steps])))
        else:
            rows.append(bench.trained(name, config.seeds))
    parts = {config.half: measured_on}
    if config.half == "all" and len(playable) > 1:
        parts |= {half: split(playable, half).search for half in ("even", "odd")}
    names = {part: tuple(each.name for each in several) for part, several in parts.items()}
    return Ablation(tuple(rows), tuned, names, tracker, base)


def best_factor(aucs: Mapping[float, float]) -> float:
    """The step factor with the highest AUC; of equal ones the smallest."""
    return max(sorted(aucs), key=aucs.__getitem__)


@dataclass(frozen=True)
class _Bench:
    """Makes rows that differ in nothing but the template."""

    trainings: Trainings
    evaluations: Evaluations
    network: str
    tracker: TrackerConfig
    measured_on: SequenceOf[Sequence]
    searched_on: SequenceOf[Sequence]

    @cached_property
    def untrained(self) -> Path:
        """The network where no update branch is needed; that it has one, drawn by seed 0, changes nothing."""
        return self.trainings.start(0)

    def fixed(self) -> Row:
        without = replace(self.tracker, update_interval=0)
        run = Run(FIXED, self.network, self.untrained, without)
        return Row(FIXED, VARIANTS[FIXED].says, (), (self.evaluations.measure(run, self.measured_on),))

    def unmoved(self) -> Row:
        run = Run(UNMOVED, self.network, self.untrained, self.tracker, PlainSteps(0, 1.0))
        return Row(UNMOVED, VARIANTS[UNMOVED].says, (), (self.evaluations.measure(run, self.measured_on),))

    def tune(self, steps: int) -> dict[float, float]:
        """Mean AUC of every step factor on the half to choose it on."""
        aucs = {}
        for factor in STEP_FACTORS:
            found = self.evaluations.measure(self._plain_run(steps, factor), self.searched_on)
            aucs[factor] = mean(each.auc for each in found.values())
        return aucs

    def plain(self, steps: int, factor: float) -> Row:
        count = "1 step" if steps == 1 else f"{steps} steps"
        says = f"{VARIANTS[PLAIN].says}, {count} an update, step factor {factor:g}"
        found = self.evaluations.measure(self._plain_run(steps, factor), self.measured_on)
        return Row(f"{PLAIN}-{steps}", says, (), (found,))

    def trained(self, name: str, seeds: tuple[int, ...]) -> Row:
        variant = VARIANTS[name]
        assert variant.stage is not None
        runs = []
        for seed in seeds:
            weights = self.trainings.update(name, seed, variant.stage)
            run = Run(f"{name}-seed{seed}", self.network, weights, self.tracker)
            runs.append(self.evaluations.measure(run, self.measured_on))
        return Row(name, variant.says, seeds, tuple(runs))

    def _plain_run(self, steps: int, factor: float) -> Run:
        plain = PlainSteps(steps, factor)
        return Run(str(plain), self.network, self.untrained, self.tracker, plain)
