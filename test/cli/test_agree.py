"""``gradnet agree`` on scenes made of noise: a line an engine, JSON, and what is refused."""

import json

import pytest

from evaluation.layouts import write_folder
from gradnet_ros.cli.main import main
from support import need_weights


@pytest.fixture
def root(tmp_path):
    need_weights()
    write_folder(tmp_path / "data", (6, 4))
    return tmp_path / "data"


def test_a_line_and_json(root, tmp_path, capsys):
    output = tmp_path / "agree.json"
    arguments = ["agree", str(root), "--engines", "torch", "--frames", "4", "--output", str(output)]
    assert main([*arguments, "--device", "cpu"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head == "lite, first 4 frames of 2 sequences, against torch"
    assert line.startswith("torch (float32): mean 0.000 px, median 0.000 px; furthest: ")
    (figures,) = json.loads(output.read_text()).values()
    assert figures["mean"] == 0.0
    assert len(figures["sequences"]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--frames", "1"], "--frames must be at least 2, got 1"),
        (["--only", "nothing"], "--only: no sequence nothing in"),
        (["--engines", "abacus"], "engine must be one of auto, torch"),
    ],
)
def test_what_is_refused(root, capsys, arguments, said):
    assert main(["agree", str(root), *arguments]) == 2
    assert said in capsys.readouterr().err
