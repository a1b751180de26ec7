"""The inner gradient dL/df2(Z) in closed form (the gradient of paper equation 3, which U2 reads).

What can be differentiated returns its output together with its *pullback*: a function that takes the loss's
gradient with respect to the output to the one with respect to the input. Pullbacks are made of ordinary
differentiable operations, so training goes through them (second order), and tracking needs no autograd.

The layers' own ``forward`` makes every output; :func:`vjp` only adds the way back. A new kind of layer or
head says how it goes back by registering a function made of the pieces here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce, singledispatch
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradnet_ros.nn.lite import DEPTHS, LiteHead
from gradnet_ros.nn.losses import class_weights, edge_distances, inner_cells
from gradnet_ros.nn.trunk import Trunk

Pullback: TypeAlias = Callable[[Tensor], Tensor]
"""dL/d output -> dL/d input."""


class Linked(NamedTuple):
    """An output and the way back to its input.

    Attributes:
        output: what the layer makes of its input.
        pullback: takes a gradient with respect to ``output`` (same shape) to one with respect to the input.
    """

    output: Tensor
    pullback: Pullback


_SOFTPLUS_LINEAR = 20.0
"""From here on PyTorch's softplus, which the loss is made of, is its asymptote."""


# --- the way back from the loss to the template ---


def logistic_loss_gradient(scores: Tensor, labels: Tensor) -> Tensor:
    """Gradient of :func:`~gradnet_ros.nn.losses.logistic_loss` with respect to the scores (paper equation 1).

    Args:
        scores: (N, 1, h, w) logits.
        labels: (N, 1, h, w) of +1 and -1.

    Returns:
        (N, 1, h, w), the error map: -y w sigmoid(-y s), w the weight of the label's class.
    """
    labels = labels.to(scores.dtype)
    margin = -labels * scores
    slope = torch.where(margin > _SOFTPLUS_LINEAR, 1.0, torch.sigmoid(margin))
    return -labels * class_weights(labels) * slope


def box_iou_gradient(edges: Tensor, offsets: Tensor, sizes: Tensor, stride: int) -> Tensor:
    """Gradient of :func:`~gradnet_ros.nn.losses.box_iou_loss` with respect to the edges' distances.

    Every target must reach at least one cell of its map; arguments as for the loss.

    Returns:
        (N, 4, h, w): 1 - GIoU = 2 - I/U - U/C, where I is what both boxes share, U their union, C their hull.
    """
    true = edge_distances(offsets, sizes, int(edges.shape[-1]), stride).to(edges.dtype)
    shorter, longer = torch.minimum(edges, true), torch.maximum(edges, true)

    def sides(distances: Tensor) -> Tensor:
        """(N, 4, h, w) -> (N, 2, h, w): left and right, top and bottom."""
        return distances[:, :2] + distances[:, 2:]

    def other(lengths: Tensor) -> Tensor:
        """What an edge's move is multiplied by to be an area: the box's other side."""
        return torch.cat([lengths.flip(1), lengths.flip(1)], 1)

    own, shared, hull = sides(edges), sides(shorter).clamp(min=0.0), sides(longer)
    common, around = shared.prod(1, keepdim=True), hull.prod(1, keepdim=True)
    union = own.prod(1, keepdim=True) + (sizes[:, :1] * sizes[:, 1:])[..., None, None] - common
    overlapping = torch.cat([shared, shared], 1) > 0
    by_common = torch.where((edges < true) & overlapping, other(shared), 0.0)
    by_union = other(own) - by_common
    by_hull = torch.where(edges > true, other(hull), 0.0)
    by_iou = (by_common - by_union * common / union) / union
    by_rest = (by_union - by_hull * union / around) / around
    weights = inner_cells(offsets, sizes, int(edges.shape[-1]), stride).to(edges.dtype)
    weights = weights / weights.sum((1, 2), keepdim=True).clamp(min=1.0) / int(edges.shape[0])
    return -weights[:, None] * (by_iou + by_rest)


def template_gradient(features: Tensor, errors: Tensor) -> Tensor:
    """Backward of the cross-correlation: the error maps, correlated with the search features.

    Args:
        features: (k, C, H, W) search features that one template was correlated with.
        errors: (k, 1, h, w) gradient with respect to the scores.

    Returns:
        (1, C, H - h + 1, W - w + 1) gradient with respect to the template, summed over the k regions.
    """
    # Plain numbers, so that an exported graph knows the size of what comes out.
    count, channels, height, width = (int(length) for length in features.shape)
    # One group a channel: on a CPU several times as fast as the same sums with the regions as channels.
    maps = errors.repeat_interleave(channels, 0)
    grouped = functional.conv2d(
        features.reshape(1, count * channels, height, width), maps, groups=count * channels
    )
    template_size = (int(length) for length in grouped.shape[-2:])
    return grouped.view(count, channels, *template_size).sum(0, keepdim=True)


def template_vjp(trunk: Trunk, h2: Tensor) -> Linked:
    """U1 with its way back: the head and the cut of the template.

    Args:
        trunk: the target's trunk.
        h2: (N, stem_channels, h, w) target feature.

    Returns:
        (N, channels, t, t) template, as ``trunk.template(trunk.head(h2))``, and its pullback to ``h2``.
    """
    features, back = vjp(trunk.head, h2)
    template = trunk.template(features)
    # A cut is the centre with a weight for every cell, so what it makes of ones is the weights.
    weights = trunk.template(torch.ones_like(features[:, :1]))
    size = trunk.spec.template_size
    shape = [int(length) for length in features.shape]  # plain numbers, see template_gradient
    rows, columns = (side - size for side in shape[-2:])  # beyond the cut
    top, left = rows // 2, columns // 2

    def pullback(gradient: Tensor) -> Tensor:
        around = functional.pad(gradient * weights, (left, columns - left, top, rows - top))
        # Laid out in memory as the features are: layers are slow on a mixture.
        return back(torch.zeros_like(features) + around.view(shape))

    return Linked(template, pullback)


# --- layers ---


@singledispatch
def vjp(module: nn.Module, inputs: Tensor) -> Linked:
    """Run a layer and keep the way back (vector-Jacobian product).

    Args:
        module: a layer or head of a registered kind.
        inputs: (N, C, h, w).

    Returns:
        ``module(inputs)`` and its pullback.

    Raises:
        TypeError: nobody registered how this kind of layer goes back.
    """
    raise TypeError(f"no closed-form gradient for layers of type {type(module).__name__}")


def chain(modules: Iterable[nn.Module], inputs: Tensor) -> Linked:
    """Layers one after the other; back through them in the opposite order."""
    pullbacks: list[Pullback] = []
    for module in modules:
        inputs, back = vjp(module, inputs)
        pullbacks.append(back)

    def pullback(gradient: Tensor) -> Tensor:
        for back in reversed(pullbacks):
            gradient = back(gradient)
        return gradient

    return Linked(inputs, pullback)


def normalise(inputs: Tensor) -> Linked:
    """``functional.normalize(inputs, dim=1)``; back: what lies across the unit vector, over the length."""
    length: Tensor = torch.linalg.vector_norm(inputs, dim=1, keepdim=True).clamp_min(1e-12)
    unit = inputs / length

    def pullback(gradient: Tensor) -> Tensor:
        along = (gradient * unit).sum(1, keepdim=True)
        return (gradient - along * unit) / length

    return Linked(unit, pullback)


@vjp.register
def _sequential(module: nn.Sequential, inputs: Tensor) -> Linked:
    return chain(module, inputs)


@vjp.register
def _relu(module: nn.ReLU, inputs: Tensor) -> Linked:
    output = module(inputs)

    def pullback(gradient: Tensor) -> Tensor:
        # PyTorch's kernel for "the gradient where 0 < output": one pass, where a mask takes three.
        masked: Tensor = torch.ops.aten.threshold_backward(gradient, output, 0.0)
        return masked

    return Linked(output, pullback)


@vjp.register
def _convolution(module: nn.Conv2d, inputs: Tensor) -> Linked:
    """Back: the transposed convolution."""
    padding = module.padding
    if isinstance(padding, str) or module.padding_mode != "zeros":
        raise TypeError(
            f"no closed-form gradient for a convolution padded by {module.padding_mode}, {padding!r}"
        )
    stride, dilation, kernel = module.stride, module.dilation, module.kernel_size
    reach = [dilation[axis] * (kernel[axis] - 1) for axis in range(2)]
    margins = [reach[axis] - padding[axis] for axis in range(2)]

    # With a stride, inputs of several sizes have an output of one size: what is left over of this one.
    rest = [(inputs.shape[axis - 2] - margins[axis] + padding[axis] - 1) % stride[axis] for axis in range(2)]

    def pullback(gradient: Tensor) -> Tensor:
        return functional.conv_transpose2d(
            gradient, module.weight, None, stride, padding, rest, module.groups, dilation
        )

    def swapped_pullback(gradient: Tensor) -> Tensor:
        # The same for kernels of one cell, where there is nothing to transpose but the weight.
        return functional.conv2d(gradient, module.weight.transpose(0, 1))

    def turned_pullback(gradient: Tensor) -> Tensor:
        # The same as a convolution with the kernels turned by half a circle: where something is added to a
        # transposed one, OpenVINO 2026.4 computes the sum wrongly.
        turned = module.weight.flip(2, 3).transpose(0, 1)
        return functional.conv2d(gradient, turned, None, 1, margins, dilation)

    if max(stride) == module.groups == 1:
        if module.kernel_size == (1, 1) and not any(padding):
            return Linked(module(inputs), swapped_pullback)
        if min(margins) >= 0:
            return Linked(module(inputs), turned_pullback)
    return Linked(module(inputs), pullback)


@vjp.register
def _batch_norm(module: nn.BatchNorm2d, inputs: Tensor) -> Linked:
    """Back: a factor a channel in evaluation; in training through the batch's own mean and variance too."""
    output = module(inputs)
    dims = (0, 2, 3)
    variance = None if module.training else module.running_var
    if variance is not None:
        scale = _channelwise(module, torch.rsqrt(variance + module.eps))
        return Linked(output, lambda gradient: gradient * scale)
    batch_variance, mean = torch.var_mean(inputs, dims, correction=0, keepdim=True)
    inverse = torch.rsqrt(batch_variance + module.eps)
    unit = (inputs - mean) * inverse
    batch_scale = _channelwise(module, inverse)

    def pullback(gradient: Tensor) -> Tensor:
        along = (gradient * unit).mean(dims, keepdim=True)
        return batch_scale * (gradient - gradient.mean(dims, keepdim=True) - along * unit)

    return Linked(output, pullback)


@vjp.register
def _group_norm(module: nn.GroupNorm, inputs: Tensor) -> Linked:
    """Back: through each group's own mean and variance."""
    shape = [int(length) for length in inputs.shape]  # plain numbers, see template_gradient
    grouped = [shape[0], module.num_groups, shape[1] // module.num_groups, *shape[2:]]
    dims = (2, 3, 4)
    groups = inputs.view(grouped)
    variance, mean = torch.var_mean(groups, dims, correction=0, keepdim=True)
    inverse = torch.rsqrt(variance + module.eps)
    unit = (groups - mean) * inverse
    weight = module.weight.view(1, -1, 1, 1)

    def pullback(gradient: Tensor) -> Tensor:
        scaled = (gradient * weight).view(grouped)
        along = (scaled * unit).mean(dims, keepdim=True)
        back = inverse * (scaled - scaled.mean(dims, keepdim=True) - along * unit)
        return back.view(shape)

    return Linked(module(inputs), pullback)


def _channelwise(module: nn.BatchNorm2d, inverse: Tensor) -> Tensor:
    """Learned weight over deviation, one factor a channel; ``inverse`` is one over the deviation."""
    factors = inverse.flatten() if module.weight is None else module.weight * inverse.flatten()
    return factors.view(1, -1, 1, 1)


# --- the parts of the lite head ---


@vjp.register
def _lite_head(module: LiteHead, inputs: Tensor) -> Linked:
    depths = torch.split_with_sizes(inputs, DEPTHS, 1)
    levels = [_level(neck, depth) for neck, depth in zip(module.necks, depths, strict=True)]
    output, total_pullback = normalise(reduce(torch.add, (level.output for level in levels)))

    def pullback(gradient: Tensor) -> Tensor:
        at_total = total_pullback(gradient)
        return torch.cat([level.pullback(at_total) for level in levels], 1)

    return Linked(output, pullback)


def _level(neck: nn.Module, inputs: Tensor) -> Linked:
    """One depth of the neck: unit length, then its projection."""
    unit, unit_pullback = normalise(inputs)
    output, neck_pullback = vjp(neck, unit)
    return Linked(output, lambda gradient: unit_pullback(neck_pullback(gradient)))
