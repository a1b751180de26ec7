"""The engine trains, averages, saves, stops and goes on as if nothing had been."""

import os
import signal

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gradnet_ros.nn.checkpoint import load_network
from gradnet_ros.training.driver import train
from gradnet_ros.training.state import load_state
from training.fake import FakeStage, FakeValidator, fake_jobs, fake_recipe


def weights(folder, name="lite"):
    return load_network(folder / f"{name}.safetensors").net.state_dict()


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0, msg=name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted training of six steps: its folder, and what its stage saw."""
    folder, stage, recipe = tmp_path_factory.mktemp("whole"), FakeStage(), fake_recipe()
    train(recipe, fake_jobs(recipe, stage), folder, "cpu")
    return folder, stage.seen


def test_it_learns_from_consecutive_samples(whole):
    _, seen = whole
    assert [number for number, _, _ in seen] == list(range(6))
    assert [n for _, numbers, _ in seen for n in numbers] == list(range(24))
    assert seen[-1][2] < 0.9 * seen[0][2]


def test_the_result_is_the_finished_average_and_says_how_it_was_made(whole):
    folder, _ = whole
    checkpoint = load_network(folder / "lite.safetensors")
    assert checkpoint.net.adjust_bias.item() == 7.0
    training = checkpoint.training
    assert training["step"] == 6
    assert training["recipe"]["stages"][0]["batch_size"] == 4
    assert training["torch"] == torch.__version__
    assert training["device"] == "cpu"
    assert training["processes"] == 1
    assert 0 <= training["hours"] < 1
    # The average lags behind the weights themselves.
    state = load_state(folder / "state.pt").stage
    name = "encoder.wide.weight"
    assert float((state.net[f"net.{name}"] - checkpoint.net.state_dict()[name]).abs().max()) > 1e-4
    torch.testing.assert_close(
        state.average[f"module.{name}"], checkpoint.net.state_dict()[name], rtol=0, atol=0
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_training_goes_on_to_the_same_end(whole, tmp_path, capsys, number):
    folder, seen = whole
    recipe, before = fake_recipe(), signal.getsignal(number)
    first = FakeStage(hook=lambda step, _: os.kill(os.getpid(), number) if step == 2 else None)
    assert train(recipe, fake_jobs(recipe, first), tmp_path, "cpu") is None
    assert "--resume" in capsys.readouterr().out
    assert signal.getsignal(number) is before
    done = load_state(tmp_path / "state.pt").stage.step
    assert 3 <= done <= 4
    second = FakeStage()
    assert train(recipe, fake_jobs(recipe, second), tmp_path, "cpu", resume=True)
    assert first.seen + second.seen == seen
    assert len(first.seen) == done
    assert_equal(weights(folder), weights(tmp_path))


def test_a_training_that_broke_off_goes_on_from_its_last_state(whole, tmp_path):
    folder, seen = whole
    recipe = fake_recipe(workers=1)  # and workers change nothing

    def pull_the_plug(step, _):
        if step == 3:
            raise RuntimeError("no power")

    with pytest.raises(RuntimeError, match="no power"):
        train(recipe, fake_jobs(recipe, FakeStage(hook=pull_the_plug)), tmp_path, "cpu")
    second = FakeStage()
    train(recipe, fake_jobs(recipe, second), tmp_path, "cpu", resume=True)
    assert second.seen == seen[2:]
    assert_equal(weights(folder), weights(tmp_path))


def test_a_loss_that_is_no_number_names_the_step_and_keeps_the_state(tmp_path):
    recipe = fake_recipe()
    with pytest.raises(FloatingPointError, match=r"the loss is nan at step 4 of stage 'fake'"):
        train(recipe, fake_jobs(recipe, FakeStage(bad_step=3)), tmp_path, "cpu")
    state = load_state(tmp_path / "state.pt").stage
    assert state.step == 2
    assert all(torch.isfinite(value).all() for value in state.net.values())


def test_a_gradient_that_is_no_number_is_found_too(tmp_path):
    class Cliff(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * float("inf")

    class CliffStage(FakeStage):
        def step(self, net, batch, number):
            result = super().step(net, batch, number)
            return type(result)(Cliff.apply(result.loss), result.figures)

    recipe = fake_recipe()
    with pytest.raises(FloatingPointError, match=r"the norm of the gradient is \w+ at step 1"):
        train(recipe, fake_jobs(recipe, CliffStage()), tmp_path, "cpu")


def test_the_best_is_kept_beside_the_last(tmp_path, capsys):
    recipe = fake_recipe(steps=4, validate_every=2, save_every=4)
    train(recipe, fake_jobs(recipe, validator=FakeValidator([1.0, 3.0, 2.0])), tmp_path, "cpu")
    best = load_network(tmp_path / "best-fake.safetensors").training
    assert best["step"] == 2
    assert best["validation"] == {"given": 3.0}
    assert load_network(tmp_path / "last-fake.safetensors").training["step"] == 4
    assert load_state(tmp_path / "state.pt").stage.best == 3.0
    assert "fake 2: given 3  (best)" in capsys.readouterr().out


def test_the_best_so_far_is_remembered(tmp_path):
    recipe = fake_recipe(steps=4, validate_every=2)
    stop = FakeStage(hook=lambda step, _: os.kill(os.getpid(), signal.SIGINT) if step == 1 else None)
    assert train(recipe, fake_jobs(recipe, stop, FakeValidator([1.0, 3.0, 2.5])), tmp_path, "cpu") is None
    train(recipe, fake_jobs(recipe, validator=FakeValidator([2.0])), tmp_path, "cpu", resume=True)
    assert load_network(tmp_path / "best-fake.safetensors").training["validation"] == {"given": 3.0}


def test_scores_of_another_kind_are_not_compared(tmp_path):
    recipe = fake_recipe(steps=4, validate_every=2)
    stop = FakeStage(hook=lambda step, _: os.kill(os.getpid(), signal.SIGINT) if step == 1 else None)
    assert train(recipe, fake_jobs(recipe, stop, FakeValidator([1.0, 3.0])), tmp_path, "cpu") is None
    losses = FakeValidator([-0.5], "minus a loss")
    train(recipe, fake_jobs(recipe, validator=losses), tmp_path, "cpu", resume=True)
    assert load_network(tmp_path / "best-fake.safetensors").training["validation"] == {"given": -0.5}


def test_tensorboard_gets_figures_validation_and_pictures(tmp_path):
    recipe = fake_recipe(steps=40, validate_every=40, save_every=40)
    train(recipe, fake_jobs(recipe, validator=FakeValidator([1.0, 2.0])), tmp_path, "cpu")
    log = EventAccumulator(str(tmp_path / "tensorboard" / "fake")).Reload()
    names = {"loss", "gradient", "gradient_norm", "learning_rate", "waiting_for_data"}
    assert set(log.Tags()["scalars"]) == {f"train/{name}" for name in names} | {"validation/given"}
    assert [event.step for event in log.Scalars("train/loss")] == [20, 40]
    assert [event.value for event in log.Scalars("validation/given")] == [1.0, 2.0]
    losses = [event.value for event in log.Scalars("train/loss")]
    assert losses[1] < losses[0]
    assert log.Tags()["images"] == ["picture"]


def test_rates_of_groups_follow_the_schedule(tmp_path):
    recipe = fake_recipe(steps=1, learning_rate=0.04)
    train(recipe, fake_jobs(recipe), tmp_path, "cpu")
    first, second = load_state(tmp_path / "state.pt").stage.optimiser["param_groups"]
    assert first["lr"] == pytest.approx(0.04)
    assert second["lr"] == pytest.approx(0.02)
    assert (first["weight_decay"], second["weight_decay"]) == (1e-4, 0.0)


def test_gradients_are_clipped(tmp_path):
    moments = []
    for clip in (1e9, 1e-3):
        recipe = fake_recipe(steps=1, gradient_clip=clip)
        train(recipe, fake_jobs(recipe), tmp_path / str(clip), "cpu")
        state = load_state(tmp_path / str(clip) / "state.pt").stage.optimiser["state"]
        # AdamW's first moment after one step is a tenth of the gradient.
        moments.append(torch.cat([each["exp_avg"].flatten() for each in state.values()]).norm() * 10)
    assert moments[0] > 0.01
    assert float(moments[1]) == pytest.approx(1e-3, rel=1e-3)
