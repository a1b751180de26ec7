"""What the loop asks of a stage: it knows nothing else of GradNet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.training.batch import Batch


@dataclass(frozen=True)
class StepResult:
    """A loss to minimise and figures to show.

    Attributes:
        loss: scalar with a graph, the mean over the batch's groups: the mean over processes of equal batches
            is then the loss of the whole.
        figures: name -> value, detached.
    """

    loss: Tensor
    figures: Mapping[str, float] = field(default_factory=dict)


class Stage(Protocol):
    """One stage of a recipe: what is trained, by which loss."""

    @property
    def name(self) -> str:
        """Name in recipes and file names."""
        ...

    @property
    def auxiliary(self) -> nn.Module | None:
        """Layers that are trained beside the network and thrown away with the stage."""
        ...

    def prepare(self, net: GradNet) -> list[dict[str, object]]:
        """Mark what is trained; called once, before the optimiser is made.

        Returns:
            AdamW's parameter groups, each with ``params`` and optionally ``rate`` (a factor on the learning
            rate) and ``weight_decay``.
        """
        ...

    def set_mode(self, net: GradNet) -> None:
        """Put modules into training or evaluation mode (batch norm)."""
        ...

    def step(self, net: GradNet, batch: Batch, number: int) -> StepResult:
        """The loss of a batch; ``number`` counts the optimiser's steps from 0."""
        ...

    def pictures(self, net: GradNet, batch: Batch) -> dict[str, NDArray[np.uint8]]:
        """Pictures for the log, HxWx3 RGB: score maps and what they were computed from."""
        ...

    def finish(self, net: GradNet) -> None:
        """Complete the network after the last step."""
        ...
