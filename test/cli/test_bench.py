"""``gradnet bench``: the table, the JSON, what is refused."""

import json
import re

import pytest

from gradnet_ros.cli.main import main
from support import need_weights


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "gflop"), [([], 1.056), (["--set", "narrow_first=false"], 1.91)])
def test_table_and_json(tmp_path, capsys, settings, gflop):
    need_weights()
    output = tmp_path / "out" / "bench.json"
    arguments = [
        "bench",
        "--networks",
        "lite",
        "--sizes",
        "160x120",
        "--frames",
        "20",
        "--targets",
        "2",
        *settings,
    ]
    assert main([*arguments, "--engine", "torch", "--device", "cpu", "--output", str(output)]) == 0
    report = json.loads(output.read_text())
    (size,), (targets,) = report["sizes"], report["targets"]
    assert (size["network"], size["size"]) == ("lite", "160x120")
    frame = size["frame"]
    assert frame["every"]["count"] == 20
    assert frame["every"]["p50"] <= frame["every"]["p95"] <= frame["every"]["p99"]
    assert frame["plain"]["count"] + frame["update"]["count"] == 20
    parts = {"crop", "upload", "network", "host_sync", "response", "compare", "update", "box_fit"}
    assert parts == set(size["stages"])
    assert size["stages"]["compare"] is None  # there is a box branch
    floor = size["floors"]["a frame without an update"]
    assert floor["gflop"] == pytest.approx(gflop, rel=0.02)  # of a narrow search, of a whole one
    assert floor["ms"] == pytest.approx(floor["gflop"] / report["ceilings"]["flops"] * 1e12)
    assert floor["ratio"] == pytest.approx(frame["plain"]["p50"] / floor["ms"])
    eager, csrt = size["rivals"]
    assert eager["ratio"] == pytest.approx(eager["frame"]["p50"] / frame["every"]["p50"])
    assert (csrt["frame"] is None) == bool(csrt["reason"])
    assert targets["count"] == 2
    assert targets["ratio"] == pytest.approx(targets["single_ms"] / targets["target_ms"])
    table = capsys.readouterr().out
    assert table.startswith(report["hardware"])
    for text in ("lite, 160x120", "with an update", "stage: host sync", "floor of an update", "2 targets"):
        assert text in table
    assert f"{frame['every']['p95']:.2f}" in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frames", "5"], "--frames must be at least 20, got 5"),
        (["--targets", "0"], r"--targets must be in \[1, 256\], got 0"),
        (["--clip", "a.mp4"], "--clip and --box go together"),
        (["--node-seconds", "0"], r"--node-seconds must be in \[1, 3600\], got 0"),
        (["--engine", "none"], "engine must be one of"),
    ],
)
def test_refusals(arguments, message, capsys):
    assert main(["bench", *arguments]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("size", ["640", "640x", "32x640", "9000x640"])
def test_sizes_that_are_none(size, capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--sizes", size])
    assert "--sizes" in capsys.readouterr().err
