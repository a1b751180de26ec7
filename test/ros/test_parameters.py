import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy")
from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.ros.parameters import NODE_SPECS, descriptor, tracker_config, tracker_specs
from gradnet_ros.tracking.config import TrackerConfig

ROOT = Path(__file__).parents[2]


def shipped_specs(network):
    settings = load_network(shipped_weights(network), network).tracker
    return tracker_specs(TrackerConfig().with_overrides(settings))


SPECS = (*NODE_SPECS, *tracker_specs(TrackerConfig()))


def test_every_tracker_setting_is_a_parameter():
    assert [spec.name for spec in tracker_specs(TrackerConfig())] == [
        f"tracker.{field.name}" for field in fields(TrackerConfig)
    ]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_is_described(spec):
    assert spec.description.endswith(".")
    message = descriptor(spec)
    assert message.description.startswith(spec.description)
    assert message.read_only is not spec.live
    if type(spec.default) in (int, float):
        assert spec.low <= spec.default <= spec.high
        (bounds,) = message.integer_range or message.floating_point_range
        assert (bounds.from_value, bounds.to_value) == (spec.low, spec.high)
        assert bounds.step in (1, 0.0)


def test_defaults_are_those_of_the_network():
    values = {spec.name: spec.default for spec in tracker_specs(TrackerConfig(update_interval=7))}
    assert values["tracker.update_interval"] == 7
    assert isinstance(values["tracker.max_scale"], float)


def test_values_become_settings():
    config = tracker_config({"tracker.update_interval": 3, "device": "cpu"})
    assert config == TrackerConfig(update_interval=3)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"tracker.update_interval": -1}, r"update_interval must be in \[0, 1000\], got -1"),
        ({"tracker.lost_score": 0.9}, "lost_score must not exceed tracked_score"),
        ({"tracker.scale_count": 4}, "scale_count must be odd"),
    ],
)
def test_bad_values_are_named_with_their_bound(values, reason):
    with pytest.raises(ValueError, match=reason):
        tracker_config(values)


def test_parameters_file_has_every_parameter_at_its_default():
    text = (ROOT / "config" / "tracker.yaml").read_text()
    given = yaml.safe_load(text)["/**"]["ros__parameters"]
    assert given.pop("use_sim_time") is False
    assert given == {spec.name: spec.default for spec in NODE_SPECS}
    for spec in NODE_SPECS:
        assert type(given[spec.name]) is type(spec.default)
    shown = dict(re.findall(r"^    # (tracker\.\w+): (\S+)$", text, re.M))
    assert {name: yaml.safe_load(value) for name, value in shown.items()} == {
        spec.name: spec.default for spec in shipped_specs("lite")
    }


def test_parameters_file_explains_every_parameter():
    lines = (ROOT / "config" / "tracker.yaml").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"    \w+: ", line):
            assert lines[number - 1].startswith("    # "), line


def missing_rows(rows):
    """Rows of (spec, defaults) that docs/ros.md lacks, each as the table is to show it."""
    text = (ROOT / "docs" / "ros.md").read_text()
    missing = []
    for spec, defaults in rows:
        live = "yes" if spec.live else "no"
        cells = [f"`{spec.name}`", spec.type_name, *defaults, spec.range_text, spec.unit, live]
        row = f"| {' | '.join(cells)} |"
        if row not in text:
            missing.append(row)
    return missing


def test_document_has_every_parameter_of_the_node():
    assert missing_rows((spec, [spec.default_text]) for spec in NODE_SPECS) == []


def test_document_has_every_setting_with_what_each_network_ships():
    pairs = zip(shipped_specs("lite"), shipped_specs("alexnet"), strict=True)
    assert missing_rows((lite, [lite.default_text, alexnet.default_text]) for lite, alexnet in pairs) == []
