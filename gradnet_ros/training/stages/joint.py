"""Places and boxes together: the search trunk learns from both losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.losses import box_iou_loss
from gradnet_ros.training.batch import Batch
from gradnet_ros.training.stages.base import BaseStage
from gradnet_ros.training.stages.box import draw_boxes
from gradnet_ros.training.stages.parameters import box_branch, group
from gradnet_ros.training.stages.sides import check_sides, middle, side_of
from gradnet_ros.training.stages.stage import StepResult


@dataclass(frozen=True)
class JointStage(BaseStage):
    """Stage 1's losses and the box branch's (GIoU), through one trunk (ours).

    The stage ``box`` leaves the trunk as it is, so boxes have to do with features that were learned for
    places. Here both losses move it. Places are sharpest where the target hardly changes its size between
    exemplar and search crop, and boxes want it to change a lot: draw samples with ``steady_share``.

    Attributes:
        box_weight: weight of the boxes' loss; at 1 its gradient in the trunk is a sixth of that of places.
        box_rate: factor on the learning rate of the box branch, whose layers are younger than the trunk's.
        sides: see :class:`~gradnet_ros.training.stages.box.BoxStage`.
    """

    box_weight: float = 5.0
    box_rate: float = 3.0
    sides: tuple[int, ...] = ()

    name = "joint"

    def __post_init__(self) -> None:
        """Check every field but ``sides``, which need the network.

        Raises:
            ValueError: a field is outside its bound.
        """
        super().__post_init__()
        self._check_factors("box_weight", "box_rate")

    def prepare(self, net: GradNet) -> list[dict[str, object]]:
        """Train what stage 1 trains, and the box branch.

        Raises:
            ValueError: the network has no box branch, or no response to a crop of one of ``sides``.
        """
        head = box_branch(net)
        check_sides(self.sides, net.spec)
        return [*super().prepare(net), group(head.parameters(), self.box_rate)]

    def step(self, net: GradNet, batch: Batch, number: int) -> StepResult:
        """Both losses of the samples' first views, which pass the trunk once."""
        head, spec = box_branch(net), net.spec
        exemplars = net.search.search(batch.exemplars.float())
        searches = net.search.search(middle(batch.searches[:, 0], side_of(self.sides, number, spec)).float())
        result = self.contrast(net, net.search.template(exemplars.features), searches.features, batch)
        edges = head(searches.levels, head.template(exemplars.levels, batch.exemplar_sizes))
        loss, iou = box_iou_loss(edges, batch.offsets[:, 0], batch.sizes[:, 0], spec.stride)
        figures = {**result.figures, "iou": float(iou)}
        return StepResult(result.loss + self.box_weight * loss, figures)

    def pictures(self, net: GradNet, batch: Batch) -> dict[str, NDArray[np.uint8]]:
        """The response over the search crop, and the boxes."""
        return {**super().pictures(net, batch), "boxes": draw_boxes(net, batch)}
