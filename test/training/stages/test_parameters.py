"""Which parameters are trained, and how fast."""

import pytest
import torch

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.stages.parameters import group, trunk_groups


def names_of(module, groups):
    wanted = {id(parameter) for each in groups for parameter in each["params"]}
    return {name for name, parameter in module.named_parameters() if id(parameter) in wanted}


def test_a_group_makes_its_parameters_trainable():
    layer = torch.nn.Linear(2, 2).requires_grad_(False)
    made = group(layer.parameters(), rate=3.0)
    assert made == {"params": [layer.weight, layer.bias], "rate": 3.0}
    assert layer.weight.requires_grad
    assert layer.bias.requires_grad
    assert group([layer.bias], weight_decay=0.0) == {"params": [layer.bias], "rate": 1.0, "weight_decay": 0.0}


def test_the_groups_are_what_adamw_takes():
    layer = torch.nn.Linear(2, 2)
    groups = [group([layer.weight]), group([layer.bias], rate=2.0, weight_decay=0.0)]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.1)
    assert [made["weight_decay"] for made in optimiser.param_groups] == [0.1, 0.0]
    assert [made["rate"] for made in optimiser.param_groups] == [1.0, 2.0]


def test_lite_keeps_its_first_blocks_and_learns_new_layers_faster():
    trunk = GradNet("lite").target.requires_grad_(False)
    pretrained, new = trunk_groups(trunk, rate=0.1, new_rate=5.0)
    assert pretrained["rate"] == pytest.approx(0.1)
    assert new["rate"] == pytest.approx(0.5)
    trained = names_of(trunk, [pretrained, new])
    assert trained == {name for name, parameter in trunk.named_parameters() if parameter.requires_grad}
    resting = {name for name, _ in trunk.named_parameters()} - trained
    assert resting == {
        name
        for name, _ in trunk.named_parameters()
        if name.startswith(("stem.conv.", "stem.blocks.0.", "stem.blocks.1.", "stem.blocks.2."))
    }
    assert names_of(trunk, [new]) == {"cell_logits", *(f"head.necks.{n}.weight" for n in range(3))}
    assert {name.split(".")[0] for name in names_of(trunk, [pretrained])} == {"stem"}


def test_all_of_alexnet_is_trained_alike():
    trunk = GradNet("alexnet").search.requires_grad_(False)
    (made,) = trunk_groups(trunk, rate=0.5, new_rate=5.0)
    assert made["rate"] == 0.5
    assert len(made["params"]) == len(list(trunk.parameters()))
    assert all(parameter.requires_grad for parameter in trunk.parameters())
