"""The training loop: batches in, steps, a moving average of the weights, checkpoints out."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from gradnet_ros.nn.checkpoint import save_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.pairs import Batch, PairConfig, PairSampler, collate
from gradnet_ros.training.shards import ShardIndex
from gradnet_ros.training.stages import StepResult


@dataclass(frozen=True)
class LoopConfig:
    """Settings of one stage.

    Attributes:
        stage: ``base`` or ``update``.
        steps: optimiser steps.
        batch_size: pairs a step.
        learning_rate: peak of a cosine schedule with a short warm-up.
        weight_decay: AdamW's, on weights of convolutions.
        gradient_clip: largest norm of the gradient.
        ema_decay: moving average of the weights; the average is what is saved.
        workers: processes that decode and augment.
        bfloat16: autocast to bfloat16.
        save_every: steps between two checkpoints.
        seed: of weights, pairs and augmentation.
    """

    stage: str
    steps: int
    batch_size: int = 16
    learning_rate: float = 3e-4
    weight_decay: float = 1e-4
    gradient_clip: float = 5.0
    ema_decay: float = 0.998
    workers: int = 1
    bfloat16: bool = True
    save_every: int = 500
    seed: int = 0


def train(
    net: GradNet,
    parameters: list[dict[str, object]],
    index: ShardIndex,
    step: Callable[[GradNet, Batch], StepResult],
    config: LoopConfig,
    output: Path,
    pairs: PairConfig | None = None,
) -> GradNet:
    """Train and return the averaged network; ``output`` holds it too, rewritten every ``save_every`` steps.

    Args:
        net: the network, changed in place.
        parameters: AdamW parameter groups, each with ``params`` and optionally ``rate`` (a factor on the
            learning rate).
        index: training pictures.
        step: loss of a batch.
        config: settings.
        output: checkpoint to write.
        pairs: how pairs are drawn.

    Raises:
        FloatingPointError: the loss is not finite.
    """
    torch.manual_seed(config.seed)
    sampler = PairSampler(index, net.spec, pairs or PairConfig(), config.seed)
    loader = DataLoader(
        sampler,
        config.batch_size,
        collate_fn=collate,
        num_workers=config.workers,
        prefetch_factor=4 if config.workers else None,
    )
    groups = [{**group, "rate": group.get("rate", 1.0), "lr": 0.0} for group in parameters]
    optimiser = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    trained = [p for group in optimiser.param_groups for p in group["params"]]
    average = deepcopy(net)
    figures: dict[str, list[float]] = defaultdict(list)
    waited, started = 0.0, time.monotonic()
    batches = iter(loader)
    progress = tqdm(range(config.steps), desc=config.stage, mininterval=10.0)
    for number in progress:
        asked = time.monotonic()
        batch = next(batches)
        waited += time.monotonic() - asked
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * group["rate"] * schedule(number, config.steps)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            result = step(net, batch)
        if not torch.isfinite(result.loss):
            raise FloatingPointError(f"the loss is {result.loss.item()} at step {number}")
        optimiser.zero_grad(set_to_none=True)
        result.loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, config.gradient_clip)
        optimiser.step()
        update_average(average, net, min(config.ema_decay, (1 + number) / (10 + number)))
        figures["loss"].append(float(result.loss.detach()))
        for name, value in result.figures.items():
            figures[name].append(value)
        if (number + 1) % 50 == 0:
            recent = {name: sum(values[-50:]) / 50 for name, values in figures.items()}
            shown = " ".join(f"{name} {value:.3g}" for name, value in recent.items())
            share = waited / (time.monotonic() - started)
            progress.write(f"{config.stage} {number + 1}: {shown} waiting for data {share:.0%}")
        if (number + 1) % config.save_every == 0 or number + 1 == config.steps:
            save_network(output, average, training={**asdict(config), "step": number + 1})
    return average


def schedule(step: int, steps: int) -> float:
    """Linear warm-up over the first 2 %, then a cosine to 1 % of the peak."""
    warmup = max(1, steps // 50)
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Move ``average`` toward ``net``: ``average <- decay * average + (1 - decay) * net``."""
    for kept, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1.0 - decay)
        else:
            kept.copy_(new)
