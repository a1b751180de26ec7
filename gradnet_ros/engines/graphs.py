"""The network's work as a few functions of tensors, for engines and users that run it outside PyTorch.

Together they are all that tracking needs: ``exemplar`` once a target, ``search`` once a frame, after it
``compare`` where sizes are compared, ``step`` once a template update, and ``lesson`` for every frame but
one that an update learns from; where the template is fitted to the first frame ``template_views`` twice a
target, and with a box branch ``box_views`` twice a target and ``box_lesson`` once a step of fitting it. All
gradients are in closed form, so nothing here asks for autograd.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from gradnet_ros.nn.box import BoxTemplate
from gradnet_ros.nn.box_fit import BATCHES, box_gradient
from gradnet_ros.nn.correlation import cross_correlate_all, template_cosines
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.losses import centre_labels
from gradnet_ros.nn.template_fit import channel_scores
from gradnet_ros.tracking.rehearsal import VIEWS

BATCH = len(VIEWS) // BATCHES
"""Views of the first frame that one step of fitting a box template looks at."""

BOX_TEMPLATE = tuple(f"box_{name}" for name in BoxTemplate._fields)
"""Names of the tensors that the box branch keeps of an exemplar."""


class Graph(nn.Module, ABC):
    """A function of named tensors.

    Args:
        net: the network; its U1 is shared by both templates.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    free: dict[str, tuple[int, str]]
    """Inputs and outputs with an axis of any length: which axis, and what it is called."""

    def __init__(self, net: GradNet) -> None:
        super().__init__()
        self._net = net
        self.free = {}

    @abstractmethod
    def example(self) -> tuple[Tensor, ...]:
        """Inputs of the right shapes and types."""


class ExemplarGraph(Graph):
    """Reads the target.

    ``crop`` (1, Z, Z, 3) uint8 BGR; with a box branch ``size`` (1, 2) float32, w and h of the target in
    pixels of the crop. Out come ``fixed`` and ``beta`` (1, C, t, t), ``f2`` (1, c, h, w), and what the box
    branch keeps.
    """

    def __init__(self, net: GradNet) -> None:
        super().__init__(net)
        boxes = net.box is not None
        self.inputs = ("crop", "size") if boxes else ("crop",)
        self.outputs = ("fixed", "f2", "beta", *(BOX_TEMPLATE if boxes else ()))

    def example(self) -> tuple[Tensor, ...]:
        """A grey crop with a target of a third of its side."""
        side = self._net.spec.exemplar_size
        crop = torch.full((1, side, side, 3), 127, dtype=torch.uint8)
        size = torch.full((1, 2), side / 3)
        return (crop, size)[: len(self.inputs)]

    def forward(self, crop: Tensor, size: Tensor | None = None) -> tuple[Tensor, ...]:
        """See the class."""
        net = self._net
        pixels = crop.permute(0, 3, 1, 2).float()
        features, levels = net.search.search(pixels)
        f2 = net.target_features(pixels)
        box: tuple[Tensor, ...] = ()
        if size is not None:
            assert net.box is not None
            box = net.box.template(levels, size)
        return (net.search.template(features), f2, net.template(f2), *box)


class SearchGraph(Graph):
    """Searches one place.

    ``crops`` (S, X, X, 3) uint8 BGR, ``fixed`` and ``kernel`` (1, C, t, t), with boxes (S is 1 then) what
    ``exemplar`` kept for them. Out come ``features`` (S, C, H, W), ``fixed_scores`` and ``adaptive_scores``
    (S, 1, r, r), and with boxes ``edges`` (1, 4, r, r), pixels of the crop.

    Args:
        net: the network.
        boxes: whether the box branch is part of it.
        narrow: whether X is ``narrow_size`` instead of ``search_size``.
    """

    def __init__(self, net: GradNet, boxes: bool, narrow: bool = False) -> None:
        super().__init__(net)
        self._boxes = boxes
        self._side = net.spec.narrow_size if narrow else net.spec.search_size
        of_all_crops = ("crops", "features", "fixed_scores", "adaptive_scores")
        self.free = {} if boxes else {name: (0, "S") for name in of_all_crops}
        self.inputs = ("crops", "fixed", "kernel", *(BOX_TEMPLATE if boxes else ()))
        self.outputs = ("features", "fixed_scores", "adaptive_scores", *(("edges",) if boxes else ()))

    def example(self) -> tuple[Tensor, ...]:
        """A grey crop, and what an exemplar graph makes of one."""
        net, side = self._net, self._side
        fixed, _, beta, *box = ExemplarGraph(net)(*ExemplarGraph(net).example())
        crops = torch.full((1, side, side, 3), 127, dtype=torch.uint8)
        return (crops, fixed, beta, *(box if self._boxes else ()))

    def forward(self, crops: Tensor, fixed: Tensor, kernel: Tensor, *box: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        net = self._net
        features, levels = net.search.search(crops.permute(0, 3, 1, 2).float())
        scores = cross_correlate_all(features, torch.cat([fixed, kernel]))
        by_fixed, by_kernel = scores[:, :1], scores[:, 1:]
        if self._boxes:
            assert net.box is not None
            return features, by_fixed, by_kernel, net.box(levels, BoxTemplate(*box))
        return features, by_fixed, by_kernel


class CompareGraph(Graph):
    """Compares what lies at a target's place with its exemplar.

    ``cuts`` (S, Z, Z, 3) uint8 BGR, made like the exemplar, and ``fixed`` (1, C, t, t). Out come
    ``cosines`` (S,), of the fixed template with one made of each.
    """

    inputs = ("cuts", "fixed")
    outputs = ("cosines",)

    def __init__(self, net: GradNet) -> None:
        super().__init__(net)
        self.free = {name: (0, "S") for name in ("cuts", "cosines")}

    def example(self) -> tuple[Tensor, ...]:
        """Three grey crops."""
        fixed, *_ = ExemplarGraph(self._net)(*ExemplarGraph(self._net).example())
        side = self._net.spec.exemplar_size
        return torch.full((3, side, side, 3), 127, dtype=torch.uint8), fixed

    def forward(self, cuts: Tensor, fixed: Tensor) -> Tensor:
        """See the class."""
        search = self._net.search
        return template_cosines(search.template(search(cuts.permute(0, 3, 1, 2).float())), fixed)


class LessonGraph(Graph):
    """What one frame says against a template.

    ``features`` (1, C, H, W) as ``search`` gave them, ``offset`` (1, 2) x, y of the target from the middle of
    the search crop in its pixels, ``beta`` (1, C, t, t) the template before the step. Out comes ``gradient``
    (1, C, t, t) = dL/dbeta; those of several frames are added up.
    """

    inputs = ("features", "offset", "beta")
    outputs = ("gradient",)

    def example(self) -> tuple[Tensor, ...]:
        """A flat feature map."""
        spec = self._net.spec
        side = spec.response_size + spec.template_size - 1
        return (
            torch.full((1, spec.channels, side, side), 0.1),
            torch.zeros(1, 2),
            torch.full((1, spec.channels, spec.template_size, spec.template_size), 0.1),
        )

    def forward(self, features: Tensor, offset: Tensor, beta: Tensor) -> Tensor:
        """See the class."""
        spec = self._net.spec
        labels = centre_labels(offset, spec.response_size, spec.stride)
        return self._net.template_gradient(features, self._net.gradnet_logits(features, beta), labels)


class StepGraph(Graph):
    """Learns from a frame, the lessons of others beside it: a gradient-guided step (paper equations 2-5).

    ``start`` (1, c, h, w) the feature that is moved, ``hidden`` the running one, ``features`` and ``offset``
    as for :class:`LessonGraph`, ``others`` (1, C, t, t) the sum of other frames' lessons on U1(start), zeros
    for none, ``rate`` (1,). Out come ``new_hidden`` and ``new_beta`` = U1(new_hidden).
    """

    inputs = ("start", "hidden", "features", "offset", "others", "rate")
    outputs = ("new_hidden", "new_beta")

    def __init__(self, net: GradNet) -> None:
        super().__init__(net)
        self._lesson = LessonGraph(net)

    def example(self) -> tuple[Tensor, ...]:
        """The feature of a grey exemplar, a flat frame and a flat gradient."""
        _, f2, beta, *_ = ExemplarGraph(self._net)(*ExemplarGraph(self._net).example())
        features, offset, _ = self._lesson.example()
        return f2, f2.clone(), features, offset, torch.full_like(beta, 1e-3), torch.tensor([0.5])

    def forward(
        self, start: Tensor, hidden: Tensor, features: Tensor, offset: Tensor, others: Tensor, rate: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See the class."""
        net, template = self._net, self._net.linked_template(start)
        gradient = others + self._lesson(features, offset, template.output)
        h2 = net.step(start, template.pullback(gradient))
        new_hidden = hidden + rate * (h2 - hidden)
        return new_hidden, net.template(new_hidden)


class TemplateViewsGraph(Graph):
    """What every channel of the fixed template says of views of the first frame.

    ``views`` (K, X, X, 3) uint8 BGR, a half of them (:data:`BATCH`), and ``fixed`` (1, C, t, t). Out comes
    ``channel_scores`` (K, C, r, r), for :func:`~gradnet_ros.nn.template_fit.fit_gains`.
    """

    inputs = ("views", "fixed")
    outputs = ("channel_scores",)

    def example(self) -> tuple[Tensor, ...]:
        """Grey crops, and what an exemplar graph makes of one."""
        fixed, *_ = ExemplarGraph(self._net)(*ExemplarGraph(self._net).example())
        return _grey_views(self._net), fixed

    def forward(self, views: Tensor, fixed: Tensor) -> Tensor:
        """See the class."""
        return channel_scores(self._net.search_features(views.permute(0, 3, 1, 2).float()), fixed)


class BoxViewsGraph(Graph):
    """Reads views of the first frame for :class:`BoxLessonGraph`.

    ``views`` (K, X, X, 3) uint8 BGR, as many as a step looks at (:data:`BATCH`). Out comes
    ``view_features`` (K, c, h, w).
    """

    inputs = ("views",)
    outputs = ("view_features",)

    def example(self) -> tuple[Tensor, ...]:
        """Grey crops."""
        return (_grey_views(self._net),)

    def forward(self, views: Tensor) -> Tensor:
        """See the class."""
        net = self._net
        assert net.box is not None
        return net.box.features(net.search.search(views.permute(0, 3, 1, 2).float()).levels)


class BoxLessonGraph(Graph):
    """What views of the first frame say against a box template.

    ``view_features`` as :class:`BoxViewsGraph` gave them, ``view_offsets`` and ``view_sizes`` (K, 2) x, y of
    the target from the middle of each view and its w, h, pixels of the view, and the template. Out comes the
    gradient of the branch's error with respect to its parts, target and surround.
    """

    inputs = ("view_features", "view_offsets", "view_sizes", *BOX_TEMPLATE)
    outputs = tuple(f"{name}_gradient" for name in BOX_TEMPLATE[:3])

    def example(self) -> tuple[Tensor, ...]:
        """Grey views with a target in the middle."""
        net = self._net
        *_, parts, target, surround, size = ExemplarGraph(net)(*ExemplarGraph(net).example())
        views = BoxViewsGraph(net)
        places = torch.zeros(BATCH, 2), size.expand(BATCH, 2).clone()
        return views(*views.example()), *places, parts, target, surround, size

    def forward(self, features: Tensor, offsets: Tensor, sizes: Tensor, *box: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        net = self._net
        assert net.box is not None
        return box_gradient(net.box, features, BoxTemplate(*box), offsets, sizes, net.spec.stride)


def _grey_views(net: GradNet) -> Tensor:
    side = net.spec.search_size
    return torch.full((BATCH, side, side, 3), 127, dtype=torch.uint8)


def make_graphs(net: GradNet, searching: GradNet | None = None) -> dict[str, Graph]:
    """All graphs of a network by name.

    ``exemplar``, ``search``, ``compare``, ``lesson``, ``step`` and ``template_views``; with a box branch
    ``search_boxes``, ``box_views`` and ``box_lesson`` too.

    Args:
        net: the network.
        searching: what the graphs that search and compare are made of, where that is a faster form of it.

    Raises:
        ValueError: a network whose U1 is not shared by both templates (it is for comparisons).
    """
    if net.updated_head is not None:
        raise ValueError("a network with a U1 of its own for the updated template runs in engine torch only")
    searching = net if searching is None else searching
    graphs: dict[str, Graph] = {
        "exemplar": ExemplarGraph(net),
        "search": SearchGraph(searching, boxes=False),
        "compare": CompareGraph(searching),
        "lesson": LessonGraph(net),
        "step": StepGraph(net),
        "template_views": TemplateViewsGraph(searching),
    }
    if net.box is not None:
        graphs["search_boxes"] = SearchGraph(searching, boxes=True)
        graphs["box_views"] = BoxViewsGraph(net)
        graphs["box_lesson"] = BoxLessonGraph(net)
    return graphs


def make_narrow_graphs(searching: GradNet) -> dict[str, Graph]:
    """What searches narrow crops, by name: ``search_narrow``, and with a box branch ``search_boxes_narrow``.

    Args:
        searching: see :func:`make_graphs`.
    """
    graphs: dict[str, Graph] = {"search_narrow": SearchGraph(searching, boxes=False, narrow=True)}
    if searching.box is not None:
        graphs["search_boxes_narrow"] = SearchGraph(searching, boxes=True, narrow=True)
    return graphs
