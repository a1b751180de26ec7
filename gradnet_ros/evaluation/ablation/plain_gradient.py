"""Plain gradient descent on the template: what GradNet's single learned step is held against."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gradnet_ros.nn.closed_form import logistic_loss_gradient, template_gradient
from gradnet_ros.nn.gradnet import GradNet


class PlainGradientTemplate:
    """``beta <- beta - step dL/dbeta``, several times an update (what the paper's table 1 counts for SiamFC).

    An :class:`~gradnet_ros.tracking.template.AdaptiveTemplate`: the loss, the sample and the running mean are
    those of :class:`~gradnet_ros.tracking.template.GradientGuidedTemplate`, but what moves is the template
    itself, nothing is learned, and nothing holds it near the exemplar's.

    The loss is convex in the template. Its curvature has a bound (:func:`curvature_bound`), and a step of one
    over it, ``factor`` 1, is sure to lower the loss, whatever the size of the features. On a frame that the
    template explains the curvature is far below the bound, so larger factors may be faster.

    Args:
        net: the network.
        f2: (1, stem_channels, h, w) the exemplar's feature; the template starts at U1(f2).
        steps: steps an update, at least 0: then the template never moves.
        factor: step size over one over the bound, above 0.

    Raises:
        ValueError: ``steps`` or ``factor`` is outside its bound.
    """

    def __init__(self, net: GradNet, f2: Tensor, steps: int, factor: float) -> None:
        if steps < 0:
            raise ValueError(f"steps must be at least 0, got {steps}")
        if not factor > 0:
            raise ValueError(f"factor must be above 0, got {factor}")
        self._net, self._steps, self._factor = net, steps, factor
        self._first = self._running = net.template(f2)
        self._taught = False

    @property
    def kernel(self) -> Tensor | None:
        """(1, channels, t, t); ``None`` before the first update."""
        return self._running if self._taught else None

    def teach(self, features: Tensor, labels: Tensor, rate: float, from_first: bool) -> None:
        """``steps`` steps on one frame; see :class:`~gradnet_ros.tracking.template.AdaptiveTemplate`."""
        net = self._net
        beta = self._first if from_first else self._running
        gain = net.adjust_scale if net.spec.cosine else torch.ones_like(net.adjust_scale)
        step = self._factor * gain / curvature_bound(features, gain, net.spec.template_size)
        for _ in range(self._steps):
            errors = logistic_loss_gradient(net.gradnet_logits(features, beta), labels)
            beta = beta - step * template_gradient(features, errors)
        self._running, self._taught = torch.lerp(self._running, beta, rate), True


def curvature_bound(features: Tensor, gain: Tensor, template_size: int) -> Tensor:
    """Upper bound of the balanced logistic loss's curvature in the template.

    The Hessian is ``gain^2 sum_i w_i s_i (1 - s_i) p_i p_i^T`` over the cells i of the response: p_i the
    patch of features that makes the cell's score, w_i weights that sum to at most one, s_i in [0, 1]. So no
    eigenvalue exceeds a quarter of the squared gain times the longest patch's squared length. The loss of
    several samples is a sum, and so is their bound.

    Args:
        features: (k, channels, h, w) search features.
        gain: scalar, logit over correlation.
        template_size: side of the template, cells.

    Returns:
        A scalar.
    """
    energy = features.square().sum(1, keepdim=True)
    patches = functional.avg_pool2d(energy, template_size, stride=1, divisor_override=1)
    return 0.25 * gain.square() * patches.amax((1, 2, 3)).sum()
