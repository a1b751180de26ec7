"""A stage and samples that cost nothing: what the engine does with them is to be seen, not what they do."""

import argparse
import dataclasses
import functools
from pathlib import Path

import numpy as np
import torch

from gradnet_ros.nn.lite import SPEC
from gradnet_ros.training.driver import train
from gradnet_ros.training.engine import StageJob
from gradnet_ros.training.recipe import Recipe, StageRecipe
from gradnet_ros.training.stages.stage import StepResult
from gradnet_ros.training.validation import HeldOutSamples, Score


class FakeBatch:
    def __init__(self, numbers, inputs):
        self.numbers, self.inputs = numbers, inputs

    def to(self, device, non_blocking=False):
        return FakeBatch(self.numbers, self.inputs.to(device))

    def pin_memory(self):
        return FakeBatch(self.numbers, self.inputs.pin_memory())


class FakeDataset(torch.utils.data.Dataset):
    def __getitem__(self, number):
        return number, np.random.default_rng(number).normal(size=(SPEC.stem_channels, 6, 6)).astype(
            np.float32
        )


def fake_collate(samples):
    numbers, inputs = zip(*samples, strict=True)
    return FakeBatch(list(numbers), torch.from_numpy(np.stack(inputs)))


@dataclasses.dataclass
class FakeStage:
    """U2 learns to return what it is given, by a loss that holds a gradient of its own (second order).

    ``seen`` gets (number, samples, loss) of every step; ``hook`` is called with number and network.
    """

    seen: list = dataclasses.field(default_factory=list)
    hook: object = None
    bad_step: int = -1
    noise: float = 1e-3  # chance within a step

    name = "fake"

    @functools.cached_property
    def auxiliary(self):
        return torch.nn.Linear(1, 1)

    def prepare(self, net):
        net.requires_grad_(False)
        net.encoder.requires_grad_(True)
        return [
            {"params": list(net.encoder.parameters())},
            {"params": list(self.auxiliary.parameters()), "rate": 0.5, "weight_decay": 0.0},
        ]

    def set_mode(self, net):
        net.eval()

    def step(self, net, batch, number):
        inputs = batch.inputs.clone().requires_grad_()
        outputs = net.encoder(inputs)
        error = (self.auxiliary(outputs.unsqueeze(-1)).squeeze(-1) - inputs).square().mean((1, 2, 3))
        noise = self.noise * torch.rand(())
        (gradient,) = torch.autograd.grad(error.sum(), inputs, create_graph=True)
        loss = error.mean() + gradient.square().mean() + noise * error.mean()
        if number == self.bad_step and torch.is_grad_enabled() and batch.numbers[0] < 2**40:
            loss = loss * float("nan")
        self.seen.append((number, batch.numbers, float(loss.detach())))
        if self.hook is not None:
            self.hook(number, net)
        return StepResult(loss, {"gradient": float(gradient.detach().square().mean())})

    def pictures(self, net, batch):
        return {"picture": np.full((8, 8, 3), 128, np.uint8)}

    def finish(self, net):
        net.adjust_bias.data.fill_(7.0)


class FakeValidator:
    """Gives the scores that it is told to, one after the other."""

    def __init__(self, scores, title="told"):
        self.scores, self.title = list(scores), title

    def score(self, fabric, net, stage):
        value = self.scores.pop(0)
        return Score(value, {"given": value})


def fake_recipe(**settings):
    defaults = {
        "stage": "base",
        "name": "fake",
        "steps": 6,
        "batch_size": 4,
        "learning_rate": 3e-3,
        "workers": 0,
        "save_every": 2,
        "validate_every": 0,
    }
    return Recipe(network="lite", start="none", stages=(StageRecipe(**{**defaults, **settings}),))


def fake_jobs(recipe, stage=None, validator=None):
    return [
        StageJob(
            0, recipe.stages[0], stage or FakeStage(), FakeDataset(), fake_collate, validator, recipe.seed
        )
    ]


def main():
    """A training to start as a process of its own, or as several."""
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    recipe = fake_recipe(
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        workers=arguments.workers,
        validate_every=arguments.steps,
    )
    validator = HeldOutSamples(FakeDataset(), fake_collate, 6, arguments.batch_size)
    torch.set_num_threads(1)
    # Every process draws its own noise: without it several compare to one.
    jobs = fake_jobs(recipe, FakeStage(noise=0.0), validator)
    result = train(recipe, jobs, arguments.output, "cpu", arguments.resume)
    raise SystemExit(0 if result else 130)


if __name__ == "__main__":
    main()
