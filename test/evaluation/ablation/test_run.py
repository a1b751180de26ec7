"""Rows that differ in nothing but the template, and how they are told."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gradnet_ros.evaluation.ablation.plot import plot_ablation
from gradnet_ros.evaluation.ablation.report import results_json, tables
from gradnet_ros.evaluation.ablation.run import Ablation, AblationConfig, Row, ablate, best_factor, spread
from gradnet_ros.evaluation.ablation.runs import Measured, PlainSteps
from gradnet_ros.evaluation.ablation.variants import STEP_FACTORS, VARIANTS, chosen
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.nn.checkpoint import save_network
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.training.recipe import make_recipe
from support import random_network

SEQUENCES = [Sequence(name, Path(name), np.ones((9, 4))) for name in ("d", "a", "c", "b")]
RECIPE = make_recipe(
    {
        "network": "lite",
        "tracker": {"scale_step": 1.06, "update_rate": 0.5},
        "stages": [{"stage": "update", "steps": 1}],
    }
)


class FakeTrainings:
    """Names instead of networks."""

    def __init__(self, base):
        self._base = base
        self.updates = []

    def base(self):
        return self._base

    def start(self, seed):
        return Path(f"start-{seed}")

    def update(self, name, seed, settings):
        self.updates.append((name, seed, dict(settings)))
        return Path(f"{name}-{seed}")


class FakeEvaluations:
    """Plain descent is best with factor 4; training adds 0.01 a seed; updates take 1, 2, 3 ms."""

    def __init__(self):
        self.runs = []

    def measure(self, run, sequences):
        self.runs.append((run, [each.name for each in sequences], {len(each.truth) for each in sequences}))
        auc, times = 0.5, (1.0, 2.0, 3.0)
        if run.config.update_interval == 0:
            times = ()
        elif run.plain:
            auc = {1.0: 0.41, 4.0: 0.45, 16.0: 0.43}[run.plain.factor]
        else:
            auc += 0.01 * int(str(run.weights)[-1])
        return {each.name: Measured(auc, auc / 2, times, "abc") for each in sequences}


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "base.safetensors"
    save_network(path, random_network("lite"), {"scale_step": 1.08, "window_influence": 0.2})
    return path


def run_all(base, settings=None, **config):
    trainings, evaluations = FakeTrainings(base), FakeEvaluations()
    found = ablate(trainings, evaluations, SEQUENCES, RECIPE, AblationConfig(**config), settings or {})
    return found, trainings, evaluations


def test_every_row_has_the_same_settings_but_fixed(base):
    found, _, evaluations = run_all(base, {"update_rate": 0.4})
    # The checkpoint's, over them the recipe's, over them what is given.
    expected = TrackerConfig(scale_step=1.06, window_influence=0.2, update_rate=0.4)
    assert found.tracker == expected
    for run, _, _ in evaluations.runs:
        interval = 0 if run.name == "fixed" else expected.update_interval
        assert run.config == replace(expected, update_interval=interval)


def test_rows_and_what_they_are_trained_on(base):
    found, trainings, evaluations = run_all(base, seeds=(3, 5))
    names = [row.name for row in found.rows]
    assert names == ["fixed", "unmoved", *(f"plain-{n}" for n in (1, 4, 16, 64)), *list(VARIANTS)[3:]]
    assert [row.seeds for row in found.rows[6:]] == [(3, 5)] * 3
    assert [each[:2] for each in trainings.updates] == [(name, s) for name in names[6:] for s in (3, 5)]
    assert evaluations.runs[1][0].plain == PlainSteps(0, 1.0)
    said = {name: settings for name, _, settings in trainings.updates}
    assert said["no-generalization"] == {"template_generalization": False, "unshared_head": False}
    assert said["full"] == {"template_generalization": True, "unshared_head": False}
    assert said["unshared"] == {"template_generalization": True, "unshared_head": True}
    assert found.rows[-1].aucs(found.names) == pytest.approx([0.53, 0.55])
    assert found.differences(found.rows[-1], found.names) == pytest.approx([0.03, 0.05])


def test_the_plain_step_is_chosen_on_the_even_half_alone(base):
    found, _, evaluations = run_all(base, half="odd", variants=("fixed", "plain"), plain_steps=(2,))
    tried, measured = evaluations.runs[1:-1], evaluations.runs[-1]
    assert [run.plain.factor for run, _, _ in tried] == list(STEP_FACTORS)
    assert all(names == ["a", "c"] for _, names, _ in tried)
    assert (measured[0].plain.factor, measured[1]) == (4.0, ["b", "d"])
    assert found.tuned == {2: pytest.approx({1.0: 0.41, 4.0: 0.45, 16.0: 0.43})}
    assert "2 steps an update, step factor 4" in found.rows[1].says
    assert found.parts == {"odd": ("b", "d")}


def test_equal_step_factors_give_the_smallest():
    assert best_factor({16.0: 0.4, 1.0: 0.4, 4.0: 0.3}) == 1.0


def test_halves_and_frames(base):
    found, _, evaluations = run_all(base, variants=("fixed",), frames=6)
    assert found.parts == {"all": ("a", "b", "c", "d"), "even": ("a", "c"), "odd": ("b", "d")}
    assert evaluations.runs[0][2] == {6}


@pytest.mark.parametrize(
    ("settings", "config", "message"),
    [
        ({"update_interval": 0}, {}, "update_interval must be at least 1"),
        ({"nonsense": 1}, {}, "unknown tracker setting nonsense"),
        ({}, {"seeds": (1, 1)}, r"seeds must be different numbers, at least one, got \[1, 1\]"),
        ({}, {"seeds": ()}, "seeds must be different numbers"),
        ({}, {"seeds": (-1,)}, r"seeds must be in \[0, 2147483647\], got \[-1\]"),
        ({}, {"plain_steps": ()}, "plain_steps must be different numbers from 1 on"),
        ({}, {"plain_steps": (0, 4)}, r"plain_steps must be .*, got \[0, 4\]"),
        ({}, {"plain_steps": (4, 4)}, r"plain_steps must be .*, got \[4, 4\]"),
        ({}, {"frames": 1}, r"frames must be 0 \(all\) or at least 2, got 1"),
    ],
)
def test_what_is_refused(base, settings, config, message):
    with pytest.raises(ValueError, match=message):
        run_all(base, settings, **config)


def test_fixed_is_always_among_the_chosen():
    assert chosen([]) == tuple(VARIANTS)
    assert chosen(["unshared", "plain"]) == ("fixed", "plain", "unshared")
    with pytest.raises(ValueError, match=r"variant must be one of fixed, unmoved, .*, got 'all'"):
        chosen(["all"])


# --- the report ---


def measured(auc, times=()):
    return Measured(auc, auc / 2, times, "abc")


ABLATION = Ablation(
    (
        Row("fixed", "alone", (), ({"x": measured(0.4), "y": measured(0.6)},)),
        Row(
            "full",
            "the update",
            (0, 1),
            (
                {"x": measured(0.5, (1.0, 9.0)), "y": measured(0.6, (2.0,))},
                {"x": measured(0.7, ()), "y": measured(0.6, (3.0, 4.0))},
            ),
        ),
    ),
    {4: {1.0: 0.41, 4.0: 0.45}},
    {"all": ("x", "y"), "even": ("x",), "odd": ("y",)},
    TrackerConfig(),
    Path("base.safetensors"),
)


def test_spread_is_that_of_a_sample():
    assert spread([0.55, 0.65]) == pytest.approx(0.1 / 2**0.5)
    assert spread([0.5]) is None


def test_json_holds_every_figure():
    values = json.loads(results_json(ABLATION, {"device": "cpu"}))
    fixed, full = values["rows"]
    assert values["device"] == "cpu"
    assert values["tracker"]["update_interval"] == 5
    assert values["plain_step_factors"] == {"4": {"auc": {"1": 0.41, "4": 0.45}, "chosen": 4.0}}
    assert fixed["auc"]["all"] == [0.5]
    assert fixed["ms_per_update"] is None
    for part, aucs in {"all": [0.55, 0.65], "even": [0.5, 0.7], "odd": [0.6, 0.6]}.items():
        assert full["auc"][part] == pytest.approx(aucs)
    assert full["difference"]["all"] == pytest.approx([0.05, 0.15])
    assert full["precision"]["all"] == pytest.approx([0.275, 0.325])
    assert full["ms_per_update"] == 3.0
    assert full["updates"] == [3, 2]
    assert full["sequences"]["x"]["auc"] == [0.5, 0.7]


def test_the_tables():
    lines = tables(ABLATION, {"device": "cpu"}).splitlines()
    full = next(line for line in lines if line.startswith("| `full`"))
    assert [cell.strip() for cell in full.split("|")[2:-1]] == [
        "0, 1",
        "0.6000 +- 0.0707",
        "0.6000 +- 0.1414",
        "0.6000 +- 0.0000",
        "0.3000 +- 0.0354",
        "+0.1000 +- 0.0707",
        "3.0",
    ]
    assert "| `fixed`: alone | none | 0.5000 | 0.4000 | 0.6000 | 0.2500 |  |  |" in lines
    assert "| x | 0.400 | +0.200 |" in lines
    assert "| y | 0.600 | +0.000 |" in lines
    assert "| 4 | 0.4100 | 0.4500 | 4 |" in lines
    assert "- device: cpu" in lines
    assert "- measured at commit: abc" in lines


@pytest.mark.parametrize("rows", [1, 2])
def test_the_picture(tmp_path, rows):
    plot_ablation(tmp_path / "ablation.png", replace(ABLATION, rows=ABLATION.rows[:rows]))
    picture = cv2.imread(str(tmp_path / "ablation.png"))
    assert min(picture.shape[:2]) > 200
    assert picture.std() > 10
