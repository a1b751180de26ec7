"""The state of a training: all that its continuation depends on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from gradnet_ros.training.files import write_whole

FORMAT = "gradnet_ros training/1"
"""Value of ``format`` in a state file."""


@dataclass(frozen=True)
class StageState:
    """Where a stage is.

    No state of random generators is among it: samples depend on their number alone, and torch's generators
    are seeded anew for every step.

    Attributes:
        number: which stage of the recipe, from 0.
        step: steps done.
        global_batch: samples of a step, all processes together.
        net: state dictionary of the network and the stage's auxiliary layers.
        average: that of the moving average.
        optimiser: that of AdamW.
        scaler: that of the loss's scale (float16), else empty.
        best: best validation score, ``None`` before the first.
        judge: what gave that score (``Validator.title``): another one's cannot be compared with it.
    """

    number: int
    step: int
    global_batch: int
    net: dict[str, Any]
    average: dict[str, Any]
    optimiser: dict[str, Any]
    scaler: dict[str, Any]
    best: float | None
    judge: str = ""

    @property
    def has_head_of_its_own(self) -> bool:
        """Whether the network's updated template goes through a U1 of its own."""
        return any("updated_head." in name for name in self.net)


@dataclass(frozen=True)
class TrainingState:
    """Where a training is.

    Attributes:
        recipe: the recipe, every default filled in.
        seconds: time spent in training, all earlier stages and runs included.
        stage: the stage at work.
    """

    recipe: dict[str, Any]
    seconds: float
    stage: StageState


def save_state(path: Path, state: TrainingState) -> None:
    """Write a state; at every moment the file holds either the earlier state or this one."""
    stage = {field.name: getattr(state.stage, field.name) for field in fields(StageState)}
    values = {"format": FORMAT, "recipe": state.recipe, "seconds": state.seconds, "stage": stage}
    write_whole(path, lambda part: torch.save(values, part))


def load_state(path: Path) -> TrainingState:
    """Read a state onto the CPU.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a state of a training.
    """
    if not path.is_file():
        raise FileNotFoundError(f"nothing to resume: no {path}")
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch names no class for what it raises on a file that is none of its own
        raise ValueError(f"{path}: cannot be read as a training state: {error}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"{path}: not a training state of format {FORMAT!r}")
    return TrainingState(values["recipe"], values["seconds"], StageState(**values["stage"]))
