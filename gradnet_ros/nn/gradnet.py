"""GradNet: a Siamese network whose template the gradient of its own loss corrects (paper section 3)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from gradnet_ros.nn import alexnet, lite
from gradnet_ros.nn.box import BoxHead
from gradnet_ros.nn.closed_form import Linked, logistic_loss_gradient, template_gradient, template_vjp
from gradnet_ros.nn.correlation import cross_correlate
from gradnet_ros.nn.losses import logistic_loss
from gradnet_ros.nn.trunk import Trunk, TrunkSpec

_BUILDERS: dict[str, tuple[Callable[[], Trunk], Callable[[], nn.Module]]] = {
    "alexnet": (alexnet.build_trunk, alexnet.build_gradient_encoder),
    "lite": (lite.build_trunk, lite.build_gradient_encoder),
}
NETWORKS = tuple(sorted(_BUILDERS))
"""Names that :class:`GradNet` knows."""


InnerGradient = Literal["autograd", "closed_form"]
INNER_GRADIENTS = get_args(InnerGradient)
"""Ways to take the inner gradient that :meth:`GradNet.update_template` knows."""


class FeatureUpdate(NamedTuple):
    """A gradient-guided step up to the feature; attributes as in :class:`TemplateUpdate`."""

    h2: Tensor
    gradient: Tensor
    loss: Tensor


class TemplateUpdate(NamedTuple):
    """The outcome of one gradient-guided step.

    Attributes:
        h2: (1, stem_channels, h, w) updated target feature, paper equation 4.
        beta: (1, channels, t, t) updated template beta* = U1(h2), paper equation 5.
        gradient: (1, stem_channels, h, w) the inner gradient dL/df2(Z), before U2 and unscaled.
        loss: scalar, the loss of the template before the update.
    """

    h2: Tensor
    beta: Tensor
    gradient: Tensor
    loss: Tensor


class GradNet(nn.Module):
    """The search trunk f_x, the target's stem f2 and head U1, the gradient encoder U2, and the adjustment.

    Args:
        network: ``alexnet`` (the paper's) or ``lite``.

    Raises:
        ValueError: an unknown network.
    """

    gradient_scale: Tensor

    def __init__(self, network: str = "lite") -> None:
        super().__init__()
        if network not in _BUILDERS:
            raise ValueError(f"network must be one of {', '.join(NETWORKS)}, got {network!r}")
        build_trunk, build_encoder = _BUILDERS[network]
        self.search = build_trunk()  # f_x
        self.target = build_trunk()  # stem = f2, head = U1: the same layers, weights of their own
        self.updated_head: Trunk | None = None  # U1 of the updated template, where it is not shared
        self.encoder = build_encoder()  # U2
        self.box: BoxHead | None = lite.build_box_head() if network == "lite" else None
        # SiamFC's 1x1 "adjust" layer: raw correlations become logits. Official code; stage 1.
        self.adjust_scale = nn.Parameter(torch.tensor(20.0 if self.spec.cosine else 1e-3))
        self.adjust_bias = nn.Parameter(torch.tensor(-8.0 if self.spec.cosine else 0.0))
        # What U2 multiplies the gradient by (paper).
        self.register_buffer("gradient_scale", torch.tensor(1e4))

    @property
    def spec(self) -> TrunkSpec:
        """Geometry of crops, features and responses."""
        return self.search.spec

    def search_features(self, images: Tensor) -> Tensor:
        """f_x(X): (N, 3, H, W) BGR 0-255 -> (N, channels, h, w)."""
        features: Tensor = self.search(images)
        return features

    def fixed_template(self, exemplars: Tensor) -> Tensor:
        """The SiamFC template f_x(Z): (N, 3, H, W) BGR 0-255 -> (N, channels, t, t)."""
        return self.search.template(self.search(exemplars))

    def target_features(self, exemplars: Tensor) -> Tensor:
        """f2(Z): (N, 3, H, W) BGR 0-255 -> (N, stem_channels, h, w)."""
        return self.target.target_features(exemplars)

    def template(self, h2: Tensor) -> Tensor:
        """U1: beta = U1(f2(Z)); (N, stem_channels, h, w) -> (N, channels, t, t)."""
        return self.target.template(self.target.head(h2))

    def updated_template(self, h2: Tensor) -> Tensor:
        """The updated template beta* = U1(h2), as :meth:`template` unless U1 is not shared."""
        trunk = self.target if self.updated_head is None else self.updated_head
        return trunk.template(trunk.head(h2))

    def unshare_head(self) -> None:
        """Give the updated template a head and cut of its own: beta* = U1'(h2), U1' a copy of U1 at first.

        For the paper's ablation; the gradient still comes from beta = U1(f2(Z)).
        """
        self.updated_head = deepcopy(self.target)
        self.updated_head.stem = nn.Identity()

    def adjust(self, scores: Tensor) -> Tensor:
        """Raw correlations to logits (SiamFC's adjust layer)."""
        return self.adjust_scale * scores + self.adjust_bias

    def gradnet_logits(self, features: Tensor, beta: Tensor) -> Tensor:
        """S = beta (*) f_x(X) as the GradNet loss sees it.

        The paper's S has neither scale nor bias. A cosine (``lite``) lies in [-1, 1], where the logistic
        loss is blind: it goes through the adjust layer.

        Args:
            features: (N, channels, H, W) search features.
            beta: (1 or N, channels, t, t).

        Returns:
            (N, 1, h, w).
        """
        scores = cross_correlate(features, beta)
        return self.adjust(scores) if self.spec.cosine else scores

    def linked_template(self, h2: Tensor) -> Linked:
        """:meth:`template` with its way back in closed form, for :meth:`update_feature`."""
        return template_vjp(self.target, h2)

    def update_feature(self, f2: Tensor, template: Linked, features: Tensor, labels: Tensor) -> FeatureUpdate:
        """One gradient-guided step up to h2 (paper equations 2-4), the inner gradient in closed form.

        Differentiable where autograd records, and free of autograd where it does not.

        Args:
            f2: (1, stem_channels, h, w) target feature f2(Z), or the running one.
            template: ``linked_template(f2)``; a tracker has it from its last step.
            features: as for :meth:`update_template`.
            labels: as for :meth:`update_template`.
        """
        logits = self.gradnet_logits(features, template.output)
        gradient = template.pullback(self.template_gradient(features, logits, labels))
        return FeatureUpdate(self.step(f2, gradient), gradient, logistic_loss(logits, labels))

    def template_gradient(self, features: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """dL/dbeta in closed form, summed over the k regions.

        Args:
            features: (k, channels, H, W) search features.
            logits: (k, 1, h, w), :meth:`gradnet_logits` of them.
            labels: (k, 1, h, w) of +1 and -1.

        Returns:
            (1, channels, t, t).
        """
        errors = logistic_loss_gradient(logits, labels)
        if self.spec.cosine:
            errors = self.adjust_scale * errors
        return template_gradient(features, errors)

    def step(self, f2: Tensor, gradient: Tensor) -> Tensor:
        """h2 = f2(Z) + U2(g) (paper equation 4); all (1, stem_channels, h, w)."""
        h2: Tensor = f2 + self.encoder(self.gradient_scale * gradient)
        return h2

    def update_template(
        self,
        f2: Tensor,
        features: Tensor,
        labels: Tensor,
        create_graph: bool = False,
        gradient: InnerGradient = "closed_form",
    ) -> TemplateUpdate:
        """One gradient-guided step (paper equations 2-5).

        Args:
            f2: (1, stem_channels, h, w) target feature f2(Z), or the running one.
            features: (k, channels, H, W) search features; k = 1 when tracking, the batch's k regions in
                training (template generalization: the inner gradient is the sum over the k maps).
            labels: (k, 1, h, w) of +1 and -1.
            create_graph: keep the graph of the gradient, for training through it (second order).
            gradient: how the inner gradient is taken. Both give the same; ``autograd`` is the reference.

        Returns:
            The updated feature and template, the gradient and the loss before the update.

        Raises:
            ValueError: an unknown ``gradient``.
        """
        if gradient not in INNER_GRADIENTS:
            raise ValueError(f"gradient must be one of {', '.join(INNER_GRADIENTS)}, got {gradient!r}")
        if gradient == "closed_form":
            with nullcontext() if create_graph else torch.no_grad():
                step = self.update_feature(f2, self.linked_template(f2), features, labels)
        else:
            step = self._update_by_autograd(f2, features, labels, create_graph)
        return TemplateUpdate(step.h2, self.updated_template(step.h2), step.gradient, step.loss)

    def _update_by_autograd(
        self, f2: Tensor, features: Tensor, labels: Tensor, create_graph: bool
    ) -> FeatureUpdate:
        with torch.enable_grad():
            source = f2 if f2.requires_grad else f2.detach().requires_grad_()
            loss = logistic_loss(self.gradnet_logits(features, self.template(source)), labels)
            (gradient,) = torch.autograd.grad(loss, source, create_graph=create_graph)
        h2 = self.step(source, gradient)
        if not create_graph:
            h2, loss = h2.detach(), loss.detach()
        return FeatureUpdate(h2, gradient, loss)
