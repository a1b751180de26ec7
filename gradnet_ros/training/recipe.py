"""Recipes: what is trained, from what, in which stages; read from YAML and checked as a whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gradnet_ros.nn.gradnet import NETWORKS
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.training.config import ConfigError, apply_overrides, explain, make_settings
from gradnet_ros.training.pairs import PairConfig
from gradnet_ros.training.stages.base import BaseStage
from gradnet_ros.training.stages.box import BoxStage
from gradnet_ros.training.stages.distil import DistilStage
from gradnet_ros.training.stages.joint import JointStage
from gradnet_ros.training.stages.size import SizeStage
from gradnet_ros.training.stages.stage import Stage
from gradnet_ros.training.stages.update import UpdateStage

STAGES: dict[str, type[Any]] = {
    "base": BaseStage,
    "size": SizeStage,
    "box": BoxStage,
    "joint": JointStage,
    "update": UpdateStage,
    "distil": DistilStage,
}
"""Stages by the name that recipes use; their fields are the ``settings``."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StageRecipe(_Model):
    """One stage of a recipe.

    Attributes:
        stage: ``distil``, ``base``, ``size``, ``box``, ``joint`` or ``update``.
        name: name in files and logs; needed where a recipe has a stage twice.
        settings: fields of the stage's class.
        pairs: fields of ``PairConfig``, over those of the recipe.
        steps: steps of the optimiser.
        batch_size: samples a step and process.
        learning_rate: AdamW's, at the peak of the schedule.
        weight_decay: AdamW's.
        gradient_clip: largest norm of the gradient.
        ema_decay: decay of the moving average of the weights; the average is validated and saved.
        precision: ``32-true``, or automatic mixed precision in bfloat16 or, on CUDA, float16; ``auto`` takes
            bfloat16 on CUDA and ``32-true`` on a CPU.
        workers: processes that draw samples, a process of training.
        save_every: steps between two saves of the state.
        validate_every: steps between two validations; 0 never validates.
    """

    stage: str
    name: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$")
    settings: dict[str, Any] = Field(default_factory=dict)
    pairs: dict[str, Any] = Field(default_factory=dict)
    steps: int = Field(ge=1)
    batch_size: int = Field(default=16, ge=1, le=65536)
    learning_rate: float = Field(default=3e-4, gt=0, le=1)
    weight_decay: float = Field(default=1e-4, ge=0, le=1)
    gradient_clip: float = Field(default=5.0, gt=0)
    ema_decay: float = Field(default=0.998, ge=0, lt=1)
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    workers: int = Field(default=1, ge=0, le=256)
    save_every: int = Field(default=500, ge=1)
    validate_every: int = Field(default=500, ge=0)

    @property
    def title(self) -> str:
        """The stage's name in files and logs."""
        return self.name or self.stage

    def make_stage(self) -> Stage:
        """The stage with its settings; the recipe was checked, so this does not fail."""
        return cast(Stage, make_settings(STAGES[self.stage], self.settings, "settings"))

    def make_pairs(self) -> PairConfig:
        """How samples are drawn."""
        return make_settings(PairConfig, self.pairs, "pairs")


class Recipe(_Model):
    """A whole training.

    Attributes:
        network: ``lite`` or ``alexnet``.
        seed: of the weights that start from noise and of the samples.
        start: ``imagenet``, ``none``, a checkpoint (``.safetensors``), or the folder of an earlier training.
        tracker: settings of ``TrackerConfig`` that go with the weights; validation uses them too. Where a
            stage trains or uses the box branch, ``box_branch`` is on unless it says otherwise.
        pairs: fields of ``PairConfig`` for all stages.
        validation_samples: held-out samples, where validation is not on sequences.
        stages: one after the other.
    """

    network: str
    seed: int = Field(default=0, ge=0, lt=2**31)
    start: str = "imagenet"
    tracker: dict[str, Any] = Field(default_factory=dict)
    pairs: dict[str, Any] = Field(default_factory=dict)
    validation_samples: int = Field(default=64, ge=1)
    stages: tuple[StageRecipe, ...] = Field(min_length=1)

    def text(self) -> str:
        """The recipe as YAML."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False))


def read_recipe(path: Path, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe, change it, check it, and fill in every default.

    Args:
        path: a YAML file.
        overrides: ``path.to.field=value``, such as ``stages.0.steps=50``.

    Raises:
        FileNotFoundError: no such file.
        ConfigError: not YAML, an unknown field, a value of another type or outside its bound; the message
            names the field and the bound.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no recipe at {path}")
    try:
        tree = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: expected a mapping with network and stages")
    try:
        apply_overrides(tree, overrides or [])
        return make_recipe(tree)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def make_recipe(tree: dict[str, Any]) -> Recipe:
    """Check a recipe and fill in every default, those of the stages' settings and of the pairs too.

    Raises:
        ConfigError: see :func:`read_recipe`.
    """
    try:
        recipe = Recipe.model_validate(tree)
    except ValidationError as error:
        raise explain(error) from error
    if recipe.network not in NETWORKS:
        raise ConfigError(f"network: must be one of {', '.join(NETWORKS)}, got {recipe.network!r}")
    if recipe.start == "imagenet" and recipe.network != "lite":
        raise ConfigError(
            f"start: there are no ImageNet weights for {recipe.network}; give none or a checkpoint"
        )
    try:
        TrackerConfig().with_overrides(recipe.tracker)
    except ValueError as error:
        raise ConfigError(f"tracker: {error}") from error
    stages = [_resolve(recipe, number) for number in range(len(recipe.stages))]
    for title, count in Counter(stage.title for stage in stages).items():
        if count > 1:
            raise ConfigError(
                f"stages: {count} are called {title!r}; give each a name of its own (name: ...)"
            )
    tracker = {"box_branch": True} if any(map(_uses_boxes, stages)) else {}
    return recipe.model_copy(
        update={"tracker": {**tracker, **recipe.tracker}, "pairs": {}, "stages": tuple(stages)}
    )


def _uses_boxes(recipe: StageRecipe) -> bool:
    stage = recipe.make_stage()
    return isinstance(stage, BoxStage | JointStage) or (
        isinstance(stage, UpdateStage) and stage.overlap_sharpness > 0
    )


def _resolve(recipe: Recipe, number: int) -> StageRecipe:
    """A stage with all of its settings spelled out."""
    stage, where = recipe.stages[number], f"stages.{number}"
    if stage.stage not in STAGES:
        raise ConfigError(f"{where}.stage: must be one of {', '.join(STAGES)}, got {stage.stage!r}")
    settings = make_settings(STAGES[stage.stage], stage.settings, f"{where}.settings")
    if isinstance(settings, UpdateStage) and settings.template_generalization:
        largest = max(settings.group_sizes)
        if largest > stage.batch_size:
            raise ConfigError(
                f"{where}.batch_size: must be at least {largest}, the largest of group_sizes, got"
                f" {stage.batch_size}"
            )
    if isinstance(settings, BaseStage) and stage.batch_size % settings.contrast_group:
        raise ConfigError(
            f"{where}.batch_size: must be a multiple of contrast_group, {settings.contrast_group}, got"
            f" {stage.batch_size}"
        )
    pairs = make_settings(PairConfig, {**recipe.pairs, **stage.pairs}, f"{where}.pairs")
    if isinstance(settings, BoxStage):
        try:
            settings.check_rehearsals(pairs.rehearsals)
        except ValueError as error:
            raise ConfigError(f"{where}.pairs: {error}") from error
    return stage.model_copy(
        update={"name": stage.title, "settings": asdict(settings), "pairs": asdict(pairs)}
    )
