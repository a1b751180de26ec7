"""Gradient descent on a few numbers of one target: steps of Adam that shrink to none."""

from __future__ import annotations

import torch
from torch import Tensor

_MEMORY = 0.9, 0.999
"""How much of the gradient's mean, and of its square's, stays from step to step."""


class Descent:
    """Numbers on their way down a gradient, from zero.

    Adam (Kingma and Ba, 2015) is written out: the one of ``torch.optim`` brings in the compiler, which takes
    seconds, and a target would be lost in them.

    Attributes:
        moved: where the numbers are.
        done: steps so far.

    Args:
        like: a tensor of the numbers' shape, type and device.
        rate: what a number moves by at most in the first step.
        floor: added to a slope's size: numbers with smaller slopes move by less. The last digits of those, in
            which engines differ, would else decide where they go.
        steps: how many there are to be; each is shorter than the one before, down to none at all.
    """

    def __init__(self, like: Tensor, rate: float, floor: float, steps: int) -> None:
        self.moved, self.done = torch.zeros_like(like), 0
        self._mean, self._square = torch.zeros_like(like), torch.zeros_like(like)
        self._rate, self._floor, self._steps = rate, floor, steps

    def step(self, slope: Tensor) -> None:
        """Move down a slope."""
        self._mean = torch.lerp(slope, self._mean, _MEMORY[0])
        self._square = torch.lerp(slope.square(), self._square, _MEMORY[1])
        rate = self._rate * max(0.0, 1.0 - self.done / self._steps)
        self.done += 1
        mean, square = (
            each / (1.0 - memory**self.done)
            for each, memory in zip((self._mean, self._square), _MEMORY, strict=True)
        )
        self.moved = self.moved - rate * mean / (square.sqrt() + self._floor)
