"""Stage 2: the update branch, f2, U1 and U2, through the inner gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradnet_ros.nn.correlation import cross_correlate
from gradnet_ros.nn.gradnet import INNER_GRADIENTS, GradNet, InnerGradient, TemplateUpdate
from gradnet_ros.nn.losses import box_overlaps, centre_labels, logistic_loss, ranking_loss, target_distance
from gradnet_ros.training.batch import Batch
from gradnet_ros.training.stages.parameters import group, trunk_groups
from gradnet_ros.training.stages.pictures import overlay
from gradnet_ros.training.stages.places import hits, prefer, soft_place
from gradnet_ros.training.stages.stage import StepResult


@dataclass(frozen=True)
class UpdateStage:
    """The gradient-guided update, trained through its own gradient (paper section 3.3, stage 2).

    The gradient is taken on each sample's last view and the updated template is tested on the first: with two
    views (``PairConfig.views``) it is tested on another frame than the one it learned from, as in tracking;
    with one view both are the same, as in the paper.

    Template generalization: only the first exemplar of k samples of different objects makes the template, it
    is applied to all k search regions, the inner gradient is the sum over the k maps, and the updated
    template must find every one of the k.

    Attributes:
        template_generalization: off, every sample has its own exemplar and its own update (k = 1).
        group_sizes: the k of successive steps, in turn. The paper trains with one k; tracking is k = 1, and
            U2 must read both gradients, which differ in size by a factor of hundreds. No k may exceed the
            batch, and every k should divide it.
        ranking_weight: weight of the softmax over places (ours) beside the paper's logistic loss.
        fused_weight: weight of a softmax over places of the mean of both templates' scores (ours): what the
            tracker does with them.
        overlap_sharpness: how much rather the places of those two are cells whose box, as the box branch
            gives it, overlaps the target well (ours; see :func:`~gradnet_ros.training.stages.places.prefer`).
            The tracker takes the box of the cell that the response chooses. For networks with a box branch.
        target_rate: factor on the learning rate of f2 and U1; U2's is one.
        gradient: ``autograd`` or ``closed_form``: how the inner gradient is computed; they agree.
        unshared_head: the updated template goes through a U1 of its own, which is trained too (for the
            ablation).
    """

    template_generalization: bool = True
    group_sizes: Sequence[int] = (8, 4, 2, 1)
    ranking_weight: float = 0.5
    fused_weight: float = 0.5
    overlap_sharpness: float = 0.0
    target_rate: float = 0.1
    gradient: InnerGradient = "closed_form"
    unshared_head: bool = False

    name = "update"
    auxiliary = None

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ValueError: a field is outside its bound.
        """
        if not self.group_sizes or min(self.group_sizes) < 1:
            raise ValueError(f"group_sizes must be whole numbers of at least 1, got {self.group_sizes!r}")
        for field in ("ranking_weight", "fused_weight", "overlap_sharpness", "target_rate"):
            if not 0 <= getattr(self, field) <= 1000:
                raise ValueError(f"{field} must be in [0, 1000], got {getattr(self, field)!r}")
        if self.gradient not in INNER_GRADIENTS:
            raise ValueError(f"gradient must be one of {', '.join(INNER_GRADIENTS)}, got {self.gradient!r}")

    def prepare(self, net: GradNet) -> list[dict[str, object]]:
        """Train f2, U1 and U2; the search trunk rests.

        Raises:
            ValueError: the network's U1 is not shared, but the stage would train a shared one; or places
                are to follow boxes, and it has no box branch.
        """
        if self.overlap_sharpness and net.box is None:
            given = self.overlap_sharpness
            raise ValueError(f"overlap_sharpness must be 0 for a network without a box branch, got {given!r}")
        if self.unshared_head and net.updated_head is None:
            net.unshare_head()
        elif net.updated_head is not None and not self.unshared_head:
            raise ValueError("unshared_head must be true for a network whose U1 is not shared, got False")
        net.requires_grad_(False)
        groups = [*trunk_groups(net.target, self.target_rate), group(net.encoder.parameters())]
        if net.updated_head is not None:
            groups.append(group(net.updated_head.parameters(), self.target_rate))
        return groups

    def set_mode(self, net: GradNet) -> None:
        """Batch norm rests: a single exemplar has no statistics to learn from."""
        net.eval()

    def step(self, net: GradNet, batch: Batch, number: int) -> StepResult:
        """The loss of the updated templates on the samples' first views."""
        spec = net.spec
        size = self.group_sizes[number % len(self.group_sizes)] if self.template_generalization else 1
        with torch.no_grad():
            tested, levels = net.search.search(batch.searches[:, 0].float())
            one_view = batch.searches.shape[1] == 1
            learned = tested if one_view else net.search_features(batch.searches[:, -1].float())
            exemplars, exemplar_levels = net.search.search(batch.exemplars.float())
            fixed = net.search.template(exemplars) if self.fused_weight else None
        labels = centre_labels(batch.offsets[:, -1], spec.response_size, spec.stride)
        tested_labels = centre_labels(batch.offsets[:, 0], spec.response_size, spec.stride)
        distance = target_distance(batch.offsets[:, 0], spec.response_size, spec.stride)
        near = soft_place(distance, spec.stride)
        if self.overlap_sharpness:
            assert net.box is not None  # prepare() has seen to it
            with torch.no_grad():
                edges = net.box(levels, net.box.template(exemplar_levels, batch.exemplar_sizes))
            iou, _ = box_overlaps(edges, batch.offsets[:, 0], batch.sizes[:, 0], spec.stride)
            near = prefer(near, iou, self.overlap_sharpness)
        count = len(batch)
        before = after = ranking = fused = tested.new_zeros(())
        found, norms = [], []
        for start in range(0, count, size):
            part = slice(start, min(start + size, count))
            share = (part.stop - start) / count
            update = self._update(net, batch.exemplars[start : start + 1], learned[part], labels[part])
            logits = net.gradnet_logits(tested[part], update.beta)
            after = after + logistic_loss(logits, tested_labels[part]) / count
            before = before + update.loss.detach() / count
            ranking = ranking + share * ranking_loss(logits.flatten(1), near[part].flatten(1))
            if fixed is not None:
                other = net.adjust(cross_correlate(tested[part], fixed[part]))
                both = net.adjust(cross_correlate(tested[part], update.beta)) + other
                fused = fused + share * ranking_loss(0.5 * both.flatten(1), near[part].flatten(1))
            found.append(hits(logits, distance[part]))
            norms.append(update.gradient.detach().square().mean().sqrt())
        figures = {
            "before": float(before),
            "after": float(after.detach()),
            "ranking": float(ranking.detach()),
            "fused": float(fused.detach()),
            "hit": float(torch.cat(found).mean()),
            f"gradient_rms_k{size}": float(torch.stack(norms).mean()),
        }
        return StepResult(after + self.ranking_weight * ranking + self.fused_weight * fused, figures)

    def pictures(self, net: GradNet, batch: Batch) -> dict[str, NDArray[np.uint8]]:
        """The template's own response before and after the update, over the first views."""
        spec = net.spec
        rows = []
        with torch.no_grad():
            tested = net.search_features(batch.searches[:, 0].float())
            learned = net.search_features(batch.searches[:, -1].float())
            labels = centre_labels(batch.offsets[:, -1], spec.response_size, spec.stride)
            for n in range(min(4, len(batch))):
                one = slice(n, n + 1)
                f2 = net.target_features(batch.exemplars[one].float())
                update = net.update_template(f2, learned[one], labels[one])
                before = net.gradnet_logits(tested[one], net.template(f2))
                rows.append((before, net.gradnet_logits(tested[one], update.beta)))
        before, after = (torch.cat(maps) for maps in zip(*rows, strict=True))
        return {"before_and_after": overlay(batch.searches[:, 0], before, after)}

    def finish(self, net: GradNet) -> None:
        """Nothing is left to do."""

    def _update(self, net: GradNet, exemplar: Tensor, features: Tensor, labels: Tensor) -> TemplateUpdate:
        f2 = net.target_features(exemplar.float())
        return net.update_template(f2, features, labels, create_graph=True, gradient=self.gradient)
