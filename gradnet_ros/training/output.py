"""The folder that a training writes to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from gradnet_ros.nn.checkpoint import save_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.files import write_whole
from gradnet_ros.training.recipe import Recipe
from gradnet_ros.training.state import StageState, TrainingState, save_state


class Output:
    """Names and metadata of what a training leaves behind.

    Args:
        folder: the folder; made if it is not there.
        recipe: the recipe, every default filled in.
        facts: where the weights come from.
        seconds: time spent in training before this run.
        silent: write nothing; true in all processes but the first.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, facts: Mapping[str, object], seconds: float, silent: bool
    ) -> None:
        self._folder, self._recipe, self._facts = folder, recipe, dict(facts)
        self._started, self._silent = time.monotonic() - seconds, silent
        if not silent:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / "recipe.yaml", self._write_recipe)

    def logs(self, title: str) -> Path:
        """TensorBoard's folder for a stage."""
        return self._folder / "tensorboard" / title

    def save_weights(self, name: str, net: GradNet, **training: object) -> None:
        """Write ``name.safetensors``.

        Args:
            name: the file's name.
            net: the network.
            training: what to say of it beside the recipe and the facts.
        """
        if self._silent:
            return
        hours = round(self._seconds() / 3600, 4)
        said = {**training, "hours": hours, **self._facts, "recipe": self._recipe.model_dump(mode="json")}
        write_whole(
            self._folder / f"{name}.safetensors",
            lambda part: save_network(part, net, self._recipe.tracker, said),
        )

    def save_state(self, stage: StageState) -> None:
        """Write the state from which the training goes on."""
        if not self._silent:
            recipe = self._recipe.model_dump(mode="json")
            save_state(state_path(self._folder), TrainingState(recipe, self._seconds(), stage))

    def _seconds(self) -> float:
        """Time spent in training, earlier runs included."""
        return time.monotonic() - self._started

    def _write_recipe(self, path: Path) -> None:
        path.write_text(self._recipe.text(), encoding="utf-8")


def state_path(folder: Path) -> Path:
    """Where the state of a training lies."""
    return folder / "state.pt"
