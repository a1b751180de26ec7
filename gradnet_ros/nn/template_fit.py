"""Fitting the fixed template to the frame that the target was given in.

Of the template's channels some tell this target from what is around it, and some answer to everything. The
first frame says which: there the target's place is known. So a gain of every channel moves down the gradient
of the logistic loss over views of that frame (ours).

With the gains alone the score is linear in what moves: a channel's share of the score is computed once, and a
step is two products of a matrix with a vector.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from gradnet_ros.nn.closed_form import logistic_loss_gradient
from gradnet_ros.nn.descent import Descent
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.losses import centre_labels

RATE = 0.15
"""Furthest that a gain moves in the first step."""

FLOOR = 1e-5
"""Added to a slope's size, a tenth or less of what is usual."""


def channel_scores(features: Tensor, template: Tensor) -> Tensor:
    """What every channel adds to the score; summed over the channels it is the cross-correlation.

    Args:
        features: (K, C, H, W) search features.
        template: (1, C, t, t).

    Returns:
        (K, C, H - t + 1, W - t + 1).
    """
    return functional.conv2d(features, template.transpose(0, 1), groups=template.shape[1])


def fit_gains(
    scores: Tensor,
    offsets: Sequence[tuple[float, float]],
    stride: int,
    adjust: tuple[float, float],
    steps: int,
) -> Tensor:
    """Gains of a template's channels with which it finds the target in views of it.

    Args:
        scores: (K, C, r, r), :func:`channel_scores` of the views.
        offsets: target centre minus crop centre in each, (x, y) in pixels of the search crop.
        stride: pixels a cell.
        adjust: scale and bias that make a logit of a score.
        steps: how many are taken.

    Returns:
        (1, C, 1, 1); about 1.
    """
    views, channels, cells, _ = scores.shape
    places = torch.tensor(offsets, dtype=scores.dtype, device=scores.device)
    labels = centre_labels(places, cells, stride)
    rows = scores.permute(0, 2, 3, 1).reshape(-1, channels)
    scale, bias = adjust
    descent = Descent(rows[0], RATE, FLOOR, steps)
    for _ in range(steps):
        logits = scale * (rows @ (1.0 + descent.moved)) + bias
        errors = logistic_loss_gradient(logits.view_as(labels), labels) * (scale / views)
        descent.step(errors.flatten() @ rows)
    return (1.0 + descent.moved).view(1, channels, 1, 1)


def fit_template(
    net: GradNet, crops: Tensor, template: Tensor, offsets: Sequence[tuple[float, float]], steps: int
) -> Tensor:
    """The fixed template with gains that fit it to views of its target; without autograd.

    Args:
        net: the network.
        crops: (K, 3, X, X) BGR 0-255, search crops.
        template: (1, C, t, t).
        offsets: as for :func:`fit_gains`.
        steps: how many are taken.

    Returns:
        (1, C, t, t).
    """
    scores = channel_scores(net.search_features(crops), template)
    adjust = float(net.adjust_scale), float(net.adjust_bias)
    return template * fit_gains(scores, offsets, net.spec.stride, adjust, steps)
