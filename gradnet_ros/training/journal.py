"""What a training shows: a progress bar and TensorBoard files."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

INTERVAL = 20
"""Steps over which figures are averaged before they are written."""


class Journal:
    """The record of one stage; only the first process keeps one, the others' is silent.

    Args:
        folder: for TensorBoard's files.
        title: the stage's name.
        first: steps that are done already; what TensorBoard knows of later ones is dropped.
        steps: steps of the stage.
        silent: show and write nothing.
    """

    def __init__(self, folder: Path, title: str, first: int, steps: int, silent: bool) -> None:
        self._silent = silent
        purge = first + 1 if first else 0
        self._writer = None if silent else SummaryWriter(str(folder), purge_step=purge)
        # In a log file a line twice a minute; on a terminal a bar that moves.
        interval = 0.5 if sys.stderr.isatty() else 30.0
        self._bar = tqdm(total=steps, initial=first, desc=title, mininterval=interval, disable=silent)
        self._recent: dict[str, list[float]] = defaultdict(list)
        self._waited, self._since = 0.0, time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._writer is not None:
            self._writer.close()

    def step(self, step: int, figures: Mapping[str, float], waited: float) -> None:
        """Note a step.

        Args:
            step: steps done.
            figures: name -> value.
            waited: seconds that the step waited for its samples.
        """
        self._waited += waited
        for name, value in figures.items():
            self._recent[name].append(value)
        self._bar.update()
        if step % INTERVAL:
            return
        means = {name: sum(values) / len(values) for name, values in self._recent.items()}
        means["waiting_for_data"] = self._waited / max(time.monotonic() - self._since, 1e-9)
        self.scalars(step, means, "train")
        shown = {name: f"{value:.3g}" for name, value in means.items() if name != "waiting_for_data"}
        shown["waiting for data"] = f"{means['waiting_for_data']:.0%}"
        self._bar.set_postfix(shown, refresh=False)
        self._recent.clear()
        self._waited, self._since = 0.0, time.monotonic()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While entered, time does not count as training's: it would spoil rates and shares.

        Not for every step: the progress bar waits anew after it.
        """
        started = time.monotonic()
        yield
        self._since += time.monotonic() - started
        self._bar.unpause()

    def scalars(self, step: int, figures: Mapping[str, float], part: str) -> None:
        """Write figures under ``part/name``."""
        if self._writer is not None:
            for name, value in figures.items():
                self._writer.add_scalar(f"{part}/{name}", value, step)

    def pictures(self, step: int, pictures: Mapping[str, NDArray[np.uint8]]) -> None:
        """Write pictures, HxWx3 RGB."""
        if self._writer is not None:
            for name, picture in pictures.items():
                self._writer.add_image(name, picture, step, dataformats="HWC")

    def say(self, text: str) -> None:
        """Print a line above the progress bar."""
        if not self._silent:
            self._bar.write(text, file=sys.stdout)
            sys.stdout.flush()
