"""Scores of a network in training: on tracked sequences, or on samples that are held out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.utils.data import Dataset

from gradnet_ros.evaluation.frame_cache import CachedSequence, FrameCache, cached
from gradnet_ros.evaluation.runner import run_tracker
from gradnet_ros.evaluation.scores import Scores, score_sequence
from gradnet_ros.evaluation.sequences import read_folder
from gradnet_ros.evaluation.trackers.gradnet import GradNetTracker
from gradnet_ros.nn.checkpoint import save_network
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.tracker import Tracker
from gradnet_ros.training.processes import gather
from gradnet_ros.training.stages.stage import Stage

HELD_OUT = 2**40
"""Number of the first held-out sample: training does not come this far."""


@dataclass(frozen=True)
class Score:
    """How good a network is.

    Attributes:
        value: what the best network is chosen by; more is better.
        figures: name -> value, to show.
    """

    value: float
    figures: Mapping[str, float]


class Validator(Protocol):
    """Scores networks; called by all processes together, with the same network.

    Attributes:
        title: what it scores on: scores of two titles cannot be compared.
    """

    title: str

    def score(self, fabric: Fabric, net: GradNet, stage: Stage) -> Score:
        """Score a network.

        Args:
            fabric: the processes; they share the work.
            net: the network, in evaluation mode.
            stage: the stage in training.
        """
        ...


class HeldOutSamples:
    """The stage's loss on a fixed set of samples that training does not draw.

    They are other draws from the same pictures: the score tells learning from not learning, not how well the
    network does on new objects. Sequences do.

    Args:
        dataset: the stage's samples.
        collate: samples -> batch.
        samples: how many.
        batch_size: samples a batch and process; they are shared out as in training.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        collate: Callable[[Sequence[Any]], Any],
        samples: int,
        batch_size: int,
    ) -> None:
        self.title = f"loss on {samples} held-out samples"
        self._dataset, self._collate, self._batch_size = dataset, collate, batch_size
        self._numbers = range(HELD_OUT, HELD_OUT + samples)
        self._batches: dict[int, Any] = {}

    def score(self, fabric: Fabric, net: GradNet, stage: Stage) -> Score:
        """Minus the mean loss; see :class:`Validator`."""
        found: list[tuple[int, float, Mapping[str, float]]] = []
        size, together = self._batch_size, self._batch_size * fabric.world_size
        for place, start in enumerate(range(0, len(self._numbers), together)):
            first = start + fabric.global_rank * size
            numbers = self._numbers[first : first + size]
            if not numbers:
                continue
            if place not in self._batches:
                self._batches[place] = self._collate([self._dataset[number] for number in numbers])
            with fabric.autocast():
                result = stage.step(net, self._batches[place].to(fabric.device), place)
            found.append((len(numbers), float(result.loss.detach()), result.figures))
        totals: dict[str, list[float]] = {}
        for count, loss, figures in gather(fabric, found):
            for name, value in {"loss": loss, **figures}.items():
                weighed = totals.setdefault(name, [0.0, 0.0])
                weighed[0] += count * value
                weighed[1] += count
        means = {name: total / count for name, (total, count) in totals.items()}
        return Score(-means["loss"], means)


class TrackedSequences:
    """OTB success (AUC) of the tracker with the network, with and without the gradient update.

    Args:
        folder: sequences, in the layout of :func:`gradnet_ros.evaluation.sequences.read_folder`.
        by_update: choose the best network by the AUC with the update, otherwise by the one without.
        tracker: settings of ``TrackerConfig``.
        only: names of the sequences to use; empty uses all.
        frames: frames of each sequence at most; 0 uses all.

    Raises:
        FileNotFoundError: no sequence in the folder.
        ValueError: a name that the folder does not have, or fewer than two frames.
    """

    def __init__(
        self,
        folder: Path,
        by_update: bool,
        tracker: Mapping[str, object] | None = None,
        only: Sequence[str] = (),
        frames: int = 0,
    ) -> None:
        if frames != 0 and frames < 2:
            raise ValueError(
                f"the frames of a validation sequence must be 0 (all) or at least 2, got {frames}"
            )
        sequences = read_folder(folder)
        unknown = sorted(set(only) - {sequence.name for sequence in sequences})
        if unknown:
            raise ValueError(f"no sequence {', '.join(unknown)} in {folder}")
        self.sequences = [
            cached(each, FrameCache(0), frames) for each in sequences if not only or each.name in only
        ]
        self._by_update, self._settings = by_update, dict(tracker or {})
        names = ", ".join(sequence.name for sequence in self.sequences)
        self.title = f"AUC on {f'the first {frames} frames' if frames else 'all frames'} of {names}"

    @torch.no_grad()
    def score(self, fabric: Fabric, net: GradNet, stage: Stage) -> Score:
        """The mean AUC over the sequences; see :class:`Validator`."""
        device = str(fabric.device)
        found: list[tuple[float, float, float, float]] = []
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / "net.safetensors"
            save_network(weights, net)
            tracker = Tracker(net.spec.name, device, weights, self._settings)
        evaluated, with_update = GradNetTracker(tracker), tracker.config
        without = with_update.with_overrides({"update_interval": 0})

        def play(sequence: CachedSequence, config: TrackerConfig) -> Scores:
            tracker.configure(config)
            return score_sequence(run_tracker(evaluated, sequence), sequence).scores

        for sequence in self.sequences[fabric.global_rank :: fabric.world_size]:
            on, off = play(sequence, with_update), play(sequence, without)
            found.append((on.auc, on.precision, off.auc, off.precision))
        means = np.mean(gather(fabric, found), axis=0).tolist()
        names = ("auc_with_update", "precision_with_update", "auc_without_update", "precision_without_update")
        figures = dict(zip(names, means, strict=True))
        return Score(figures["auc_with_update" if self._by_update else "auc_without_update"], figures)
