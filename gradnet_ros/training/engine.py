"""One stage, from its first step, or from where it stopped, to its last."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn
from torch.utils.data import Dataset

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.journal import Journal
from gradnet_ros.training.loader import BatchNumbers, draw_batches
from gradnet_ros.training.output import Output
from gradnet_ros.training.processes import mean
from gradnet_ros.training.recipe import StageRecipe
from gradnet_ros.training.schedule import moving_average, schedule
from gradnet_ros.training.signals import StopSignal
from gradnet_ros.training.stages.stage import Stage
from gradnet_ros.training.state import StageState
from gradnet_ros.training.validation import Validator


@dataclass(frozen=True)
class StageJob:
    """A stage and all that it works with.

    Attributes:
        number: which stage of the recipe, from 0.
        settings: how long, how fast.
        stage: what is trained, by which loss.
        dataset: sample number -> sample.
        collate: samples -> batch; a batch has ``to(device)`` and ``pin_memory()``.
        validator: scores the averaged network; ``None`` never does.
        seed: of what is drawn within a step.
    """

    number: int
    settings: StageRecipe
    stage: Stage
    dataset: Dataset[Any]
    collate: Callable[[Sequence[Any]], Any]
    validator: Validator | None
    seed: int


class _Work:
    """A batch and its step's number, in a wrapping that nothing looks into.

    Fabric casts what it finds in arguments to the precision of training; offsets in pixels must stay float32.
    """

    def __init__(self, batch: Any, number: int) -> None:
        self.batch, self.number = batch, number


class _StageModule(nn.Module):
    """A stage's step as a module's forward, so that autocast and the hooks of several processes apply."""

    def __init__(self, net: GradNet, stage: Stage) -> None:
        super().__init__()
        self.net, self.auxiliary = net, stage.auxiliary
        self._stage = stage

    def forward(self, work: _Work) -> tuple[Tensor, dict[str, float]]:
        """The loss of a batch, and figures to show."""
        result = self._stage.step(self.net, work.batch, work.number)
        return result.loss, dict(result.figures)


class Engine:
    """Trains a network in one stage.

    Args:
        fabric: device, precision and processes.
        net: the network, changed in place.
        job: the stage.
        output: where results go.
        saved: where an earlier run of this stage stopped.

    Raises:
        ValueError: the saved state does not fit the network.
    """

    _step: int
    _best: float | None

    def __init__(
        self, fabric: Fabric, net: GradNet, job: StageJob, output: Output, saved: StageState | None = None
    ) -> None:
        self._fabric, self._job, self._output = fabric, job, output
        settings, self._net = job.settings, net
        self._seed()  # the auxiliary layers start from noise
        self._module = _StageModule(net, job.stage)
        # torch types no call with both arguments.
        self._module.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        groups = [{"rate": 1.0, **group, "lr": 0.0} for group in job.stage.prepare(net)]
        self._optimiser = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
        self._average = moving_average(net, settings.ema_decay)
        self._step, self._best = 0, None
        if saved is not None:
            self._load(saved)
        job.stage.set_mode(net)
        self._model, self._wrapped = fabric.setup(self._module, self._optimiser)

    @property
    def _judge(self) -> str:
        return self._job.validator.title if self._job.validator else ""

    def _load(self, saved: StageState) -> None:
        self._step = saved.step
        self._best = saved.best if saved.judge == self._judge else None
        try:
            self._module.load_state_dict(saved.net)
            self._average.load_state_dict(saved.average)
            self._optimiser.load_state_dict(saved.optimiser)
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"the saved state is of another version of the network: {error}") from error
        self._fabric.strategy.precision.load_state_dict(saved.scaler)

    def run(self, stop: StopSignal) -> GradNet | None:
        """Train to the last step.

        Args:
            stop: looked at between two steps.

        Returns:
            The averaged network, finished, in evaluation mode; ``None`` if the training was stopped.

        Raises:
            FloatingPointError: loss or gradient is not a finite number; the last saved state is kept.
        """
        fabric, job, settings = self._fabric, self._job, self._job.settings
        batches = BatchNumbers(
            self._step, settings.steps, settings.batch_size, fabric.global_rank, fabric.world_size
        )
        drawn = draw_batches(
            job.dataset, batches, job.collate, settings.workers, fabric.device.type == "cuda"
        )
        logs, silent = self._output.logs(settings.title), not fabric.is_global_zero
        with Journal(logs, settings.title, self._step, settings.steps, silent) as journal, closing(drawn):
            if self._step == 0:
                with journal.aside():
                    self._validate(journal)
            while self._step < settings.steps:
                asked = time.monotonic()
                batch = next(drawn).to(fabric.device, non_blocking=True)
                waited = time.monotonic() - asked
                figures = self._take_step(batch, bool(stop.number))
                stopped = figures.pop("stop") > 0
                journal.step(self._step, figures, waited)
                last = self._step == settings.steps
                validate = settings.validate_every and (last or self._step % settings.validate_every == 0)
                save = last or stopped or self._step % settings.save_every == 0
                if validate or save:
                    with journal.aside():
                        if validate:
                            self._validate(journal)
                        if save:
                            self._save()
                if stopped:
                    return None
        return self._result()

    def _take_step(self, batch: Any, stop: bool) -> dict[str, float]:
        """One step of the optimiser; returns the means over the processes, ``stop`` among them."""
        fabric, settings, number = self._fabric, self._job.settings, self._step
        share = schedule(number, settings.steps)
        for group in self._optimiser.param_groups:
            group["lr"] = settings.learning_rate * group["rate"] * share
        self._seed(number, fabric.global_rank)
        loss, figures = self._model(_Work(batch, number))
        shared = mean(fabric, {"loss": float(loss.detach()), "stop": float(stop), **figures})
        self._check(shared["loss"], "loss")
        self._optimiser.zero_grad(set_to_none=True)
        fabric.backward(loss)
        clipped = fabric.clip_gradients(
            self._model, self._wrapped, max_norm=settings.gradient_clip, error_if_nonfinite=False
        )
        assert clipped is not None
        norm = float(clipped)
        if settings.precision != "16-mixed":  # where an overflow skips the step and lowers the loss's scale
            self._check(norm, "norm of the gradient")
        self._wrapped.step()
        self._average.update_parameters(self._net)
        self._step += 1
        return {**shared, "gradient_norm": norm, "learning_rate": settings.learning_rate * share}

    def _seed(self, *path: int) -> None:
        """Seed torch's generators: what is drawn must not depend on where a training was stopped."""
        chance = np.random.SeedSequence([self._job.seed, self._job.number, *path])
        torch.manual_seed(int(chance.generate_state(1, np.uint64)[0]))

    def _check(self, value: float, name: str) -> None:
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the {name} is {value} at step {self._step + 1} of stage {self._job.settings.title!r};"
                " the last saved state is kept"
            )

    def _result(self) -> GradNet:
        """The averaged network as it would be if the stage ended here."""
        if self._fabric.world_size > 1:
            for buffer in self._average.buffers():  # batch norm's statistics are each process's own
                distributed.broadcast(buffer, 0)
        net = deepcopy(self._average.module)
        assert isinstance(net, GradNet)
        self._job.stage.finish(net)
        return net.eval()

    def _validate(self, journal: Journal) -> None:
        """Score the averaged network, keep it if it is the best so far."""
        validator, settings = self._job.validator, self._job.settings
        if validator is None or settings.validate_every == 0:
            return
        net = self._result()
        score = validator.score(self._fabric, net, self._job.stage)
        journal.scalars(self._step, score.figures, "validation")
        better = self._best is None or score.value > self._best
        shown = "  ".join(f"{name} {value:.4g}" for name, value in score.figures.items())
        journal.say(f"{settings.title} {self._step}: {shown}{'  (best)' if better else ''}")
        if better:
            self._best = score.value
            self._output.save_weights(
                f"best-{settings.title}",
                net,
                stage=settings.title,
                step=self._step,
                validation=dict(score.figures),
            )
        if self._fabric.is_global_zero:
            sample = self._job.collate([self._job.dataset[number] for number in range(4)])
            journal.pictures(self._step, self._job.stage.pictures(net, sample.to(self._fabric.device)))

    def _save(self) -> None:
        """Write the averaged network, then the state from which the training goes on."""
        job, settings = self._job, self._job.settings
        title = settings.title
        self._output.save_weights(f"last-{title}", self._result(), stage=title, step=self._step)
        self._output.save_state(
            StageState(
                job.number,
                self._step,
                settings.batch_size * self._fabric.world_size,
                self._module.state_dict(),
                self._average.state_dict(),
                self._optimiser.state_dict(),
                self._fabric.strategy.precision.state_dict(),
                self._best,
                self._judge,
            )
        )
