"""Convolutions with fewer multiplications: Winograd's minimal filtering, along the rows.

A convolution of ``r`` rows makes ``m`` rows of its output out of ``m + r - 1`` rows of its input, and takes
``m r`` products for each of its columns and channels. Seen as polynomials, rows and kernel can be evaluated
at ``m + r - 1`` points, multiplied there, and read back (Winograd, Arithmetic Complexity of Computations,
1980; Lavin and Gray, CVPR 2016): ``m + r - 1`` products, of sums of rows. Along the rows alone the products
are convolutions again, one row high, which a library computes at its full speed, and what surrounds them are
sums of whole rows. Along both axes there would be fewer products yet, but more to move: it is no faster.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TypeAlias, TypeGuard

import numpy as np
import torch
from numpy.polynomial import polynomial
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gradnet_ros.nn.fold import fold_norms
from gradnet_ros.nn.gradnet import GradNet

_Matrix: TypeAlias = NDArray[np.float64]

_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Where the polynomials are evaluated; infinity is one more. Small powers of two: rounding hardly grows."""
_TILE = len(_POINTS) + 1
"""Rows of the input that are transformed together."""
_MIN_CHANNELS = 32
"""Of a group: with fewer the sums around the products take longer than the products saved."""


def with_fewer_products(net: GradNet) -> GradNet:
    """The network for inference, its search trunk's convolutions replaced where that is faster.

    What is replaced are convolutions in an ``nn.Sequential`` of three to six rows, stride and dilation 1, no
    padding and enough channels; all batch norms behind convolutions become part of them. Its answers differ
    from the network's by what float32 rounds.

    Args:
        net: the network, in ``eval`` mode; it is left as it is.

    Returns:
        A copy, or ``net`` itself where there is nothing to replace.
    """
    if not any(_pays(layer) for _, _, layer in _layers(net.search)):
        return net
    fast = copy.deepcopy(net)
    fold_norms(fast.search)
    for row, index, layer in _layers(fast.search):
        if _pays(layer):
            row[index] = RowWinograd(layer)
    return fast.requires_grad_(False)


def _layers(trunk: nn.Module) -> list[tuple[nn.Sequential, int, nn.Module]]:
    """Layers in a row, each with its row and its place there."""
    rows = [module for module in trunk.modules() if isinstance(module, nn.Sequential)]
    return [(row, index, layer) for row in rows for index, layer in enumerate(row)]


def _pays(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    return (
        isinstance(layer, nn.Conv2d)
        and 3 <= layer.kernel_size[0] <= _TILE - 2
        and layer.stride == layer.dilation == (1, 1)
        and layer.padding == (0, 0)
        and layer.in_channels // layer.groups >= _MIN_CHANNELS
    )


class RowWinograd(nn.Module):
    """A convolution, its products of rows made by Winograd's minimal filtering.

    Args:
        conv: stride and dilation 1, no padding, fewer rows than :data:`_TILE`.
    """

    kernels: Tensor
    bias: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self._rows = conv.kernel_size[0]
        self._step = _TILE - self._rows + 1
        self._groups = conv.groups
        self._back, of_kernel, self._into = _transforms(self._step, self._rows)
        kernels = torch.einsum("tr,oirc->toic", torch.from_numpy(of_kernel), conv.weight.double())
        self.register_buffer("kernels", kernels.float()[..., None, :].contiguous())
        bias = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias.detach()
        self.register_buffer("bias", bias[:, None, None].clone())

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, H', W'), what the convolution makes of them."""
        count = images.shape[0]
        depth, height, width = (int(length) for length in images.shape[1:])
        high = height - self._rows + 1
        tiles = -(-high // self._step)
        # Around the products everything is done on whole rows of all channels: each lies in one piece.
        rows = images.permute(0, 2, 3, 1).reshape(-1, width * depth)
        first = torch.arange(tiles) * self._step
        # A row t of every tile. The last tile may reach beyond the image; what it makes there is dropped.
        of_tile = (first + torch.arange(_TILE)[:, None]).clamp(max=height - 1)
        of_image = torch.arange(count)[:, None]
        tiled = rows[(of_image * height + of_tile[:, None]).flatten()].reshape(_TILE, -1, width * depth)
        products = [
            functional.conv2d(
                part.reshape(count, tiles, width, depth).permute(0, 3, 1, 2), kernel, groups=self._groups
            )
            for part, kernel in zip(_combine(self._into, tiled.unbind()), self.kernels, strict=True)
        ]
        deep, wide = (int(products[0].shape[axis]) for axis in (1, 3))
        found = [product.permute(0, 2, 3, 1).reshape(-1, wide * deep) for product in products]
        made = torch.cat(_combine(self._back, found))  # row s of every tile of every image
        row = torch.arange(high)
        order = (row % self._step * count + of_image) * tiles + row // self._step
        return made[order.flatten()].reshape(count, high, wide, deep).permute(0, 3, 1, 2) + self.bias


def _combine(weights: _Matrix, parts: Sequence[Tensor]) -> list[Tensor]:
    """A weighted sum of the parts for each row of the matrix."""
    sums = []
    for row in weights:
        total: Tensor | None = None
        for weight, part in zip(row, parts, strict=True):
            if weight == 0:
                continue
            if total is None:
                total = part if weight == 1 else part * float(weight)
            elif abs(weight) == 1:  # a multiplication less
                total = total + part if weight > 0 else total - part
            else:
                total = total + part * float(weight)
        assert total is not None
        sums.append(total)
    return sums


def _transforms(step: int, rows: int) -> tuple[_Matrix, _Matrix, _Matrix]:
    """The matrices A^T, G and B^T of Lavin and Gray: y = A^T ((G g) * (B^T d)), d * g without padding.

    Multiplication of polynomials, out of its values at :data:`_POINTS` and its leading coefficient, has B as
    the inverse of evaluation; filtering is that map transposed.

    Args:
        step: rows that come out, m.
        rows: those of the kernel, r.

    Returns:
        (m, t), (t, r), (t, t); t is :data:`_TILE` = m + r - 1. All but G are exact in floating point.
    """
    points = np.array(_POINTS)
    others = [np.delete(points, index) for index in range(len(points))]
    spans = np.array([np.prod(point - rest) for point, rest in zip(points, others, strict=True)])

    def evaluate(length: int) -> _Matrix:
        return np.vstack([points[:, None] ** np.arange(length), np.eye(length)[-1]])

    of_kernel = evaluate(rows)
    of_kernel[:-1] /= spans[:, None]
    lagrange = [np.append(polynomial.polyfromroots(rest), 0.0) for rest in others]
    return evaluate(step).T, of_kernel, np.array([*lagrange, polynomial.polyfromroots(points)])
