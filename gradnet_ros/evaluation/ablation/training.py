"""The trainings of an ablation: one search trunk, and on it an update branch a variant and seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from gradnet_ros.nn.checkpoint import load_network, save_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.driver import make_jobs, train
from gradnet_ros.training.files import write_whole
from gradnet_ros.training.output import state_path
from gradnet_ros.training.recipe import Recipe
from gradnet_ros.training.shards import INDEX, SCENES
from gradnet_ros.training.stages.base import BaseStage
from gradnet_ros.training.stages.distil import DistilStage

_NO_EFFECT = ("workers", "save_every", "validate_every")
"""Settings of a stage that its result does not depend on."""


class TrainingStopped(Exception):
    """A signal stopped a training; its state is saved, and the same command goes on with it."""


def with_update_steps(recipe: Recipe, steps: int) -> Recipe:
    """A recipe whose last stage takes another number of steps.

    Raises:
        ValueError: less than one step.
    """
    if steps < 1:
        raise ValueError(f"the steps of the update stage must be at least 1, got {steps}")
    return recipe.model_copy(
        update={"stages": (*recipe.stages[:-1], recipe.stages[-1].model_copy(update={"steps": steps}))}
    )


class Trainings:
    """Trains what is not there yet, and goes on with what was stopped.

    A training lies in a folder whose name ends in a hash of all that its result depends on: the recipe with
    every default filled in, the index of the data, the weights it starts from, and those that teach it.

    Args:
        folder: where trainings are kept.
        recipe: its last stage, and no other, is an update stage; those before it make the search trunk.
        data: folder of training shards.
        base: a checkpoint whose search trunk, adjust layer and box branch are taken instead of training them.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ValueError: the recipe's stages are others, there is no search trunk to start from, or ``torchrun``
            started several processes.
    """

    def __init__(self, folder: Path, recipe: Recipe, data: Path, base: Path | None, device: str) -> None:
        kinds = [stage.stage for stage in recipe.stages]
        if kinds[-1] != "update" or kinds.count("update") > 1:
            raise ValueError(f"stages: the last one, and no other, must be update, got {', '.join(kinds)}")
        if base is None and len(kinds) == 1:
            raise ValueError("stages: none comes before update, so the search trunk must be given (--base)")
        if distributed.is_torchelastic_launched():
            raise ValueError("an ablation trains in one process; start it without torchrun")
        self._folder, self._recipe, self._data = folder, recipe, data
        self._given, self._device = base, device

    def base(self) -> Path:
        """The checkpoint with the search trunk.

        Raises:
            TrainingStopped: a signal stopped its training.
        """
        if self._given is not None:
            return self._given
        recipe, start = self._recipe, Path(self._recipe.start)
        if start.is_dir():
            start = start / f"{recipe.network}.safetensors"
        sources = {"start": file_hash(start) if start.is_file() else recipe.start}
        for stage in (each.make_stage() for each in recipe.stages):
            if isinstance(stage, DistilStage):
                sources["teacher"] = file_hash(stage.teacher_path)
        return self._train("base", recipe.model_copy(update={"stages": recipe.stages[:-1]}), sources)

    def start(self, seed: int) -> Path:
        """What an update stage starts from: f2 and U1 as in f_x, U2 drawn by the seed.

        All variants of one seed start from the same network. Whatever update branch the base has is left out.
        """
        base = self.base()
        path = self._folder / f"start-seed{seed}-{file_hash(base)[:10]}.safetensors"
        if not path.is_file():
            trained = load_network(base, self._recipe.network).net
            torch.manual_seed(seed)
            net = GradNet(self._recipe.network)
            kept = {
                name: value
                for name, value in trained.state_dict().items()
                if name.split(".")[0] in ("search", "box", "adjust_scale", "adjust_bias")
            }
            net.load_state_dict({**net.state_dict(), **kept})
            BaseStage().finish(net)
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, lambda part: save_network(part, net))
        return path

    def update(self, name: str, seed: int, settings: Mapping[str, object]) -> Path:
        """The network of a variant and seed.

        Args:
            name: the variant's.
            seed: of U2 and of the samples.
            settings: what the variant changes in the update stage.

        Raises:
            TrainingStopped: a signal stopped the training.
        """
        start, stage = self.start(seed), self._recipe.stages[-1]
        changed = stage.model_copy(update={"settings": {**stage.settings, **settings}})
        recipe = self._recipe.model_copy(
            update={"seed": seed, "start": str(start.resolve()), "stages": (changed,)}
        )
        return self._train(f"{name}-seed{seed}", recipe, {"start": file_hash(self.base())})

    def _train(self, name: str, recipe: Recipe, sources: Mapping[str, object]) -> Path:
        """The result of a recipe, trained now if it is not there.

        Args:
            name: of the folder.
            recipe: the recipe.
            sources: what stands for the recipe's start, whose path says little.
        """
        wanted: dict[str, Any] = {**recipe.model_dump(mode="json"), **sources}
        for stage in wanted["stages"]:
            for setting in _NO_EFFECT:
                del stage[setting]
        wanted["data"] = [
            file_hash(path) for path in map(self._data.joinpath, (INDEX, SCENES)) if path.is_file()
        ]
        folder = self._folder / f"{name}-{short_hash(wanted)}"
        result = folder / f"{recipe.network}.safetensors"
        if not result.is_file():
            jobs = make_jobs(recipe, self._data)
            if train(recipe, jobs, folder, self._device, resume=state_path(folder).is_file()) is None:
                raise TrainingStopped(f"stopped in {folder}; the same command goes on with it")
        return result


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def short_hash(values: object) -> str:
    """Ten hex digits that stand for anything JSON can hold."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:10]
