"""Trials on one half of the sequences, in a folder that outlives the process."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from optuna.trial import TrialState

from gradnet_ros.evaluation.search import run as tuning
from gradnet_ros.evaluation.search.report import compared, measure
from gradnet_ros.evaluation.search.run import TuneConfig, tune
from gradnet_ros.evaluation.search.scorer import Score, in_turn
from gradnet_ros.evaluation.search.space import make_space
from gradnet_ros.evaluation.search.study import SharedStudy
from gradnet_ros.evaluation.search.trials import search
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.tracking.config import TrackerConfig

OWN = TrackerConfig(window_influence=0.2)
SPACE = make_space(
    {
        "search": {
            "window_influence": {"low": 0, "high": 1},
            "update_interval": {"low": 1, "high": 30, "log": True},
        },
        "try": [{"window_influence": 1.0}],
    }
)


@pytest.fixture(autouse=True)
def plotted(monkeypatch):
    """What would be plotted: a picture takes longer than all the rest."""
    calls = []
    monkeypatch.setattr(tuning, "plot_search", lambda *arguments: calls.append(arguments))
    return calls


def make_sequences(count):
    return [
        Sequence(f"s{number:02d}", Path("none"), np.ones((40 + 3 * number, 4))) for number in range(count)
    ]


def fake_score(config, sequence):
    """Best at window_influence 0.4; every sequence has a difficulty of its own."""
    auc = 0.8 - (config.window_influence - 0.4) ** 2 - 0.01 * int(sequence.name[1:])
    return Score(auc - (0.01 if config.update_interval == 0 else 0), auc / 2)


class Spy:
    """A scorer that remembers what it was asked."""

    def __init__(self, score=fake_score):
        self.score, self.asked = score, []

    def __call__(self, config, sequence):
        self.asked.append((config, sequence.name))
        return self.score(config, sequence)


def run(folder, trials, score=fake_score, sequences=None, space=SPACE, own=OWN, **settings):
    said = []
    done = tune(
        sequences or make_sequences(9),
        space,
        own,
        score,
        in_turn(score),
        folder,
        TuneConfig(trials, **settings),
        {"weights": "a"},
        {"commit": "abc"},
        said.append,
    )
    assert done
    return said


def read_trials(folder):
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def open_study(folder, resume=True, plan=None, space=SPACE, own=OWN):
    return SharedStudy(folder, plan or {"weights": "a"}, space, own, 0, 4, resume)


# --- halves


@pytest.mark.parametrize(("half", "first"), [("even", 0), ("odd", 1)])
def test_the_search_never_opens_the_other_half(half, first, tmp_path, monkeypatch):
    opened = []

    def frames(self):
        opened.append(self.name)
        yield np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(Sequence, "frames", frames)

    def score(config, sequence):
        list(sequence.frames())
        return fake_score(config, sequence)

    searched = set()

    def measure_after_search(*arguments):
        searched.update(opened)
        return measure(*arguments)

    monkeypatch.setattr(tuning, "measure", measure_after_search)
    sequences = make_sequences(9)
    run(tmp_path, 6, score, sequences, half=half)
    names = [sequence.name for sequence in sequences]
    assert searched == set(names[first::2])
    assert set(opened) == set(names)  # the report opens all


# --- trials


def test_the_checkpoints_own_settings_come_first_then_those_to_try(tmp_path):
    spy = Spy()
    said = run(tmp_path, 4, spy)
    rows = read_trials(tmp_path)
    assert [row["origin"] for row in rows] == ["baseline", "try.0", "drawn", "drawn"]
    assert spy.asked[0][0] == OWN
    assert rows[1]["window_influence"] == "1.0"
    assert rows[1]["update_interval"] == "5"  # the checkpoint's own
    # Bad as it is, what was asked for runs to its end.
    assert [row["state"] for row in rows[:2]] == ["complete", "complete"]
    assert said[0].startswith("trial 0: AUC 0.7200, precision 0.3600")


def test_bad_settings_are_dropped_early_and_good_ones_are_found(tmp_path, plotted):
    sequences = make_sequences(20)
    run(tmp_path, 24, sequences=sequences)
    rows = read_trials(tmp_path)
    assert len(rows) == 24
    dropped = [row for row in rows if row["state"] == "dropped"]
    complete = [row for row in rows if row["state"] == "complete"]
    assert len(dropped) > 8
    assert {row["runs"] for row in dropped} <= {"3", "5", "6"}
    assert {row["runs"] for row in complete} == {"10"}
    best = json.loads((tmp_path / "best.json").read_text())
    assert best["window_influence"] == pytest.approx(0.4, abs=0.1)
    ((path, _, space),) = plotted
    assert (path, space) == (tmp_path / "search.png", SPACE)


def test_trials_report_the_running_mean(tmp_path):
    sequences = make_sequences(3)
    with open_study(tmp_path, resume=False) as study:
        search(study, sequences, fake_score, 1, lambda _: None)
        (trial,) = study.finished
    scores = [fake_score(OWN, sequence).auc for sequence in sequences]
    means = {1: scores[0], 2: np.mean(scores[:2]), 3: np.mean(scores)}
    assert trial.intermediate_values == pytest.approx(means)
    assert trial.value == pytest.approx(means[3])


def test_a_baseline_outside_of_the_space_is_no_point_of_it(tmp_path):
    space = make_space({"search": {"window_influence": {"low": 0.7, "high": 1}}})
    with open_study(tmp_path, resume=False, space=space) as study:
        first, second = study.ask(2), study.ask(2)
        assert (first.params, study.config(first)) == ({}, OWN)
        assert second.params.keys() == {"window_influence"}


def test_own_settings_outside_of_the_space_are_the_baseline_all_the_same(tmp_path):
    space = make_space(
        {"search": {"window_influence": {"low": 0.7, "high": 1}}, "fixed": {"scale_step": 1.1}}
    )
    spy = Spy()
    run(tmp_path, 14, spy, space=space)
    rows = read_trials(tmp_path)
    assert spy.asked[0][0] == OWN
    assert (rows[0]["origin"], rows[0]["window_influence"], rows[0]["scale_step"]) == (
        "baseline",
        "0.2",
        "1.04",
    )
    assert all(0.7 <= float(row["window_influence"]) <= 1 for row in rows[1:])
    assert {row["scale_step"] for row in rows[1:]} == {"1.1"}
    assert json.loads((tmp_path / "best.json").read_text())["scale_step"] == 1.04  # nothing was better


def test_settings_that_do_not_go_together_are_dropped_with_the_reason(tmp_path):
    space = make_space({"search": {"scale_count": {"low": 3, "high": 6}}})
    run(tmp_path, 12, space=space)
    rows = read_trials(tmp_path)
    notes = {row["note"] for row in rows if int(row["scale_count"]) % 2 == 0}
    assert notes == {"scale_count must be odd, got 4", "scale_count must be odd, got 6"}
    assert all(row["note"] == "" for row in rows if int(row["scale_count"]) % 2)


def test_a_search_plays_the_first_frames_and_the_report_all(tmp_path):
    lengths = []

    def score(config, sequence):
        lengths.append(len(sequence.truth))
        return Score(len(sequence.truth) / 100, 0.5)

    run(tmp_path, 3, score, max_frames=10)
    searched = lengths.index(40)
    assert searched >= 3 * 3
    assert set(lengths[:searched]) == {10}
    assert set(lengths[searched:]) == {40 + 3 * number for number in range(9)}
    text = (tmp_path / "table.md").read_text()
    assert "first 10 frames of each" in text
    assert parse(text)["best"][-2] == pytest.approx(np.mean(list(set(lengths[searched:]))) / 100)


def test_a_search_plays_pieces_of_its_half_and_the_report_both(tmp_path):
    played = []

    def score(config, sequence):
        played.append((sequence.whole_name, sequence.name, len(sequence.truth), config.update_interval))
        return Score(len(sequence.truth) / 100 + 0.01 * config.window_influence, 0.5)

    run(tmp_path, 3, score, segments=2, segment_frames=20)
    # Sequences have 40 to 64 frames: two pieces of each, at its start and at its end.
    pieces = {
        (f"s{number:02d}", f"s{number:02d}@{first}", 20)
        for number in range(9)
        for first in (0, 20 + 3 * number)
    }
    searchable = {each for each in pieces if int(each[0][1:]) % 2 == 0}
    whole = {(f"s{number:02d}", f"s{number:02d}", 40 + 3 * number) for number in range(9)}
    start = next(number for number, each in enumerate(played) if each[:3] in whole)
    assert {each[:3] for each in played[:start]} == searchable
    reported = played[start:]
    assert {each[:3] for each in reported} == whole | pieces
    # Pieces of the search half are known from the trials, but for those without gradient steps.
    assert {each[3] for each in reported if each[:3] in searchable} == {0}
    text = (tmp_path / "table.md").read_text()
    assert "on 10 segments of up to 20 frames of 5 sequences (even), seed 0" in text
    assert parse(text)["best"] == pytest.approx([0.53, 0.5] * 3)
    assert parse(text, "Segments of up to 20 frames")["best"] == pytest.approx([0.21, 0.5] * 3)
    assert "search half (10): AUC | precision | other half (8): AUC | precision | all (18): AUC" in text
    assert "- all: +0.0080 +- 0.0000 (standard error over sequences), 18 better, 0 worse" in text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trials": 0}, "trials must be at least 1, got 0"),
        ({"trials": 1, "seed": -1}, "seed must be at least 0, got -1"),
        ({"trials": 1, "max_frames": 1}, r"max_frames must be 0 \(all\) or at least 2, got 1"),
    ],
)
def test_wrong_numbers(settings, message):
    with pytest.raises(ValueError, match=message):
        TuneConfig(**settings)


# --- resuming


def test_a_search_in_two_parts_is_the_search_in_one(tmp_path):
    run(tmp_path / "whole", 13)  # TPE draws from the eleventh on
    run(tmp_path / "parts", 5)
    first = read_trials(tmp_path / "parts")
    run(tmp_path / "parts", 13, resume=True)
    parts = read_trials(tmp_path / "parts")
    assert parts[:5] == first
    assert len(parts) == 13
    assert parts == read_trials(tmp_path / "whole")
    assert len({row["window_influence"] for row in parts}) == 13


def test_another_seed_draws_others(tmp_path):
    run(tmp_path / "a", 4)
    run(tmp_path / "b", 4, seed=1)
    first, second = read_trials(tmp_path / "a"), read_trials(tmp_path / "b")
    assert first[:2] == second[:2]
    assert first[2]["window_influence"] != second[2]["window_influence"]


def test_an_interrupted_trial_is_run_again(tmp_path):
    asked = []

    def interrupt(config, sequence):
        asked.append(config)
        if len(asked) == 2 * 5 + 3:  # in the middle of the first drawn trial
            raise KeyboardInterrupt
        return fake_score(config, sequence)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 5, interrupt)
    spy = Spy()
    run(tmp_path, 5, spy, resume=True)
    rows = read_trials(tmp_path)
    assert [row["number"] for row in rows] == ["0", "1", "3", "4", "5"]
    assert spy.asked[0][0] == asked[-1]
    assert rows[2]["origin"] == "again.2"


def test_a_trial_of_a_dead_process_is_run_again_and_one_of_a_living_is_left_alone(tmp_path):
    with open_study(tmp_path, resume=False) as dead:
        lost = dead.ask(9)
    with open_study(tmp_path) as living, open_study(tmp_path) as third:
        again = living.ask(9)
        assert (lost.number, living.config(again)) == (0, OWN)  # handed out again
        other = third.ask(9)
        assert third.named(other)
        assert third.config(other) != OWN
        assert third.busy_elsewhere
        living.record(again, {})
        living.finish(again, 0.5)
        third.give_up(other)
        assert not third.busy_elsewhere
        assert [trial.number for trial in third.finished] == [again.number]


def test_two_processes_draw_different_points_and_keep_to_the_limit(tmp_path):
    with open_study(tmp_path, resume=False) as one, open_study(tmp_path) as two:
        taken = [study.ask(6) for study in (one, two, one, two, one, two)]
        assert one.ask(6) is None
        assert two.ask(6) is None
        points = [trial.params["window_influence"] for trial in taken]
        assert len(set(points)) == 6


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 1}, "seed"),
        ({"half": "odd"}, "half"),
        ({"max_frames": 20}, "max_frames"),
        ({"sequences": make_sequences(8)}, "sequences"),
        ({"space": make_space({"search": {"update_rate": {"low": 0, "high": 1}}})}, "space"),
    ],
)
def test_another_search_cannot_go_on(change, name, tmp_path):
    run(tmp_path, 2)
    with pytest.raises(ValueError, match=f"{name} differs from that of the search in"):
        run(tmp_path, 3, resume=True, **change)


def test_a_search_is_neither_overwritten_nor_made_up(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no search to resume"):
        run(tmp_path / "none", 2, resume=True)
    assert not (tmp_path / "none").exists()
    run(tmp_path, 2)
    with pytest.raises(FileExistsError, match=r"holds a search already: --resume goes on"):
        run(tmp_path, 3)


def test_who_ends_first_leaves_the_report_to_the_other(tmp_path):
    sequences = make_sequences(9)
    inner = []

    def score(config, sequence):
        if not inner:  # in the first trial another process joins, and ends before
            inner.append(None)
            played = (fake_score, in_turn(fake_score))
            arguments = (sequences, SPACE, OWN, *played, tmp_path, TuneConfig(4, resume=True))
            inner[0] = tune(*arguments, {"weights": "a"}, {}, lambda _: None)
            assert not (tmp_path / "table.md").exists()
        return fake_score(config, sequence)

    run(tmp_path, 4, score, sequences)
    assert inner == [False]
    assert len(read_trials(tmp_path)) == 4
    assert (tmp_path / "table.md").exists()


# --- the report


def parse(table, title="Whole sequences"):
    """Rows of a section's table: title -> numbers."""
    lines = table.split(f"**{title}**\n\n")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: [float(cell) for cell in row[1:]] for row in cells}


def test_the_table_holds_the_means(tmp_path):
    sequences = make_sequences(9)
    run(tmp_path, 8, sequences=sequences)
    text = (tmp_path / "table.md").read_text()
    rows = parse(text)
    best = replace(OWN, **json.loads((tmp_path / "best.json").read_text()))
    configs = {
        "defaults": OWN,
        "defaults, gradient off": replace(OWN, update_interval=0),
        "best": best,
        "best, gradient off": replace(best, update_interval=0),
    }
    assert list(rows) == list(configs)
    for title, config in configs.items():
        expected = []
        for part in (sequences[::2], sequences[1::2], sequences):
            scores = [fake_score(config, sequence) for sequence in part]
            expected += [
                np.mean([score.auc for score in scores]),
                np.mean([score.precision for score in scores]),
            ]
        assert rows[title] == pytest.approx(expected, abs=5.1e-5)
    assert "search half (5): AUC | precision | other half (4): AUC | precision | all (9): AUC" in text
    gain = rows["best"][2] - rows["defaults"][2]
    assert f"- other half: {gain:+.4f} +- 0.0000 (standard error over sequences), 4 better, 0 worse" in text
    assert "- search: 8 trials (" in text
    assert "- commit: abc" in text


def test_a_search_on_all_says_that_nothing_guards_it(tmp_path):
    run(tmp_path, 2, half="all")
    text = (tmp_path / "table.md").read_text()
    assert "| settings | all (9): AUC | precision |" in text
    assert "nothing here guards against over-fitting" in text


def test_what_trials_have_measured_is_not_measured_again(tmp_path):
    spy = Spy()
    run(tmp_path, 2, spy)
    searched, reported = spy.asked[:10], spy.asked[10:]
    assert len(reported) == len(set(reported)) == 4 + 9  # own and best are the same: other half; off: all
    assert not set(searched) & set(reported)


def test_equal_settings_are_run_once():
    spy = Spy()
    off = replace(OWN, update_interval=0)
    rows = measure(compared(off, off), make_sequences(3), in_turn(spy), {}, lambda _: None)
    assert len(spy.asked) == 3
    assert len({tuple(row.scores.items()) for row in rows}) == 1


def test_the_best_settings_are_a_ros_parameters_file_too(tmp_path):
    own = replace(OWN, window_influence=0)  # a whole number, which ROS would not take for a float
    run(tmp_path, 1, own=own)
    best = json.loads((tmp_path / "best.json").read_text())
    assert best == {"window_influence": 0.0, "update_interval": 5}
    parameters = yaml.safe_load((tmp_path / "best.yaml").read_text())["/**"]["ros__parameters"]
    assert parameters == {"tracker.window_influence": 0.0, "tracker.update_interval": 5}
    assert isinstance(parameters["tracker.window_influence"], float)


def test_a_scorers_error_ends_the_search_and_leaves_the_trial_for_later(tmp_path):
    def broken(config, sequence):
        raise ValueError("no frames")

    with open_study(tmp_path, resume=False) as study:
        with pytest.raises(ValueError, match="no frames"):
            search(study, make_sequences(4), broken, 3, lambda _: None)
        assert study.finished == []
        trial = study.ask(3)
        assert study.config(trial) == OWN
        study.record(trial, {"s00": Score(0.5, 0.4)})
        study.finish(trial, 0.5)
        assert [each.state for each in study.finished] == [TrialState.COMPLETE]
        assert study.scores(study.best) == {"s00": Score(0.5, 0.4)}
