"""An ablation's trainings: started alike, kept by what they depend on, gone on with."""

import pytest
import torch

from gradnet_ros.evaluation.ablation import training as module
from gradnet_ros.evaluation.ablation.training import Trainings, TrainingStopped, with_update_steps
from gradnet_ros.nn.checkpoint import load_network, save_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training import driver
from gradnet_ros.training.recipe import make_recipe
from training.fixture_shards import write_shards

STAGES = [
    {"stage": "base", "steps": 1, "batch_size": 2, "workers": 0, "settings": {"contrast_group": 2}},
    {"stage": "update", "steps": 2, "batch_size": 2, "workers": 0, "settings": {"group_sizes": [2, 1]}},
]


def recipe(stages=STAGES, **changes):
    tree = {"network": "lite", "start": "none", "stages": [{**each, "validate_every": 0} for each in stages]}
    return make_recipe({**tree, **changes})


@pytest.fixture
def data(tmp_path):
    (tmp_path / "index.jsonl").write_text("one")
    return tmp_path


@pytest.fixture
def trained(monkeypatch):
    """Trainings that are over at once; returns what was asked for: (recipe, folder, resume)."""
    asked = []

    def train(recipe, jobs, output, device, resume):
        asked.append((recipe, output, resume))
        output.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe.seed + 10)
        path = output / f"{recipe.network}.safetensors"
        save_network(path, GradNet(recipe.network))
        return path

    monkeypatch.setattr(module, "train", train)
    monkeypatch.setattr(module, "make_jobs", lambda recipe, data: [])
    return asked


def trainings(folder, data, by=None, base=None):
    return Trainings(folder / "out", by or recipe(), data, base, "cpu")


def test_the_base_is_trained_once_and_every_variant_on_it(tmp_path, data, trained):
    each = trainings(tmp_path, data)
    full = [each.update("full", seed, {"unshared_head": False}) for seed in (0, 1)]
    unshared = each.update("unshared", 0, {"unshared_head": True})
    assert len({*full, unshared}) == 3
    assert [[stage.stage for stage in asked[0].stages] for asked in trained] == [["base"], *[["update"]] * 3]
    assert [asked[0].seed for asked in trained] == [0, 0, 1, 0]
    assert [asked[0].stages[0].settings.get("unshared_head") for asked in trained[1:]] == [False, False, True]
    # Both variants of a seed start from one file.
    assert trained[1][0].start == trained[3][0].start == str(each.start(0).resolve())
    assert trained[2][0].start == str(each.start(1).resolve())
    again = trainings(tmp_path, data)
    assert again.update("full", 0, {"unshared_head": False}) == full[0]
    assert len(trained) == 4


@pytest.mark.parametrize(
    ("change", "new"),
    [
        ({"workers": 3}, False),
        ({"save_every": 7}, False),
        ({"validate_every": 7}, False),
        ({"steps": 3}, True),
        ({"batch_size": 4}, True),
        ({"settings": {"group_sizes": [1]}}, True),
        ({"pairs": {"max_shift": 32}}, True),
    ],
)
def test_what_a_result_depends_on_makes_it_another_training(tmp_path, data, trained, change, new):
    trainings(tmp_path, data).update("full", 0, {})
    changed = recipe([STAGES[0], {**STAGES[1], **change}])
    trainings(tmp_path, data, changed).update("full", 0, {})
    assert len(trained) == (3 if new else 2)


def test_other_data_and_another_base_make_another_training(tmp_path, data, trained):
    trainings(tmp_path, data).update("full", 0, {})
    (data / "index.jsonl").write_text("other")
    trainings(tmp_path, data).update("full", 0, {})
    assert len(trained) == 4
    torch.manual_seed(99)
    save_network(tmp_path / "base.safetensors", GradNet("lite"))
    trainings(tmp_path, data, base=tmp_path / "base.safetensors").update("full", 0, {})
    assert [asked[0].stages[0].stage for asked in trained[4:]] == ["update"]


def test_another_teacher_makes_another_training(tmp_path, data, trained):
    teacher = tmp_path / "teacher.safetensors"
    stages = [
        {"stage": "distil", "steps": 1, "batch_size": 2, "settings": {"teacher": str(teacher)}},
        STAGES[1],
    ]
    for count in (1, 2):
        save_network(teacher, GradNet("lite"))
        for _ in range(2):
            trainings(tmp_path, data, recipe(stages, network="alexnet")).base()
            assert len(trained) == count


def test_a_start_has_the_bases_trunk_and_an_untrained_update_branch(tmp_path, data):
    torch.manual_seed(5)
    base = GradNet("lite")
    base.unshare_head()
    with torch.no_grad():
        base.adjust_scale.fill_(3.0)
        base.encoder.wide.weight.fill_(1.0)
    save_network(tmp_path / "base.safetensors", base)
    each = trainings(tmp_path, data, base=tmp_path / "base.safetensors")
    first, second = (load_network(each.start(seed)).net for seed in (0, 1))
    for net in (first, second):
        assert net.updated_head is None
        assert float(net.adjust_scale.detach()) == 3.0
        assert not net.encoder.wide.weight.any()
        for name, value in base.search.state_dict().items():
            assert torch.equal(net.search.state_dict()[name], value)
            assert torch.equal(net.target.state_dict()[name], value)
        for name, value in base.box.state_dict().items():
            assert torch.equal(net.box.state_dict()[name], value)
    assert not torch.equal(first.encoder.narrow.weight, second.encoder.narrow.weight)


def test_recipes_that_cannot_be_ablated(tmp_path, data, monkeypatch):
    for stages in ([STAGES[0]], [STAGES[1], STAGES[0]], [STAGES[1], {**STAGES[1], "name": "more"}]):
        with pytest.raises(ValueError, match="stages: the last one, and no other, must be update, got"):
            trainings(tmp_path, data, recipe(stages))
    with pytest.raises(ValueError, match=r"the search trunk must be given \(--base\)"):
        trainings(tmp_path, data, recipe([STAGES[1]]))
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    with pytest.raises(ValueError, match="start it without torchrun"):
        trainings(tmp_path, data)


def test_update_steps():
    assert [stage.steps for stage in with_update_steps(recipe(), 9).stages] == [1, 9]
    with pytest.raises(ValueError, match="steps of the update stage must be at least 1, got 0"):
        with_update_steps(recipe(), 0)


@pytest.mark.slow
def test_a_stopped_training_goes_on(tmp_path, monkeypatch):
    """The unshared head is part of the state; the result is that of a training that was not stopped."""
    shards = tmp_path / "shards"
    shards.mkdir()
    write_shards(shards)
    save_network(tmp_path / "base.safetensors", GradNet("lite"))

    def train(folder):
        each = Trainings(folder, recipe(), shards, tmp_path / "base.safetensors", "cpu")
        return each.update("unshared", 0, {"unshared_head": True})

    class Stopped(driver.StopSignal):
        def __enter__(self):
            self.number = 2
            return self

        def __exit__(self, *_):
            pass

    with monkeypatch.context() as patched:
        patched.setattr(driver, "StopSignal", Stopped)
        with pytest.raises(TrainingStopped, match="the same command goes on with it"):
            train(tmp_path / "stopped")
    assert not list((tmp_path / "stopped").glob("unshared*/lite.safetensors"))
    stopped, whole = (load_network(train(tmp_path / name)).net for name in ("stopped", "whole"))
    assert whole.updated_head is not None
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(stopped.state_dict()[name], value, rtol=1e-5, atol=1e-6)
