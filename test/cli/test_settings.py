"""``gradnet settings``: what a checkpoint says of the tracker, and nothing else of it, is changed."""

import json

import pytest
import torch
from safetensors import safe_open

from gradnet_ros import Tracker
from gradnet_ros.cli.main import main
from gradnet_ros.nn.checkpoint import load_network, save_network, shipped_weights
from support import random_network

TRAINING = {"stages": [{"steps": 3}], "date": "2026-01-02"}


def read(path):
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118 - not a mapping


@pytest.fixture(params=[torch.float16, torch.float32], ids=str)
def checkpoint(request, tmp_path):
    path = tmp_path / "net.safetensors"
    save_network(path, random_network("lite"), {"scale_step": 1.08}, TRAINING, request.param)
    return path


def test_settings_round_trip(checkpoint, tmp_path, capsys):
    output = tmp_path / "new.safetensors"
    before = checkpoint.read_bytes()
    arguments = ["--set", "window_influence=0.3", "--set", "refind_at_centre=false", "-o", str(output)]
    assert main(["settings", str(checkpoint), *arguments]) == 0
    assert f"wrote {output}" in capsys.readouterr().out
    assert checkpoint.read_bytes() == before
    expected = {"scale_step": 1.08, "window_influence": 0.3, "refind_at_centre": False}
    assert load_network(output).tracker == expected
    assert load_network(output).training == TRAINING
    config = Tracker("lite", "cpu", output, engine="torch").config
    assert (config.scale_step, config.window_influence, config.refind_at_centre) == (1.08, 0.3, False)

    (tensors, metadata), (old_tensors, old_metadata) = read(output), read(checkpoint)
    assert tensors.keys() == old_tensors.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == old_tensors[name].dtype
        assert torch.equal(tensor, old_tensors[name])
    assert {**metadata, "tracker": ""} == {**old_metadata, "tracker": ""}

    assert main(["settings", str(output), "--show"]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "scale_step=1.08",
        "window_influence=0.3",
        "refind_at_centre=false",
    ]


def test_a_file_of_settings_is_taken_in_place(checkpoint, tmp_path):
    source = tmp_path / "best.json"
    source.write_text(json.dumps({"scale_step": 1.05, "update_interval": 3}))
    assert main(["settings", str(checkpoint), "--from", str(source), "--set", "update_interval=4"]) == 0
    assert load_network(checkpoint).tracker == {"scale_step": 1.05, "update_interval": 4}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "speed=1"], "unknown tracker setting speed"),
        (["--set", "window_influence=1.5"], "window_influence must be in [0.0, 1.0], got 1.5"),
        (["--set", "lost_score=0.9"], "lost_score must not exceed tracked_score"),
        ([], "give either --show or settings to change"),
        (["--show", "--set", "update_interval=0"], "give either --show or settings to change"),
        (["--show", "-o", "x"], "--show writes nothing"),
        (["--from", "list.json"], "expected an object of name -> value, got [1]"),
        (["--from", "text.json"], "not JSON"),
        (["--from", "none.json"], "none.json"),
    ],
)
def test_what_cannot_be_set_leaves_the_file_alone(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.safetensors"
    save_network(path, random_network("lite"))
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "text.json").write_text("speed")
    before = path.read_bytes()
    assert main(["settings", str(path), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert path.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"net.safetensors", "list.json", "text.json"}


def test_a_network_without_a_box_branch_cannot_be_given_one(tmp_path, capsys):
    path = tmp_path / "net.safetensors"
    save_network(path, random_network("alexnet"), dtype=torch.float16)
    assert main(["settings", str(path), "--set", "box_branch=true"]) == 2
    assert "box_branch must be false" in capsys.readouterr().err


def test_tensors_of_several_types_stay_as_they_are(tmp_path):
    """The half-precision alexnet keeps the variances of batch norm in float32."""
    changed = tmp_path / "changed.safetensors"
    assert (
        main(["settings", str(shipped_weights("alexnet")), "--set", "update_interval=7", "-o", str(changed)])
        == 0
    )
    before, after = read(shipped_weights("alexnet"))[0], read(changed)[0]
    assert {value.dtype for value in before.values()} >= {torch.float16, torch.float32}
    for name, value in before.items():
        assert after[name].dtype == value.dtype
        assert torch.equal(after[name], value)
    kept = load_network(shipped_weights("alexnet")).tracker
    assert load_network(changed).tracker == {**kept, "update_interval": 7}
