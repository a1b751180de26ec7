"""What a training writes while it runs."""

import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gradnet_ros.training.journal import INTERVAL, Journal


def read(folder, name):
    return {event.step: event.value for event in EventAccumulator(str(folder)).Reload().Scalars(name)}


def run(folder, first, last, value):
    with Journal(folder, "stage", first, 100, silent=False) as journal:
        for step in range(first + 1, last + 1):
            journal.step(step, {"loss": value + step % 2}, waited=0.001)


def test_figures_are_means_over_an_interval(tmp_path):
    run(tmp_path, 0, 2 * INTERVAL + 3, 3.0)
    assert read(tmp_path, "train/loss") == {INTERVAL: 3.5, 2 * INTERVAL: 3.5}


def test_what_came_after_the_saved_state_is_dropped(tmp_path):
    run(tmp_path, 0, 3 * INTERVAL, 3.0)
    run(tmp_path, INTERVAL, 2 * INTERVAL, 5.0)
    assert read(tmp_path, "train/loss") == {INTERVAL: 3.5, 2 * INTERVAL: 5.5}


def test_time_aside_does_not_count(tmp_path):
    with Journal(tmp_path, "stage", 0, 100, silent=False) as journal:
        with journal.aside():
            time.sleep(0.4)
        for step in range(1, INTERVAL + 1):
            journal.step(step, {"loss": 0.0}, waited=0.01)
    assert read(tmp_path, "train/waiting_for_data")[INTERVAL] > 0.5


def test_a_silent_one_leaves_nothing(tmp_path, capfd):
    with Journal(tmp_path / "logs", "stage", 0, 100, silent=True) as journal:
        journal.step(INTERVAL, {"loss": 1.0}, 0.0)
        journal.say("something")
    assert not (tmp_path / "logs").exists()
    assert capfd.readouterr() == ("", "")


def test_the_bar_shows_losses_and_waiting(tmp_path, capsys):
    run(tmp_path, 0, INTERVAL, 3.0)
    with Journal(tmp_path, "stage", 0, 100, silent=False) as journal:
        journal.step(INTERVAL, {"loss": 1.25}, 0.0)
        journal.say("validated")
    answer = capsys.readouterr()
    assert "loss=1.25" in answer.err
    assert "waiting for data=0%" in answer.err
    assert "validated" in answer.out
