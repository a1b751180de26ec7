"""PyTorch, operation by operation: the engine that needs nothing else, and the reference for the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradnet_ros.engines.batching import by_kind
from gradnet_ros.engines.crop_buffer import CropBuffer
from gradnet_ros.engines.protocol import Answer, Look, Offsets, Query, Region, View
from gradnet_ros.nn.box import BoxTemplate
from gradnet_ros.nn.box_fit import BoxFit, start_fit
from gradnet_ros.nn.correlation import cross_correlate, template_cosines
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.losses import centre_labels
from gradnet_ros.nn.template_fit import fit_template
from gradnet_ros.nn.trunk import TrunkSpec
from gradnet_ros.tracking.crops import Image
from gradnet_ros.tracking.template import AdaptiveTemplate, GradientGuidedTemplate

StartTemplate = Callable[[GradNet, Tensor], AdaptiveTemplate]
"""Makes an adaptive template from the network and f2(Z)."""


@dataclass
class _State:
    border: tuple[float, ...]
    fixed: Tensor
    adaptive: AdaptiveTemplate
    box: BoxTemplate | None
    fit: BoxFit | None = None


class TorchEngine:
    """See :class:`~gradnet_ros.engines.protocol.Engine`.

    Args:
        net: the network; it is taken over and moved to the device.
        device: where it runs.
        start_template: makes the adaptive template; others than the paper's are for comparisons.
    """

    name = "torch"
    detail = "float32"

    def __init__(
        self, net: GradNet, device: torch.device, start_template: StartTemplate = GradientGuidedTemplate
    ) -> None:
        self.device = device
        self._net = net.requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._start_template = start_template
        self.spec: TrunkSpec = net.spec
        self.has_boxes = net.box is not None
        # Read once: on a GPU every read would wait for the device.
        self.adjust = (float(net.adjust_scale), float(net.adjust_bias))
        self._exemplar = CropBuffer(self.spec.exemplar_size, pinned=device.type == "cuda")
        self._crops = {
            pixels: CropBuffer(pixels, pinned=device.type == "cuda")
            for pixels in (self.spec.search_size, self.spec.narrow_size)
        }

    @torch.no_grad()
    def start(
        self, image: Image, region: Region, size: tuple[float, float], border: tuple[float, ...]
    ) -> _State:
        """Read a target; see :meth:`Engine.start <gradnet_ros.engines.protocol.Engine.start>`."""
        net = self._net
        crop = self._to_device(self._exemplar.cut(image, [(region, border)]))
        (features, levels), f2 = net.search.search(crop), net.target_features(crop)
        box = None
        if net.box is not None:
            in_crop = torch.tensor([size], device=self.device) * (self.spec.exemplar_size / region.sides[0])
            box = net.box.template(levels, in_crop)
        return _State(border, net.search.template(features), self._start_template(net, f2), box)

    @torch.no_grad()
    def fit_template(self, state: _State, image: Image, views: Sequence[View], steps: int) -> None:
        """See :meth:`Engine.fit_template <gradnet_ros.engines.protocol.Engine.fit_template>`."""
        crops = self._cut_views(state, image, views)
        state.fixed = fit_template(self._net, crops, state.fixed, [view.offset for view in views], steps)

    @torch.no_grad()
    def rehearse(self, state: _State, image: Image, views: Sequence[View], steps: int) -> None:
        """See :meth:`Engine.rehearse <gradnet_ros.engines.protocol.Engine.rehearse>`."""
        assert state.box is not None
        crops = self._cut_views(state, image, views)
        offsets, sizes = [view.offset for view in views], [view.size for view in views]
        state.fit = start_fit(self._net, crops, state.box, offsets, sizes, steps)

    @torch.no_grad()
    def fit_boxes(self, state: _State) -> None:
        """See :meth:`Engine.fit_boxes <gradnet_ros.engines.protocol.Engine.fit_boxes>`."""
        assert state.fit is not None
        state.box = BoxTemplate(*state.fit.step())

    def forget_views(self, state: _State) -> None:
        """See :meth:`Engine.forget_views <gradnet_ros.engines.protocol.Engine.forget_views>`."""
        state.fit = None

    @torch.no_grad()
    def search(self, image: Image, queries: Sequence[Query]) -> list[Answer]:
        """Search a picture; see :meth:`Engine.search <gradnet_ros.engines.protocol.Engine.search>`.

        Crops of one size go through the network together.
        """
        return by_kind(queries, [query.pixels for query in queries], partial(self._search_alike, image))

    def _search_alike(self, image: Image, queries: Sequence[Query]) -> list[Answer]:
        buffer = self._crops[queries[0].pixels]
        crops = buffer.cut(image, [(query.region, query.state.border) for query in queries])
        features, levels = self._net.search.search(self._to_device(crops))
        counts = [len(query.region.sides) for query in queries]
        parts = zip(
            queries,
            features.split(counts),
            zip(*(level.split(counts) for level in levels), strict=True) if levels else ((),) * len(counts),
            strict=True,
        )
        return [self._answer(query, own, tuple(own_levels)) for query, own, own_levels in parts]

    @torch.no_grad()
    def compare(self, image: Image, looks: Sequence[Look]) -> list[NDArray[np.float32]]:
        """See :meth:`Engine.compare <gradnet_ros.engines.protocol.Engine.compare>`."""
        crops = self._exemplar.cut(image, [(look.region, look.state.border) for look in looks])
        search, counts = self._net.search, [len(look.region.sides) for look in looks]
        there = search.template(search.search(self._to_device(crops)).features)
        fixed = torch.cat(
            [look.state.fixed.expand(count, -1, -1, -1) for look, count in zip(looks, counts, strict=True)]
        )
        cosines: NDArray[np.float32] = template_cosines(there, fixed).cpu().numpy()
        return np.split(cosines, np.cumsum(counts)[:-1])

    def keep(self, features: Tensor, scale: int) -> Tensor:
        """Copy one scale's features: (S, C, h, w) -> (1, C, h, w)."""
        return features[scale : scale + 1].detach().clone(memory_format=torch.preserve_format)

    @torch.no_grad()
    def teach(
        self, state: _State, samples: Sequence[Tensor], offsets: Offsets, rate: float, from_first: bool
    ) -> None:
        """Take a step; see :meth:`Engine.teach <gradnet_ros.engines.protocol.Engine.teach>`."""
        features = samples[0] if len(samples) == 1 else torch.cat(list(samples))
        labels = centre_labels(
            torch.from_numpy(offsets).to(self.device), self.spec.response_size, self.spec.stride
        )
        state.adaptive.teach(features, labels, rate, from_first)

    def _answer(self, query: Query, features: Tensor, levels: tuple[Tensor, ...]) -> Answer:
        state: _State = query.state
        fixed = cross_correlate(features, state.fixed)
        adaptive = None
        kernel = state.adaptive.kernel
        if kernel is not None and query.adaptive:
            middle = features.shape[0] // 2
            adaptive = cross_correlate(features[middle : middle + 1], kernel)[0, 0].cpu().numpy()
        edges = None
        if query.boxes:
            assert self._net.box is not None
            assert state.box is not None
            edges = self._net.box(levels, state.box)[0].cpu().numpy()
        return Answer(fixed[:, 0].cpu().numpy(), adaptive, edges, features)

    def _cut_views(self, state: _State, image: Image, views: Sequence[View]) -> Tensor:
        whole = self._crops[self.spec.search_size]
        return self._to_device(whole.cut(image, [(view.region, state.border) for view in views]))

    def _to_device(self, crops: Tensor) -> Tensor:
        """(N, S, S, 3) uint8 on the host -> (N, 3, S, S) float32 on the device."""
        if self.device.type == "cuda":
            crops = crops.to(self.device, non_blocking=True)
        return crops.permute(0, 3, 1, 2).float()
