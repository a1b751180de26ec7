"""One tracker over the sequences of an ablation, measured once and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from gradnet_ros.evaluation.ablation.plain_gradient import PlainGradientTemplate
from gradnet_ros.evaluation.ablation.training import file_hash, short_hash
from gradnet_ros.evaluation.runner import run_tracker
from gradnet_ros.evaluation.scores import score_sequence
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.evaluation.trackers.gradnet import GradNetTracker
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.device import select_device
from gradnet_ros.tracking.template import AdaptiveTemplate, GradientGuidedTemplate
from gradnet_ros.tracking.tracker import Tracker
from gradnet_ros.training.files import write_whole
from gradnet_ros.training.provenance import git_commit


@dataclass(frozen=True)
class PlainSteps:
    """Plain gradient descent; see :class:`.plain_gradient.PlainGradientTemplate`."""

    steps: int
    factor: float

    def __str__(self) -> str:
        return f"plain-{self.steps}-x{self.factor:g}"


@dataclass(frozen=True)
class Run:
    """A tracker to measure.

    Attributes:
        name: in file names and on the screen.
        network: ``lite`` or ``alexnet``.
        weights: checkpoint.
        config: every setting.
        plain: plain gradient descent instead of the gradient-guided step.
    """

    name: str
    network: str
    weights: Path
    config: TrackerConfig
    plain: PlainSteps | None = None


@dataclass(frozen=True)
class Measured:
    """A tracker on one sequence.

    Attributes:
        auc: OTB success.
        precision: OTB precision at 20 pixels.
        update_ms: milliseconds of every template update but the one on the first frame.
        commit: the code that measured it.
    """

    auc: float
    precision: float
    update_ms: tuple[float, ...]
    commit: str | None


class Evaluations:
    """Measures trackers, and keeps what was measured.

    A sequence's figures lie in ``<name>-<hash>/<sequence>.json``; the hash stands for weights, settings,
    template and device, and the file says for which frames and truth it holds. It does not stand for the
    code: each file carries the commit that measured it.

    Args:
        folder: where figures are kept.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        say: is told what came of each sequence.
    """

    def __init__(self, folder: Path, device: str, say: Callable[[str], None]) -> None:
        self._folder, self._device, self._say = folder, select_device(device), say
        self._commit = git_commit()

    def measure(self, run: Run, sequences: Iterable[Sequence]) -> dict[str, Measured]:
        """The figures of a tracker, sequence by sequence; only those that are missing are measured."""
        what = {
            "network": run.network,
            "weights": file_hash(run.weights),
            "settings": asdict(run.config),
            "plain": None if run.plain is None else asdict(run.plain),
            "device": self._device.type,
        }
        folder = self._folder / f"{run.name}-{short_hash(what)}"
        found: dict[str, Measured] = {}
        tracker: _TimedTracker | None = None
        for sequence in sequences:
            path, truth = folder / f"{sequence.name}.json", _truth_hash(sequence)
            measured = _read(path, truth)
            if measured is None:
                tracker = tracker or _TimedTracker(run, self._device)
                measured = tracker.measure(sequence, self._commit)
                folder.mkdir(parents=True, exist_ok=True)
                _write(path, {"truth": truth, **asdict(measured), **what})
                self._say(
                    f"{run.name}: {sequence.name} AUC {measured.auc:.3f}, {len(measured.update_ms)} updates"
                )
            found[sequence.name] = measured
        return found


class _TimedTracker:
    """A tracker whose template updates are timed."""

    def __init__(self, run: Run, device: torch.device) -> None:
        make: Callable[[GradNet, Tensor], AdaptiveTemplate] = GradientGuidedTemplate
        if run.plain is not None:
            make = partial(PlainGradientTemplate, steps=run.plain.steps, factor=run.plain.factor)
        self._seconds: list[float] = []
        tracker = Tracker(
            run.network,
            str(device),
            run.weights,
            run.config,
            start_template=lambda net, f2: _TimedTemplate(make(net, f2), self._seconds),
        )
        self._tracker = GradNetTracker(tracker)

    def measure(self, sequence: Sequence, commit: str | None) -> Measured:
        self._seconds.clear()
        found = score_sequence(run_tracker(self._tracker, sequence), sequence).scores
        update_ms = tuple(round(1e3 * seconds, 3) for seconds in self._seconds[1:])
        return Measured(found.auc, found.precision, update_ms, commit)


class _TimedTemplate:
    """An adaptive template that notes how long each update took."""

    def __init__(self, template: AdaptiveTemplate, seconds: list[float]) -> None:
        self._template, self._seconds = template, seconds

    @property
    def kernel(self) -> Tensor | None:
        return self._template.kernel

    def teach(self, features: Tensor, labels: Tensor, rate: float, from_first: bool) -> None:
        _wait(features.device)
        start = perf_counter()
        self._template.teach(features, labels, rate, from_first)
        _wait(features.device)
        self._seconds.append(perf_counter() - start)


def _wait(device: torch.device) -> None:
    """A GPU works on while the clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _truth_hash(sequence: Sequence) -> str:
    """Stands for the truth, and so for the number of frames."""
    return hashlib.sha256(sequence.truth.tobytes()).hexdigest()


def _read(path: Path, truth: str) -> Measured | None:
    """What was measured for this truth; ``None`` if nothing was.

    Raises:
        ValueError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["truth"] != truth:
            return None
        return Measured(values["auc"], values["precision"], tuple(values["update_ms"]), values["commit"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not the figures of a sequence; delete it to measure again") from error


def _write(path: Path, values: dict[str, Any]) -> None:
    def write(part: Path) -> None:
        part.write_text(json.dumps(values, indent=1), encoding="utf-8")

    write_whole(path, write)
