"""Several stages; what may be resumed and what may not."""

import os
import signal
from dataclasses import replace

import pytest
import torch

from gradnet_ros.nn.checkpoint import load_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.driver import make_jobs, train
from gradnet_ros.training.engine import StageJob
from gradnet_ros.training.recipe import Recipe, make_recipe
from training.fake import FakeDataset, FakeStage, fake_collate, fake_jobs, fake_recipe
from training.fixture_shards import write_shards


def two_stages(hook=None):
    stages = tuple(fake_recipe(name=name, steps=2).stages[0] for name in ("one", "two"))
    recipe = Recipe(network="lite", start="none", stages=stages, tracker={"update_interval": 3})
    made = [FakeStage(), FakeStage(hook=hook)]
    jobs = [
        StageJob(number, settings, stage, FakeDataset(), fake_collate, None, 0)
        for number, (settings, stage) in enumerate(zip(stages, made, strict=True))
    ]
    return recipe, jobs, made


@pytest.fixture
def shards(tmp_path):
    write_shards(tmp_path)
    return tmp_path


@pytest.fixture
def trained(tmp_path):
    recipe = fake_recipe(steps=2)
    train(recipe, fake_jobs(recipe), tmp_path, "cpu")
    return tmp_path


def test_stages_follow_one_another(tmp_path):
    started = []
    recipe, jobs, _ = two_stages(lambda _, net: started.append(net.encoder.wide.weight.detach().clone()))
    assert train(recipe, jobs, tmp_path, "cpu") == tmp_path / "lite.safetensors"
    first = load_network(tmp_path / "last-one.safetensors").net.encoder.wide.weight
    assert first.any()
    torch.testing.assert_close(started[0], first, rtol=0, atol=0)
    for name in ("last-one", "last-two", "lite"):
        assert load_network(tmp_path / f"{name}.safetensors").tracker == {"update_interval": 3}
    assert load_network(tmp_path / "lite.safetensors").training["stage"] == "two"


def test_a_training_stopped_in_its_second_stage_does_not_repeat_the_first(tmp_path):
    whole = two_stages()
    train(whole[0], whole[1], tmp_path / "whole", "cpu")
    recipe, jobs, first = two_stages(
        lambda step, _: os.kill(os.getpid(), signal.SIGINT) if step == 0 else None
    )
    assert train(recipe, jobs, tmp_path / "parts", "cpu") is None
    recipe, jobs, second = two_stages()
    train(recipe, jobs, tmp_path / "parts", "cpu", resume=True)
    assert second[0].seen == []
    assert first[1].seen + second[1].seen == whole[2][1].seen


def test_a_finished_training_can_be_resumed_and_does_nothing(trained):
    recipe, stage = fake_recipe(steps=2), FakeStage()
    assert train(recipe, fake_jobs(recipe, stage), trained, "cpu", resume=True)
    assert stage.seen == []


def test_a_training_is_not_overwritten(trained):
    recipe = fake_recipe(steps=2)
    with pytest.raises(ValueError, match=r"holds a training: give --resume"):
        train(recipe, fake_jobs(recipe), trained, "cpu")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 3}, r"stages.0.steps was 2 and is 3 now"),
        ({"steps": 2, "learning_rate": 0.5}, r"stages.0.learning_rate was 0.003 and is 0.5 now"),
        ({"steps": 2, "batch_size": 5}, r"stages.0: batch_size times the number of processes must stay 4"),
    ],
)
def test_another_recipe_cannot_be_resumed(trained, changed, message):
    recipe = fake_recipe(**changed)
    with pytest.raises(ValueError, match=message):
        train(recipe, fake_jobs(recipe), trained, "cpu", resume=True)


@pytest.mark.parametrize("at_work", [0, 1])
def test_no_stage_may_go_on_with_other_samples_a_step(tmp_path, at_work):
    recipe, jobs, made = two_stages()
    made[at_work].hook = lambda step, _: os.kill(os.getpid(), signal.SIGINT) if step == 0 else None
    assert train(recipe, jobs, tmp_path, "cpu") is None
    for changed in (0, 1):
        stages = list(recipe.stages)
        stages[changed] = stages[changed].model_copy(update={"batch_size": 2})
        other = recipe.model_copy(update={"stages": tuple(stages)})
        with pytest.raises(ValueError, match=rf"stages.{changed}: batch_size times .* must stay 4, .* got 2"):
            train(other, jobs, tmp_path, "cpu", resume=True)


def test_what_changes_no_result_may_change(trained):
    recipe = fake_recipe(steps=2, workers=1, save_every=7)
    assert train(recipe, fake_jobs(recipe), trained, "cpu", resume=True)


def test_a_state_of_another_version_of_the_network(trained):
    state = torch.load(trained / "state.pt")
    del state["stage"]["net"]["net.adjust_bias"]
    torch.save(state, trained / "state.pt")
    recipe = fake_recipe(steps=2)
    with pytest.raises(ValueError, match=r"(?s)of another version of the network: .*net.adjust_bias"):
        train(recipe, fake_jobs(recipe), trained, "cpu", resume=True)


def test_nothing_to_resume(tmp_path):
    recipe = fake_recipe()
    with pytest.raises(FileNotFoundError, match=r"nothing to resume: no .*state.pt"):
        train(recipe, fake_jobs(recipe), tmp_path, "cpu", resume=True)


@pytest.mark.parametrize(
    ("network", "stages", "changes", "message"),
    [
        ("alexnet", ["base", "box"], {}, "stages.1: network 'alexnet' has no box branch"),
        ("lite", ["base", "size"], {}, "stages.1: network 'lite' has a box branch for sizes"),
        ("lite", ["base", "distil"], {}, "stages.1: the stage distil is for alexnet, got 'lite'"),
        (
            "alexnet",
            ["base"],
            {"tracker": {"box_branch": True}},
            "tracker: box_branch must be false for alexnet, which has no box branch",
        ),
    ],
)
def test_stages_that_do_not_fit_the_network_are_told_before_the_first(
    shards, network, stages, changes, message
):
    tree = {"network": network, "start": "none", **changes}
    recipe = make_recipe({**tree, "stages": [{"stage": stage, "steps": 1} for stage in stages]})
    with pytest.raises(ValueError, match=message):
        make_jobs(recipe, shards)


def test_jobs_do_not_depend_on_what_trying_them_drew(shards):
    recipe = make_recipe({"network": "alexnet", "start": "none", "stages": [{"stage": "distil", "steps": 1}]})
    torch.manual_seed(0)
    GradNet("alexnet")
    expected = torch.rand(1)
    torch.manual_seed(0)
    make_jobs(recipe, shards)
    assert torch.rand(1) == expected


def test_a_precision_that_the_device_does_not_know_is_told_before_the_first_stage(tmp_path):
    recipe, jobs, made = two_stages()
    late = jobs[1].settings.model_copy(update={"precision": "16-mixed"})
    jobs[1] = replace(jobs[1], settings=late)
    with pytest.raises(ValueError, match="precision must be auto, 32-true or bf16-mixed on a CPU"):
        train(recipe, jobs, tmp_path, "cpu")
    assert made[0].seen == []


class UnsharingStage(FakeStage):
    """As the update stage does with ``unshared_head``."""

    def prepare(self, net):
        net.unshare_head()
        return super().prepare(net)


def test_a_network_with_a_head_of_its_own_can_go_on(tmp_path):
    recipe, jobs, _ = two_stages(lambda step, _: os.kill(os.getpid(), signal.SIGINT) if step == 0 else None)
    jobs[0] = replace(jobs[0], stage=UnsharingStage())
    assert train(recipe, jobs, tmp_path, "cpu") is None
    recipe, jobs, _ = two_stages()
    assert train(recipe, jobs, tmp_path, "cpu", resume=True)
    assert load_network(tmp_path / "lite.safetensors").net.updated_head is not None
