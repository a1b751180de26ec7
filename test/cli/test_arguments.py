"""Settings and help."""

import argparse
import subprocess
import sys

import pytest

from gradnet_ros.cli.arguments import setting
from gradnet_ros.cli.main import main


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("update_interval=0", ("update_interval", 0)),
        ("scale_step = 1.05", ("scale_step", 1.05)),
        ("refind_at_centre=false", ("refind_at_centre", False)),
    ],
)
def test_settings(text, expected):
    name, value = setting(text)
    assert (name, value) == expected
    assert type(value) is type(expected[1])


@pytest.mark.parametrize("text", ["update_interval", "=3", "a=b", ""])
def test_wrong_settings(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected NAME=VALUE"):
        setting(text)


@pytest.mark.parametrize(
    "command", [[], ["track"], ["eval"], ["prepare"], ["settings"], ["train"], ["tune"], ["export"]]
)
def test_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert "gradnet" in capsys.readouterr().out


def test_an_engine_that_is_not_known_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "a.mp4").touch()
    assert main(["track", str(tmp_path / "a.mp4"), "--init", "1,2,30,30", "--engine", "abacus"]) == 2
    assert "engine must be one of auto, torch" in capsys.readouterr().err


def test_the_parser_does_not_wait_for_torch():
    code = (
        "import sys; from gradnet_ros.cli.main import build_parser; build_parser();"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_core_needs_no_ros():
    code = (
        "import sys; sys.modules['rclpy'] = None;"
        "from gradnet_ros import Tracker, Track, TrackState, TrackerConfig;"
        "assert not [m for m in sys.modules if m.startswith(('rclpy.', 'sensor_msgs', 'gradnet_ros.ros'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
