"""A whole training: the stages of a recipe, one after the other."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import distributed

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.tracking.device import select_device
from gradnet_ros.training.batch import collate
from gradnet_ros.training.engine import Engine, StageJob
from gradnet_ros.training.output import Output, state_path
from gradnet_ros.training.pairs import PairDataset
from gradnet_ros.training.processes import check_precision, open_fabric
from gradnet_ros.training.provenance import provenance
from gradnet_ros.training.recipe import Recipe, StageRecipe
from gradnet_ros.training.shards import open_shards
from gradnet_ros.training.signals import StopSignal
from gradnet_ros.training.start import start_network
from gradnet_ros.training.state import TrainingState, load_state
from gradnet_ros.training.validation import HeldOutSamples, TrackedSequences, Validator

_FREE = ("workers", "save_every", "validate_every", "batch_size")
"""Settings of a stage that may change when a training is resumed; the samples of a step may not."""


@dataclass(frozen=True)
class ValidationFolder:
    """Sequences to validate on.

    Attributes:
        folder: see :func:`gradnet_ros.evaluation.sequences.read_folder`.
        only: these sequences alone; empty takes all.
        frames: frames of each at most; 0 takes all.
    """

    folder: Path
    only: tuple[str, ...] = ()
    frames: int = 0


def make_jobs(recipe: Recipe, data: Path, validation: ValidationFolder | None = None) -> list[StageJob]:
    """The stages of a recipe with their samples and their validation.

    Args:
        recipe: the recipe.
        data: folder of training shards.
        validation: sequences; ``None`` validates on held-out samples.

    Raises:
        ValueError: shards, sequences or settings that cannot be used.
    """
    index, net = open_shards(data), GradNet(recipe.network)
    for number, settings in enumerate(recipe.stages):
        _try(settings, number, net)
    if recipe.tracker.get("box_branch") and net.box is None:
        raise ValueError(f"tracker: box_branch must be false for {recipe.network}, which has no box branch")
    jobs = []
    for number, settings in enumerate(recipe.stages):
        # Every stage draws samples of its own.
        seed = int(np.random.SeedSequence([recipe.seed, number]).generate_state(1)[0])
        dataset = PairDataset(index, net.spec, settings.make_pairs(), seed)
        validator: Validator
        if validation is None:
            validator = HeldOutSamples(dataset, collate, recipe.validation_samples, settings.batch_size)
        else:
            validator = TrackedSequences(
                validation.folder,
                settings.stage == "update",
                recipe.tracker,
                validation.only,
                validation.frames,
            )
        stage = settings.make_stage()
        jobs.append(StageJob(number, settings, stage, dataset, collate, validator, recipe.seed))
    return jobs


def _try(settings: StageRecipe, number: int, net: GradNet) -> None:
    """Prepare a stage on a network that is thrown away: what does not fit is told now, not hours later."""
    try:
        with torch.random.fork_rng(devices=[]):
            settings.make_stage().prepare(net)
    except ValueError as error:
        raise ValueError(f"stages.{number}: {error}") from error


def train(
    recipe: Recipe, jobs: Sequence[StageJob], output: Path, device: str = "auto", resume: bool = False
) -> Path | None:
    """Train a recipe; with ``torchrun``, in all of its processes together.

    ``output`` gets ``recipe.yaml``, ``state.pt``, for every stage ``last-<stage>.safetensors`` and
    ``best-<stage>.safetensors``, ``tensorboard/``, and at the end ``<network>.safetensors``: the last stage's
    averaged network.

    Args:
        recipe: the recipe.
        jobs: its stages.
        output: folder to write.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        resume: go on where an earlier training in ``output`` stopped.

    Returns:
        The result's path; ``None`` if a signal stopped the training, whose state is saved then.

    Raises:
        ValueError: ``output`` holds a training that is not to be resumed, or another recipe's; or a stage
            has a precision that the device does not know.
        FileNotFoundError: nothing to resume, or no weights to start from.
        FloatingPointError: loss or gradient is not a finite number; the message names stage and step.
    """
    for job in jobs:
        check_precision(select_device(device), job.settings.precision)
    fabric = open_fabric(device)
    try:
        with StopSignal() as stop:
            return _train(recipe, jobs, output, device, resume, fabric, stop)
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _train(
    recipe: Recipe,
    jobs: Sequence[StageJob],
    folder: Path,
    device: str,
    resume: bool,
    fabric: Fabric,
    stop: StopSignal,
) -> Path | None:
    saved = _from_first(fabric, lambda: _open_output(recipe, folder, resume, fabric.world_size))
    seconds = saved.seconds if saved else 0.0
    facts = provenance(fabric.device, fabric.world_size)
    output = Output(folder, recipe, facts, seconds, silent=not fabric.is_global_zero)
    first = saved.stage.number if saved else 0
    if saved:
        net = GradNet(recipe.network)  # It is filled in when its stage goes on.
        if saved.stage.has_head_of_its_own:
            net.unshare_head()
    else:
        net = start_network(recipe.network, recipe.start, recipe.seed)
    for job in jobs[first:]:
        at_work = open_fabric(device, job.settings.precision)
        state = saved.stage if saved and job.number == first else None
        trained = Engine(at_work, net, job, output, state).run(stop)
        if trained is None:
            paths = [shlex.quote(str(path)) for path in (folder / "recipe.yaml", folder)]
            fabric.print(
                f"stopped in stage {job.settings.title!r}; the state is saved. Go on with the same options by"
                f" gradnet train {paths[0]} DATA {paths[1]} --resume"
            )
            return None
        net = trained
    result = folder / f"{recipe.network}.safetensors"
    last = jobs[-1].settings
    output.save_weights(recipe.network, net, stage=last.title, step=last.steps)
    fabric.print(f"wrote {result}")
    return result


def _from_first(fabric: Fabric, make: Callable[[], Any]) -> Any:
    """What the first process makes, or the error that it meets, in every process."""
    made: Any = None
    if fabric.is_global_zero:
        try:
            made = make()
        except (ValueError, OSError) as error:
            made = error
    made = fabric.broadcast(made)
    if isinstance(made, Exception):
        raise made
    return made


def _open_output(recipe: Recipe, folder: Path, resume: bool, world: int) -> TrainingState | None:
    path = state_path(folder)
    if not resume:
        if path.exists():
            raise ValueError(f"{folder} holds a training: give --resume to go on with it, or another folder")
        return None
    state = load_state(path)
    wanted = recipe.model_dump(mode="json")
    difference = _difference(_kept(state.recipe), _kept(wanted))
    if difference:
        raise ValueError(f"{folder} holds a training by another recipe: {difference}")
    # Of every stage: those that are still to come depend on it too.
    processes = state.stage.global_batch // state.recipe["stages"][state.stage.number]["batch_size"]
    for number, (before, now) in enumerate(zip(state.recipe["stages"], recipe.stages, strict=True)):
        samples, batch = before["batch_size"] * processes, now.batch_size * world
        if batch != samples:
            raise ValueError(
                f"stages.{number}: batch_size times the number of processes must stay {samples}, as in"
                f" {folder}, got {batch}"
            )
    return state


def _kept(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What must not change."""
    stages = [{name: value for name, value in each.items() if name not in _FREE} for each in recipe["stages"]]
    return {**recipe, "stages": stages}


def _difference(before: Any, now: Any, where: str = "") -> str:
    """The first difference between two trees, in words; empty if there is none."""
    if isinstance(before, dict) and isinstance(now, dict):
        pairs = [(key, before.get(key), now.get(key)) for key in sorted({*before, *now})]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(str(place), *both) for place, both in enumerate(zip(before, now, strict=True))]
    else:
        return "" if before == now else f"{where} was {before!r} and is {now!r} now"
    for key, one, other in pairs:
        if found := _difference(one, other, f"{where}.{key}" if where else key):
            return found
    return ""
