"""``gradnet prepare``, from a data set to shards."""

import subprocess
import sys

import cv2
import pytest

from gradnet_ros.cli import prepare as command
from gradnet_ros.cli.main import main
from gradnet_ros.training.readers.formats import FORMATS
from gradnet_ros.training.shards import open_shards
from training.readers.layouts import (
    write_coco,
    write_got10k,
    write_lasot,
    write_lines,
    write_otb,
    write_vid,
)

WRITERS = {
    "got10k": write_got10k,
    "lasot": write_lasot,
    "vid": write_vid,
    "coco": write_coco,
    "otb": write_otb,
}


def run(*arguments):
    return main(["prepare", *map(str, arguments), "--workers", "1"])


def test_the_command_knows_every_format():
    assert list(FORMATS) == list(command.FORMATS) == list(WRITERS)


@pytest.mark.parametrize(
    ("name", "title", "tracks"),
    [
        ("got10k", "GOT-10k", 2),
        ("lasot", "LaSOT", 3),
        ("vid", "ILSVRC2015 VID", 3),
        ("coco", "COCO", 7),
        ("otb", "pets", 2),
    ],
)
def test_every_format_end_to_end(name, title, tracks, tmp_path, capsys):
    WRITERS[name](tmp_path / "pets")
    output = tmp_path / "shards"
    assert run(tmp_path / "pets", output, "--format", name, "--show", 5, "--frames-per-track", 3) == 0
    index = open_shards(output)
    assert list(index.by_source()) == [title]
    assert len(index.tracks) == tracks
    assert {track.licence for track in index.tracks} == {"not stated"}
    crops = sum(len(track.crops) for track in index.tracks)
    printed = capsys.readouterr().out
    assert f"{title}: {tracks} tracks, {crops} crops, {len(index.scenes)} scenes," in printed
    assert f"wrote {output / 'sheet.png'}" in printed
    assert cv2.imread(str(output / "sheet.png")).shape[0] == 200


def test_several_sources_in_one_folder(tmp_path, capsys):
    write_got10k(tmp_path / "got10k")
    write_otb(tmp_path / "own", ("cup", "Woman"))
    output = tmp_path / "shards"
    assert run(tmp_path / "got10k", output, "--format", "got10k", "--licence", "CC BY-NC-SA 4.0") == 0
    assert (
        run(tmp_path / "own", output, "--format", "otb", "--source-name", "mine", "--append", "--scenes", 0)
        == 0
    )
    index = open_shards(output)
    assert {name: len(group) for name, group in index.by_source().items()} == {"GOT-10k": 2, "mine": 1}
    assert {track.licence for track in index.by_source()["GOT-10k"]} == {"CC BY-NC-SA 4.0"}
    assert "left out, named as in OTB-2015 (rename your own): Woman" in capsys.readouterr().out
    assert run(tmp_path / "own", output, "--format", "otb", "--overwrite") == 0
    assert list(open_shards(output).by_source()) == ["own"]


def test_lists_and_what_is_left_out(tmp_path, capsys):
    write_got10k(tmp_path / "data")
    write_lines(tmp_path / "out.txt", ["GOT-10k_Train_000001"])
    write_lines(tmp_path / "data/GOT-10k_Train_000002/absence.label", [0, 0, 1, 0, 0, 0])
    (tmp_path / "data/GOT-10k_Train_000002/00000001.jpg").write_bytes(b"nothing")
    output = tmp_path / "shards"
    assert run(tmp_path / "data", output, "--format", "got10k", "--exclude", tmp_path / "out.txt") == 0
    printed = capsys.readouterr().out
    assert "out.txt: 1 of its 1 sequences are there and left out" in printed
    assert "left out: frames without a visible target: 1" in printed
    assert "left out: pictures that cannot be read: 1, such as" in printed
    (track,) = open_shards(output).tracks
    assert (track.name, len(track.crops)) == ("GOT-10k_Train_000002", 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frames-per-track", "0"], "frames_per_track must be at least 1, got 0"),
        (["--show", "0"], "--show must be at least 1, got 0"),
        (["--include", "{data}/none.txt"], "none.txt"),
        (["--append"], "index.jsonl not found"),
        (["--format", "lasot"], "no <class>/<class>-<n>/groundtruth.txt below"),
    ],
)
def test_wrong_arguments_end_with_one_line(arguments, message, tmp_path, capsys):
    write_got10k(tmp_path)
    arguments = [argument.format(data=tmp_path) for argument in arguments]
    assert run(tmp_path, tmp_path / "shards", "--format", "got10k", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_append_and_overwrite_exclude_each_other(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run(tmp_path, tmp_path / "out", "--format", "otb", "--append", "--overwrite")
    assert stop.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_the_command_does_not_wait_for_torch(tmp_path):
    """It runs where torch is slow to import, or its workers would each wait for it."""
    write_otb(tmp_path / "own", ("cup",), count=2)
    code = (
        "import sys; from gradnet_ros.cli.main import main;"
        "assert main(['prepare', *sys.argv[1:], '--format', 'otb']) == 0; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "own", tmp_path / "out"], check=True)
