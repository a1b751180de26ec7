"""The adaptive template: a running target feature that gradient-guided steps move."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from gradnet_ros.nn.closed_form import Linked
from gradnet_ros.nn.gradnet import GradNet


class AdaptiveTemplate(Protocol):
    """A template that learns from frames in which the target was found."""

    @property
    def kernel(self) -> Tensor | None:
        """(1, channels, t, t), to correlate search features with; ``None`` before the first step."""
        ...

    def teach(self, features: Tensor, labels: Tensor, rate: float, from_first: bool) -> None:
        """Learn from k frames at once; if the network fails, the template stays as it was.

        Args:
            features: (k, channels, h, w) search features of the frames.
            labels: (k, 1, r, r) of +1 and -1: where the target is in each.
            rate: share of the new in the running feature.
            from_first: start the step from the exemplar's feature instead of the running one.
        """
        ...


class GradientGuidedTemplate:
    """The paper's: ``hid <- (1 - rate) hid + rate h2``, ``beta* = U1(hid)`` (section 3.4, equations 2-5).

    Args:
        net: the network.
        f2: (1, stem_channels, h, w) the exemplar's feature f2(Z).
    """

    def __init__(self, net: GradNet, f2: Tensor) -> None:
        self._net, self._f2 = net, f2
        # A feature is kept with its template and the template's way back: the next step starts from there.
        self._running: tuple[Tensor, Linked] | None = None
        self._kernel: Tensor | None = None

    @cached_property
    def _first(self) -> tuple[Tensor, Linked]:
        """Made at the first step: with the gradient branch off there is none."""
        return self._f2, self._net.linked_template(self._f2)

    @property
    def kernel(self) -> Tensor | None:
        """beta*, (1, channels, t, t); ``None`` before the first step."""
        return self._kernel

    def teach(self, features: Tensor, labels: Tensor, rate: float, from_first: bool) -> None:
        """One gradient-guided step; see :class:`AdaptiveTemplate`."""
        running = self._running or self._first
        start, template = self._first if from_first else running
        step = self._net.update_feature(start, template, features, labels)
        hidden = torch.lerp(running[0], step.h2, rate)
        linked = self._net.linked_template(hidden)
        # With a shared U1 (all but the ablation) the updated template is there already.
        shared = self._net.updated_head is None
        kernel = linked.output if shared else self._net.updated_template(hidden)
        self._running, self._kernel = (hidden, linked), kernel
