"""Recipes are checked as a whole, and written out as a whole."""

from pathlib import Path

import pytest
import yaml

from gradnet_ros.training.config import ConfigError
from gradnet_ros.training.pairs import PairConfig
from gradnet_ros.training.recipe import make_recipe, read_recipe
from gradnet_ros.training.stages.base import BaseStage
from gradnet_ros.training.stages.update import UpdateStage

FOLDER = Path(__file__).resolve().parents[2] / "config" / "training"


def tree(**changes):
    stages = [{"stage": "base", "steps": 10}, {"stage": "update", "steps": 5, "pairs": {"views": 2}}]
    return {"network": "lite", "stages": stages, "pairs": {"max_shift": 30, "views": 1}, **changes}


def stage(**changes):
    return {"stages": [{"stage": "base", "steps": 10, **changes}]}


def test_stages_and_pairs_are_made_of_their_settings():
    recipe = make_recipe(tree(**stage(settings={"contrast_group": 4})))
    assert recipe.stages[0].make_stage() == BaseStage(contrast_group=4)
    recipe = make_recipe(tree())
    assert isinstance(recipe.stages[1].make_stage(), UpdateStage)
    assert recipe.stages[0].make_pairs() == PairConfig(max_shift=30)
    assert recipe.stages[1].make_pairs() == PairConfig(max_shift=30, views=2)


def test_what_is_written_is_read_back_as_it_was():
    recipe = make_recipe(tree(**stage(settings={"ranking_weight": 2})))
    written = yaml.safe_load(recipe.text())
    assert written["stages"][0]["settings"]["ranking_weight"] == 2.0
    assert written["stages"][0]["settings"]["contrast_group"] == BaseStage().contrast_group  # defaults too
    assert make_recipe(written) == recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "vgg"}, r"network: must be one of alexnet, lite, got 'vgg'"),
        ({"nettwork": "lite"}, r"nettwork: unknown setting"),
        ({"seed": -1}, r"seed: .*greater than or equal to 0, got -1"),
        ({"stages": []}, r"stages: .*at least 1 item"),
        ({"network": "alexnet"}, r"start: there are no ImageNet weights for alexnet"),
        ({"tracker": {"scale_count": 2}}, r"tracker: scale_count must be odd"),
        ({"pairs": {"max_shfit": 3}}, r"stages.0.pairs.max_shfit: unknown setting"),
        (
            {"pairs": {"occlusion_share": 3}},
            r"stages.0.pairs: occlusion_share must be in \[0.0, 1.0\], got 3",
        ),
        (
            stage(stage="bass"),
            r"stages.0.stage: must be one of base, size, box, joint, update, distil, got 'bass'",
        ),
        (stage(steps=0), r"stages.0.steps: .*greater than or equal to 1, got 0"),
        (stage(steps=1.5), r"stages.0.steps: .*got 1.5"),
        (stage(learning_rate=0), r"stages.0.learning_rate: .*greater than 0"),
        (stage(learning_rate=float("nan")), r"stages.0.learning_rate: "),
        (stage(ema_decay=1), r"stages.0.ema_decay: .*less than 1, got 1"),
        (stage(precision="fp8"), r"stages.0.precision: .*'bf16-mixed'.*got 'fp8'"),
        (stage(name="a/b"), r"stages.0.name: "),
        (stage(settings={"rank": 1}), r"stages.0.settings.rank: unknown setting; known are: ranking_weight"),
        (
            stage(settings={"negatives_weight": -1}),
            r"stages.0.settings: negatives_weight must be in \[0, 1000\], got -1",
        ),
        (
            {"stages": [{"stage": "update", "steps": 1, "batch_size": 4}]},
            r"stages.0.batch_size: must be at least 8, the largest of group_sizes, got 4",
        ),
        (
            stage(batch_size=24),
            r"stages.0.batch_size: must be a multiple of contrast_group, 16, got 24",
        ),
        (
            stage(stage="joint", batch_size=8),
            r"stages.0.batch_size: must be a multiple of contrast_group, 16, got 8",
        ),
        (
            stage(stage="box", settings={"fit_steps": 20}),
            r"stages.0.pairs: rehearsals must be 2, 4, 6 or 8 where fit_steps is not 0, got 0",
        ),
        ({"stages": [{"stage": "base", "steps": 1}] * 2}, r"stages: 2 are called 'base'"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        make_recipe(tree(**changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        (stage(stage="box"), {"box_branch": True}),
        (stage(stage="joint"), {"box_branch": True}),
        (stage(stage="update", settings={"overlap_sharpness": 5}), {"box_branch": True}),
        ({**stage(stage="box"), "tracker": {"update_rate": 0.5}}, {"box_branch": True, "update_rate": 0.5}),
        ({**stage(stage="box"), "tracker": {"box_branch": False}}, {"box_branch": False}),
    ],
)
def test_who_trains_boxes_tracks_with_them(changes, expected):
    recipe = make_recipe(tree(**changes))
    assert recipe.tracker == expected


def test_a_stage_twice_needs_names():
    names = [stage["name"] for stage in ({"name": "first"}, {"name": "second"})]
    recipe = make_recipe(tree(stages=[{"stage": "base", "steps": 1, "name": name} for name in names]))
    assert [stage.title for stage in recipe.stages] == names


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_recipes_that_come_with_the_package(path):
    recipe = read_recipe(path)
    assert recipe.network == ("alexnet" if "alexnet" in path.stem else "lite")
    assert recipe.tracker.get("box_branch", False) == (recipe.network == "lite")
    for each in recipe.stages:
        assert each.make_stage().name == each.stage


def test_files_that_are_no_recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    with pytest.raises(FileNotFoundError, match="no recipe at"):
        read_recipe(path)
    path.write_text("[1, 2")
    with pytest.raises(ConfigError, match="not YAML"):
        read_recipe(path)
    path.write_text("- 1")
    with pytest.raises(ConfigError, match="expected a mapping"):
        read_recipe(path)


def test_overrides_change_a_recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(tree()))
    recipe = read_recipe(path, ["stages.0.steps=50", "stages.0.settings.negatives_weight=0", "seed=9"])
    assert recipe.stages[0].steps == 50
    assert recipe.stages[0].make_stage() == BaseStage(negatives_weight=0)
    assert recipe.seed == 9
    with pytest.raises(ConfigError, match=r"recipe.yaml: stages.0.steps: .*got -2"):
        read_recipe(path, ["stages.0.steps=-2"])
