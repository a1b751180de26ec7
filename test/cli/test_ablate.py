"""``gradnet ablate``, from a recipe to the tables."""

import json

import numpy as np
import pytest
import yaml

from gradnet_ros.cli import ablate as command
from gradnet_ros.cli.main import main
from gradnet_ros.evaluation.ablation.variants import PLAIN_STEPS, VARIANTS
from gradnet_ros.evaluation.search.halves import HALVES
from gradnet_ros.video import VideoWriter
from support import moving_scene
from training.fixture_shards import write_shards

STAGE = {"batch_size": 2, "workers": 0, "validate_every": 0}
RECIPE = {
    "network": "lite",
    "start": "none",
    "stages": [
        {**STAGE, "stage": "base", "steps": 1, "settings": {"contrast_group": 2}},
        {**STAGE, "stage": "update", "steps": 5, "settings": {"group_sizes": [2, 1]}, "pairs": {"views": 2}},
    ],
}


@pytest.fixture
def places(tmp_path):
    """RECIPE, DATA, ROOT and --output DIR."""
    recipe, data, root = tmp_path / "recipe.yaml", tmp_path / "shards", tmp_path / "sequences"
    recipe.write_text(yaml.safe_dump(RECIPE))
    data.mkdir()
    write_shards(data)
    for seed, name in enumerate(("one", "two")):
        frames, boxes = moving_scene(4, seed=seed)
        (root / name).mkdir(parents=True)
        with VideoWriter(root / name / "clip.mp4", 30) as video:
            for frame in frames:
                video.write(frame)
        np.savetxt(root / name / "groundtruth_rect.txt", boxes, "%g", ",")
    return [recipe, data, root, "--output", tmp_path / "out"]


def run(*arguments):
    return main(["ablate", *map(str, arguments)])


def test_help_names_what_the_library_knows():
    assert tuple(VARIANTS) == command.VARIANTS
    assert command.HALVES == HALVES
    assert command.PLAIN_STEPS == PLAIN_STEPS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--update-steps", "0"], "steps of the update stage must be at least 1, got 0"),
        (["--seeds", "1", "1"], "seeds must be different numbers"),
        (["--plain-steps", "0"], "plain_steps must be different numbers from 1 on"),
        (["--frames", "1"], "frames must be 0 (all) or at least 2, got 1"),
        (["--base", "none.safetensors"], "no weights at none.safetensors"),
    ],
)
def test_what_is_refused(places, arguments, message, capsys):
    assert run(*places, *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (places[-1] / "results.json").exists()


@pytest.mark.slow
def test_from_a_recipe_to_the_tables_and_again(places, capsys):
    short = ["--frames", 3, "--set", "update_interval=1", "--set", "scale_count=1", "--device", "cpu"]
    arguments = [*places[:3], "stages.0.batch_size=2", *places[3:], "--seeds", 4, "--update-steps", 1, *short]
    assert run(*arguments, "--only", "full", "unshared") == 0
    output = places[-1]
    values = json.loads((output / "results.json").read_text())
    assert [row["name"] for row in values["rows"]] == ["fixed", "full", "unshared"]
    assert [row["seeds"] for row in values["rows"]] == [[], [4], [4]]
    assert values["tracker"]["scale_count"] == 1
    assert values["parts"]["all"] == ["one", "two"]
    assert all(row["updates"] == [4] for row in values["rows"][1:])
    assert (output / "ablation.png").stat().st_size > 10_000
    assert "| `unshared`: " in (output / "ablation.md").read_text()
    weights = {path: path.stat().st_mtime_ns for path in output.rglob("*.safetensors")}
    assert len([path for path in weights if path.name == "lite.safetensors"]) == 3
    assert list(output.glob("trainings/full-seed4-*/tensorboard/update/events*"))
    capsys.readouterr()

    assert run(*arguments) == 0  # with what was left out
    said = capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in weights} == weights
    assert not any(f"\n{name}: " in said for name in ("fixed", "full-seed4", "unshared-seed4"))
    rows = json.loads((output / "results.json").read_text())["rows"]
    assert [row["name"] for row in rows if row["seeds"]] == ["no-generalization", "full", "unshared"]
    untrained = [row["name"] for row in rows if not row["seeds"]]
    assert untrained == ["fixed", "unmoved", *(f"plain-{n}" for n in (1, 4, 16, 64))]
    assert rows[0]["auc"] == values["rows"][0]["auc"]
