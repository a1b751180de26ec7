"""Fitting the box branch's template to the frame that the target was given in.

The branch was trained on other objects, and of every new one it is wrong by a few percent in its own way. The
first frame tells how: its box is true. So the template moves down the gradient of the branch's own loss over
views of that frame, a step after each of the first frames (ours; the gradient is in closed form, as in
:mod:`gradnet_ros.nn.closed_form`).

What moves is a gain of every channel of the parts, the same at all places, and the two means: 192 numbers.
All 3,264 on their own would soon know the views by heart, and hold less when the target turns
(docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gradnet_ros.nn.box import BoxHead, BoxTemplate
from gradnet_ros.nn.closed_form import Linked, Pullback, box_iou_gradient, chain, vjp
from gradnet_ros.nn.descent import Descent
from gradnet_ros.nn.gradnet import GradNet

STEP = 0.06
"""What a gain, or a number in a mean, moves by in the first step. They are about 0.5 to 1 in size."""

BATCHES = 2
"""A step looks at every second view: half the cost, and two steps have seen all."""

FLOOR = 3e-4
"""Added to a slope's size, a tenth of what is usual."""

_RELU = nn.ReLU()

BoxGradient = tuple[Tensor, Tensor, Tensor]
"""With respect to ``parts``, ``target`` and ``surround`` of a :class:`BoxTemplate`."""


def box_gradient(
    head: BoxHead, features: Tensor, template: BoxTemplate, offsets: Tensor, sizes: Tensor, stride: int
) -> BoxGradient:
    """Gradient of the box branch's loss (GIoU) over views of N targets with respect to their templates.

    In closed form; see :func:`~gradnet_ros.nn.losses.box_iou_loss` for the loss, which is each target's own.

    Args:
        head: the box branch.
        features: (N * V, 64, H, W), :meth:`BoxHead.features` of V views of each target, target by target.
        template: the N targets'.
        offsets: (N * V, 2) target centre minus crop centre, (x, y) in pixels of the search crop.
        sizes: (N * V, 2) w, h of the target, pixels of the search crop.
        stride: pixels a cell.

    Returns:
        (N, P, 64), (N, 64) and (N, 64).
    """
    targets = int(template.size.shape[0])
    views = int(features.shape[0]) // targets

    def of_each_view(part: Tensor) -> Tensor:
        return part[:, None].expand(targets, views, *part.shape[1:]).flatten(0, 1)

    def of_each_target(gradient: Tensor) -> Tensor:
        return gradient.reshape(targets, views, *gradient.shape[1:]).sum(1)

    everywhere = BoxTemplate(*(of_each_view(each) for each in template))
    hidden, into_compared = vjp(_RELU, head.compare(features, everywhere))
    hidden, through_tower = _tower(head, hidden)
    shape = [int(length) for length in hidden.shape]
    unbound, into_hidden = vjp(head.edges, head.cut(hidden))
    ratios = head.bound(unbound).to(template.size.dtype)
    edges = head.edges_from(ratios, everywhere.size)
    # Of the mean over all views, one over each target's own.
    at_edges = targets * box_iou_gradient(edges, offsets, sizes, stride)
    # The logarithm's way back is the distance itself. An answer at its bound does not move.
    at_ratios = torch.where(ratios == unbound, edges * at_edges, 0.0)
    inner = into_hidden(at_ratios)
    rows, columns = ((shape[axis] - int(inner.shape[axis])) // 2 for axis in (2, 3))
    at_hidden = nn.functional.pad(inner, (columns, columns, rows, rows))
    at_compared = into_compared(through_tower(at_hidden))
    at_matches = _through(head.parts, at_compared)
    by_target, by_surround = (features * part for part in _through(head.per_channel, at_compared).chunk(2, 1))
    # As one matrix product a view: places by cells times cells by channels.
    parts = at_matches.flatten(2) @ features.flatten(2).transpose(1, 2) / features.shape[1] ** 0.5
    return (
        of_each_target(parts),
        of_each_target(by_target.sum((2, 3))),
        of_each_target(by_surround.sum((2, 3))),
    )


class BoxFit:
    """A template on its way down the gradient, a step of :class:`~gradnet_ros.nn.descent.Descent` a call.

    Args:
        template: ``parts``, ``target``, ``surround``, ``size`` of a :class:`BoxTemplate`, of N targets that
            are fitted each on its own; kept as they are.
        gradient: batch, template -> gradient over that batch with respect to the template's first three.
        steps: how many there are to be.
    """

    def __init__(
        self,
        template: Sequence[Tensor],
        gradient: Callable[[int, Sequence[Tensor]], Sequence[Tensor]],
        steps: int,
    ) -> None:
        self._template = tuple(each.clone() for each in template)
        self._gradient = gradient
        # Gain of the parts' channels, and what the means move by: each (N, 64), one upon the other.
        self._descent = Descent(torch.cat([self._template[1]] * 3), STEP, FLOOR, steps)

    def step(self) -> tuple[Tensor, ...]:
        """Take one step on the next of the :data:`BATCHES`.

        Returns:
            The template now. If the gradient fails, all stays as it was.
        """
        at_parts, *at_means = self._gradient(self._descent.done % BATCHES, self._now())
        self._descent.step(torch.cat([(at_parts * self._template[0]).sum(1), *at_means]))
        return self._now()

    def apply(self, template: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Move a template as the steps so far have moved the fit's own; gradients pass through it."""
        parts, target, surround, size = template
        gain, by_target, by_surround = self._descent.moved.chunk(3)
        return parts * (1.0 + gain[:, None]), target + by_target, surround + by_surround, size

    def _now(self) -> tuple[Tensor, ...]:
        return self.apply(self._template)


def start_fit(
    net: GradNet,
    crops: Tensor,
    template: Sequence[Tensor],
    offsets: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    steps: int,
) -> BoxFit:
    """Begin to fit a target's template to views of it; each step must be taken without autograd.

    Args:
        net: a network with a box branch.
        crops: (K, 3, X, X) BGR 0-255, search crops.
        template: the target's, N = 1.
        offsets: target centre minus crop centre in each, (x, y) in pixels of the search crop.
        sizes: (w, h) of the target in each, pixels of the search crop.
        steps: how many there are to be.
    """
    head, stride = net.box, net.spec.stride
    assert head is not None
    places, extents = (
        torch.tensor(each, dtype=crops.dtype, device=crops.device) for each in (offsets, sizes)
    )
    features = head.features(net.search.search(crops).levels)

    def gradient(batch: int, now: Sequence[Tensor]) -> BoxGradient:
        part = slice(batch, None, BATCHES)
        return box_gradient(head, features[part], BoxTemplate(*now), places[part], extents[part], stride)

    return BoxFit(template, gradient, steps)


def _tower(head: BoxHead, hidden: Tensor) -> Linked:
    """The dilated convolutions, each added to what goes in."""
    pullbacks: list[Pullback] = []
    for convolution, norm in zip(head.tower, head.norms, strict=True):
        link = chain([convolution, norm, _RELU], hidden)
        hidden = hidden + link.output
        pullbacks.append(link.pullback)

    def pullback(gradient: Tensor) -> Tensor:
        for back in reversed(pullbacks):
            gradient = gradient + back(gradient)
        return gradient

    return Linked(hidden, pullback)


def _through(convolution: nn.Conv2d, gradient: Tensor) -> Tensor:
    """Back through a convolution of one cell."""
    return nn.functional.conv2d(gradient, convolution.weight.transpose(0, 1))
