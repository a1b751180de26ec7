"""The two training stages: functions of a network and a batch that return a loss."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from gradnet_ros.nn.correlation import cross_correlate_all
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.losses import centre_labels, logistic_loss, ranking_loss, target_distance
from gradnet_ros.training.pairs import Batch


@dataclass(frozen=True)
class StepResult:
    """A loss to minimise and figures to show.

    Attributes:
        loss: scalar with a graph.
        figures: name -> value, detached.
    """

    loss: Tensor
    figures: dict[str, float] = field(default_factory=dict)


def base_step(net: GradNet, batch: Batch, ranking_weight: float = 1.0) -> StepResult:
    """Stage 1, the Siamese base: f_x on both sides and the adjust layer (SiamFC).

    Beside the paper's logistic loss on each pair's own map, every template is also held against the other
    pairs' search regions, where nothing is its target: as negatives of the logistic loss, and in a softmax
    over all places of all regions that asks for the true one.
    """
    spec = net.spec
    templates = net.fixed_template(batch.exemplars.float())
    features = net.search_features(batch.searches.float())
    logits = net.adjust(cross_correlate_all(features, templates))  # (region, template, h, w)
    count = logits.shape[0]
    own = logits[torch.arange(count), torch.arange(count)].unsqueeze(1)
    labels = centre_labels(batch.offsets, spec.response_size, spec.stride)
    logistic = logistic_loss(own, labels) / count
    others = ~torch.eye(count, dtype=torch.bool)
    negatives = 0.5 * functional.softplus(logits[others]).mean() if count > 1 else logits.new_zeros(())

    distance = target_distance(batch.offsets, spec.response_size, spec.stride)
    near = _soft_place(distance, spec.stride)
    places = logits.transpose(0, 1).flatten(1)  # a template's scores at every place of every region
    cells = near.shape[-1] ** 2
    targets = near.new_zeros(count, count, cells)
    targets[torch.arange(count), torch.arange(count)] = near.flatten(1)
    ranking = ranking_loss(places, targets.flatten(1))
    hit = own.flatten(1).argmax(1)
    error = distance.flatten(1).gather(1, hit[:, None])
    return StepResult(
        logistic + negatives + ranking_weight * ranking,
        {
            "logistic": float(logistic.detach()),
            "negatives": float(negatives.detach()),
            "ranking": float(ranking.detach()),
            "hit": float((error <= 16.0).float().mean()),
        },
    )


def update_step(net: GradNet, batch: Batch, group_size: int, ranking_weight: float = 0.5) -> StepResult:
    """Stage 2, the update branch, through the inner gradient (second order).

    Template generalization (paper section 3.3): only the first exemplar of k pairs of different objects makes
    the template; it is applied to all k search regions, the inner gradient is the sum over the k maps, and
    the updated template must find every one of the k.

    Args:
        net: f_x is not trained here: its features get no gradient.
        batch: pairs of different objects.
        group_size: k; 1 gives every pair its own exemplar and its own update, as in tracking. A last group
            may be smaller.
        ranking_weight: weight of the softmax over places (ours) beside the paper's logistic loss.

    Raises:
        ValueError: a group size under 1.
    """
    if group_size < 1:
        raise ValueError(f"group_size must be at least 1, got {group_size}")
    spec = net.spec
    with torch.no_grad():
        features = net.search_features(batch.searches.float())
    labels = centre_labels(batch.offsets, spec.response_size, spec.stride)
    count = features.shape[0]
    distance = target_distance(batch.offsets, spec.response_size, spec.stride)
    near = _soft_place(distance, spec.stride)
    before = after = ranking = features.new_zeros(())
    hits, norms = [], []
    for start in range(0, count, group_size):
        group = slice(start, min(start + group_size, count))
        f2 = net.target_features(batch.exemplars[start : start + 1].float())
        update = net.update_template(f2, features[group], labels[group], create_graph=True)
        logits = net.gradnet_logits(features[group], update.beta)
        after = after + logistic_loss(logits, labels[group]) / count
        before = before + update.loss.detach() / count
        ranking = ranking + ranking_loss(logits.flatten(1), near[group].flatten(1)) * logits.shape[0] / count
        place = logits.flatten(1).argmax(1)
        hits.append((distance[group].flatten(1).gather(1, place[:, None]) <= 16.0).float())
        norms.append(float(update.gradient.detach().square().mean().sqrt()))
    return StepResult(
        after + ranking_weight * ranking,
        {
            "before": float(before),
            "after": float(after.detach()),
            "ranking": float(ranking.detach()),
            "hit": float(torch.cat(hits).mean()),
            "gradient_rms": sum(norms) / len(norms),
        },
    )


def _soft_place(distance: Tensor, stride: int) -> Tensor:
    """Where the target is, as shares that sum to one: a Gaussian with a deviation of one cell."""
    near = torch.exp(-0.5 * (distance / stride) ** 2)
    return near / near.sum((1, 2, 3), keepdim=True)
