"""Stage 1: the Siamese base, f_x on both sides and the adjust layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gradnet_ros.nn.correlation import cross_correlate, cross_correlate_all
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.losses import centre_labels, logistic_loss, ranking_loss, target_distance
from gradnet_ros.training.batch import Batch
from gradnet_ros.training.stages.parameters import group, trunk_groups
from gradnet_ros.training.stages.pictures import overlay
from gradnet_ros.training.stages.places import hits, soft_place
from gradnet_ros.training.stages.stage import StepResult


@dataclass(frozen=True)
class BaseStage:
    """SiamFC's stage, made harder (paper section 4.1, stage 1; SiamFC section 2.2).

    Beside the paper's logistic loss on each sample's own map, every template is also held against the other
    samples' search regions, where nothing is its target: as negatives of the logistic loss, and in a softmax
    over all places of all regions that asks for the true one. Regions of the template's own track or scene
    are left out: they show its target too, or a part of it.

    Attributes:
        ranking_weight: weight of the softmax.
        negatives_weight: weight of the other samples' maps in the logistic loss.
        contrast_group: samples that are each other's negatives; a batch is a whole number of such groups, so
            that its loss does not depend on how many processes share it.
    """

    ranking_weight: float = 1.0
    negatives_weight: float = 0.5
    contrast_group: int = 16

    name = "base"
    auxiliary = None

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ValueError: a field is outside its bound.
        """
        self._check_factors("ranking_weight", "negatives_weight")
        if self.contrast_group < 1:
            raise ValueError(f"contrast_group must be at least 1, got {self.contrast_group!r}")

    def _check_factors(self, *names: str) -> None:
        for name in names:
            if not 0 <= getattr(self, name) <= 1000:
                raise ValueError(f"{name} must be in [0, 1000], got {getattr(self, name)!r}")

    def prepare(self, net: GradNet) -> list[dict[str, object]]:
        """Train the search trunk and the adjust layer; f2, U1, U2 and the box branch rest."""
        net.requires_grad_(False)
        groups = trunk_groups(net.search, new_rate=5.0)
        groups.append(group([net.adjust_scale, net.adjust_bias], rate=50.0, weight_decay=0.0))
        return groups

    def set_mode(self, net: GradNet) -> None:
        """Batch norm of the search trunk learns its statistics."""
        net.eval()
        net.search.train()

    def step(self, net: GradNet, batch: Batch, number: int) -> StepResult:
        """The loss of the samples' first views."""
        templates = net.fixed_template(batch.exemplars.float())
        return self.contrast(net, templates, net.search_features(batch.searches[:, 0].float()), batch)

    def contrast(self, net: GradNet, templates: Tensor, features: Tensor, batch: Batch) -> StepResult:
        """The loss of the samples' first views.

        Args:
            net: the network.
            templates: (N, channels, t, t), f_x(Z) of the batch's exemplars.
            features: (N, channels, h, h), f_x(X) of the first views, or of the middle of them.
            batch: N samples.
        """
        count, spec = len(batch), net.spec
        cells = features.shape[-1] - templates.shape[-1] + 1
        offsets = batch.offsets[:, 0]
        logistic = negatives = ranking = features.new_zeros((), dtype=torch.float32)
        found = []
        for start in range(0, count, self.contrast_group):
            part = slice(start, min(start + self.contrast_group, count))
            share = (part.stop - start) / count
            logits = net.adjust(cross_correlate_all(features[part], templates[part])).float()
            distance = target_distance(offsets[part], cells, spec.stride)
            own, wrong, ranked = _contrast(logits, distance, batch.origins[part], spec.stride)
            labels = centre_labels(offsets[part], cells, spec.stride)
            logistic = logistic + share * logistic_loss(own, labels) / len(own)
            negatives = negatives + share * wrong
            ranking = ranking + share * ranked
            found.append(hits(own, distance))
        loss = logistic + self.negatives_weight * negatives + self.ranking_weight * ranking
        figures = {
            "logistic": float(logistic.detach()),
            "negatives": float(negatives.detach()),
            "ranking": float(ranking.detach()),
            "hit": float(torch.cat(found).mean()),
        }
        return StepResult(loss, figures)

    @torch.no_grad()
    def pictures(self, net: GradNet, batch: Batch) -> dict[str, NDArray[np.uint8]]:
        """The response over the search crop."""
        templates = net.fixed_template(batch.exemplars.float())
        features = net.search_features(batch.searches[:, 0].float())
        own = net.adjust(cross_correlate(features, templates))
        return {"response": overlay(batch.searches[:, 0], own)}

    def finish(self, net: GradNet) -> None:
        """Start the target's trunk from the trained one.

        The paper starts f2 and U1 from noise. With few tracks it is better to start from f_x: the template
        before the first update is then the Siamese one.
        """
        net.target.load_state_dict(net.search.state_dict())


def _contrast(
    logits: Tensor, distance: Tensor, origins: Tensor, stride: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Own maps, the mean loss on the others', and the softmax over all places.

    Args:
        logits: (region, template, h, w), as many regions as templates; region n shows template n's target.
        distance: (region, 1, h, w) of every cell from its region's target, pixels.
        origins: (region,) see :class:`Batch`.
        stride: pixels a cell.
    """
    count, cells = logits.shape[0], logits.shape[-1] * logits.shape[-2]
    diagonal = torch.arange(count, device=logits.device)
    own = logits[diagonal, diagonal].unsqueeze(1)
    others = origins[:, None] != origins[None, :]
    wrong = functional.softplus(logits[others]).mean() if bool(others.any()) else logits.new_zeros(())
    counts = others.clone()
    counts[diagonal, diagonal] = True
    seen = logits.masked_fill(~counts[..., None, None], float("-inf"))
    places = seen.transpose(0, 1).flatten(1)  # a template's scores at every place of every region
    targets = logits.new_zeros(count, count, cells)
    targets[diagonal, diagonal] = soft_place(distance, stride).flatten(1)
    return own, wrong, ranking_loss(places, targets.flatten(1))
