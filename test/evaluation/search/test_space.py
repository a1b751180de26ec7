"""Space files: read, checked, drawn from."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradnet_ros
from gradnet_ros.evaluation.search.space import Range, make_space, read_space
from gradnet_ros.nn.checkpoint import load_network
from gradnet_ros.tracking.config import TrackerConfig

SHIPPED = sorted((Path(__file__).parents[3] / "config" / "tuning").glob("*.yaml"))
WEIGHTS = Path(gradnet_ros.__file__).parent / "weights"
SIZE = {"size_penalty": {"low": 0.01, "high": 0.5}}


def test_the_spaces_that_are_shipped():
    assert [path.name for path in SHIPPED] == ["alexnet-template.yaml", "alexnet.yaml", "lite.yaml"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_space_goes_with_what_its_network_ships(path):
    space = read_space(path)
    weights = WEIGHTS / f"{path.stem.split('-')[0]}.safetensors"
    own = TrackerConfig().with_overrides(load_network(weights).tracker)
    assert space.point(own) is not None
    assert space.points(own)
    assert "tracked_score" not in space.distributions()
    assert space.fixed["box_branch"] is path.stem.startswith("lite")


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([], "the file must be a mapping"),
        ({"search": SIZE, "seed": 1}, "seed: unknown key; known are: search, fixed, try"),
        ({}, "search must be a mapping"),
        ({"search": {}}, "search must name at least one setting"),
        (
            {"search": {"speed": {"low": 0, "high": 1}}},
            "search.speed.low: unknown tracker setting; known are",
        ),
        ({"search": {"speed": {"choices": [1, 2]}}}, "search.speed.choices.0: unknown tracker setting"),
        (
            {"search": {"window_influence": {"low": 0, "high": 1.5}}},
            r"search.window_influence.high must be in \[0.0, 1.0\], got 1.5",
        ),
        (
            {"search": {"scale_step": {"low": 0.9, "high": 1.5}}},
            r"search.scale_step.low must be in \[1.0, 2.0\], got 0.9",
        ),
        (
            {"search": {"window_influence": {"low": 0, "high": float("nan")}}},
            r"window_influence.high must be in \[0.0, 1.0\], got nan",
        ),
        (
            {"search": {"memory_size": {"choices": [5, 0]}}},
            r"search.memory_size.choices.1 must be in \[1, 100\], got 0",
        ),
        (
            {"search": {"memory_size": {"low": 1, "high": 2.5}}},
            "memory_size.high must be of type int, got 2.5",
        ),
        (
            {"search": {"size_penalty": {"low": "1e-3", "high": 1}}},
            r"must be of type float, got '1e-3' \(YAML wants a point",
        ),
        ({"search": {"memory_size": {"low": True, "high": 2}}}, "low must be of type int, got True"),
        ({"search": {"size_penalty": {"low": 0.5, "high": 0.5}}}, r"high must be above low, 0.5, got 0.5"),
        ({"search": {"size_penalty": {"low": 0, "high": 1, "step": float("inf")}}}, "step must be a number"),
        ({"search": {"size_penalty": {"low": 0, "high": 1, "step": float("nan")}}}, "step must be a number"),
        ({"search": {"size_penalty": {"low": 0.5}}}, "must have low, high and perhaps step or log"),
        ({"search": {"size_penalty": {"low": 0, "high": 1, "steps": 2}}}, "must have low, high and perhaps"),
        ({"search": {"size_penalty": {"low": 0, "high": 1, "log": True}}}, "low must be above 0 with log"),
        ({"search": {"size_penalty": {"low": 0, "high": 1, "log": 1}}}, "log must be true or false, got 1"),
        (
            {"search": {"size_penalty": {"low": 0.1, "high": 1, "log": True, "step": 0.1}}},
            "must have step or log, not both",
        ),
        ({"search": {"size_penalty": {"low": 0, "high": 1, "step": 0.3}}}, "step must divide high - low, 1"),
        ({"search": {"memory_size": {"low": 1, "high": 5, "step": 0.5}}}, "step must be a whole number"),
        ({"search": {"size_penalty": {"low": 0, "high": 1, "step": -1}}}, "step must be a number above 0"),
        ({"search": {"box_branch": {"low": 0, "high": 1}}}, r"give choices: \[true, false\]"),
        ({"search": {"box_branch": {"choices": [True]}}}, "choices must be a list of at least 2 values"),
        ({"search": {"memory_size": {"choices": [3, 3]}}}, "choices must differ"),
        ({"search": {"memory_size": {"choices": [3, 4], "low": 1}}}, "must have choices alone"),
        ({"search": SIZE, "fixed": {"size_penalty": 0.1}}, "fixed.size_penalty: also in search"),
        ({"search": SIZE, "fixed": {"box_branch": 1}}, "fixed.box_branch must be of type bool, got 1"),
        ({"search": SIZE, "fixed": {"update_rate": 2}}, r"fixed.update_rate must be in \[0.0, 1.0\], got 2"),
        ({"search": SIZE, "fixed": {"speed": 2}}, "fixed.speed: unknown tracker setting"),
        ({"search": SIZE, "try": {"size_penalty": 0.1}}, "try must be a list of mappings"),
        ({"search": SIZE, "try": [{"update_rate": 0.1}]}, "try.0.update_rate: not in search"),
        (
            {"search": SIZE, "try": [{}, {"size_penalty": 0.6}]},
            r"try.1.size_penalty must be in \[0.01, 0.5\], got 0.6",
        ),
    ],
)
def test_a_mistake_is_named_with_its_field_and_bound(tree, message):
    with pytest.raises(ValueError, match=message):
        make_space(tree)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no search space at .*none.yaml"):
        read_space(tmp_path / "none.yaml")
    file = tmp_path / "space.yaml"
    file.write_text("search: [")
    with pytest.raises(ValueError, match=r"space.yaml: not YAML"):
        read_space(file)
    file.write_text("search: {size_penalty: {low: 0, high: 99}}")
    with pytest.raises(ValueError, match=r"space.yaml: search.size_penalty.high must be in \[0.0, 10.0\]"):
        read_space(file)


@given(low=st.floats(0, 0.8), width=st.floats(0.01, 0.2), share=st.floats(0, 1))
def test_a_drawn_number_is_readable_and_inside(low, width, share):
    each = Range("window_influence", low, low + width, None, False)
    drawn = low + share * width
    found = each.tidy(drawn)
    assert each.low <= found <= each.high
    assert found == pytest.approx(drawn, rel=1e-3, abs=1e-12)
    assert found in (each.low, each.high, float(f"{found:.4g}"))


def test_a_point_fixes_and_searches():
    space = make_space(
        {
            "search": {
                "window_influence": {"low": 0, "high": 1},
                "memory_size": {"low": 1, "high": 9, "step": 2},
                "refind_at_centre": {"choices": [True, False]},
            },
            "fixed": {"scale_step": 1},
        }
    )
    settings = space.settings({"window_influence": 0.123456, "memory_size": 3, "refind_at_centre": False})
    assert settings == {
        "scale_step": 1.0,
        "window_influence": 0.1235,
        "memory_size": 3,
        "refind_at_centre": False,
    }
    assert [type(value) for value in settings.values()] == [float, float, int, bool]
    own = replace(TrackerConfig(), scale_step=1.0)
    assert space.point(own) == {"window_influence": 0.25, "memory_size": 5, "refind_at_centre": True}
    assert space.point(TrackerConfig()) is None  # scale_step is fixed at another value
    assert space.point(replace(own, memory_size=4)) is None  # not a step
    assert space.point(replace(own, memory_size=11)) is None


def test_a_point_to_try_takes_the_rest_from_the_checkpoint():
    space = make_space(
        {
            "search": {
                "window_influence": {"low": 0.2, "high": 1},
                "memory_size": {"choices": [3, 5]},
            },
            "try": [{"memory_size": 3}],
        }
    )
    assert space.points(TrackerConfig()) == [{"window_influence": 0.25, "memory_size": 3}]
    with pytest.raises(
        ValueError, match=r"try.0.window_influence is not given, .* 0.1 is not in \[0.2, 1.0\]"
    ):
        space.points(replace(TrackerConfig(), window_influence=0.1))
