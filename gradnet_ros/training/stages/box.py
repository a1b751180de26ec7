"""The box branch, on a trunk that rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradnet_ros.nn.box import BoxTemplate
from gradnet_ros.nn.box_fit import BATCHES, BoxFit, BoxGradient, box_gradient
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.losses import box_iou_loss
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.training.batch import Batch
from gradnet_ros.training.stages.parameters import box_branch, group
from gradnet_ros.training.stages.sides import check_sides, middle, side_of
from gradnet_ros.training.stages.stage import StepResult


@dataclass(frozen=True)
class BoxStage:
    """Teaches the box branch where the edges are (ours).

    It has a stage of its own, because it wants other samples than the response: the target's size and aspect
    must change a lot between exemplar and search crop, or the branch answers with the exemplar's size; the
    response is sharpest where they hardly change.

    Attributes:
        sides: of the middle of the search crops that steps see, in turn, pixels; none: the whole crops in
            every step. In narrower ones (the tracker's ``narrow_first``) norms and padding see another share
            of background.
        fit_steps: the tracker's ``box_steps``. With some, templates are fitted to views of the exemplar's
            picture first (``PairConfig.rehearsals``, a multiple of two), as in tracking, by a number of steps
            from none to all of them, drawn by the number of the training's step; so the branch learns what to
            leave to the fit, and a fitted template to hold in other pictures. The loss's gradient does not go
            through the steps themselves (as in first-order MAML, Finn et al., ICML 2017).
    """

    sides: tuple[int, ...] = ()
    fit_steps: int = 0

    name = "box"
    auxiliary = None

    def __post_init__(self) -> None:
        """Check ``fit_steps``; ``sides`` need the network.

        Raises:
            ValueError: it is not what the tracker's ``box_steps`` may be.
        """
        low, high = (int(bound) for bound in TrackerConfig.bounds("box_steps"))
        if not low <= self.fit_steps <= high:
            raise ValueError(f"fit_steps must be in [{low}, {high}], got {self.fit_steps!r}")

    def check_rehearsals(self, count: int) -> None:
        """Check how many rehearsals a sample has.

        Raises:
            ValueError: templates are to be fitted, but not to an even number of rehearsals.
        """
        if self.fit_steps and (count == 0 or count % BATCHES):
            raise ValueError(f"rehearsals must be 2, 4, 6 or 8 where fit_steps is not 0, got {count}")

    def prepare(self, net: GradNet) -> list[dict[str, object]]:
        """Train the box branch; all else rests.

        Raises:
            ValueError: the network has no box branch, or no response to a crop of one of ``sides``.
        """
        head = box_branch(net)
        check_sides(self.sides, net.spec)
        net.requires_grad_(False)
        return [group(head.parameters())]

    def set_mode(self, net: GradNet) -> None:
        """Batch norm rests."""
        net.eval()

    def step(self, net: GradNet, batch: Batch, number: int) -> StepResult:
        """GIoU loss on the samples' first views.

        Raises:
            ValueError: see :meth:`check_rehearsals`.
        """
        head = box_branch(net)
        self.check_rehearsals(batch.rehearsals.shape[1])
        side = side_of(self.sides, number, net.spec)
        with torch.no_grad():
            exemplars = net.search.search(batch.exemplars.float()).levels
            searches = net.search.search(middle(batch.searches[:, 0], side).float()).levels
        template = head.template(exemplars, batch.exemplar_sizes)
        if self.fit_steps:
            # By the number alone: processes fit as long as each other, and validations as they did before.
            steps = int(np.random.default_rng(number).integers(self.fit_steps + 1))
            template = self._fit(net, batch, template, side, steps)
        edges = head(searches, template)
        loss, iou = box_iou_loss(edges, batch.offsets[:, 0], batch.sizes[:, 0], net.spec.stride)
        return StepResult(loss, {"iou": float(iou)})

    def _fit(self, net: GradNet, batch: Batch, template: BoxTemplate, side: int, steps: int) -> BoxTemplate:
        """Every sample's template, moved by the first steps of the tracker's fit to its rehearsals."""
        head, stride = box_branch(net), net.spec.stride
        with torch.no_grad():
            views = middle(batch.rehearsals.flatten(0, 1), side).float()
            features = head.features(net.search.search(views).levels)
            features = features.view(len(batch), -1, *features.shape[1:])

            def gradient(number: int, now: Sequence[Tensor]) -> BoxGradient:
                seen, places, sizes = (
                    each[:, number::BATCHES].flatten(0, 1)
                    for each in (features, batch.rehearsal_offsets, batch.rehearsal_sizes)
                )
                slopes = box_gradient(head, seen, BoxTemplate(*now), places, sizes, stride)
                return slopes[0].float(), slopes[1].float(), slopes[2].float()  # under mixed precision

            fit = BoxFit([each.detach().float() for each in template], gradient, self.fit_steps)
            for _ in range(steps):
                fit.step()
        return BoxTemplate(*fit.apply(template))

    def pictures(self, net: GradNet, batch: Batch) -> dict[str, NDArray[np.uint8]]:
        """See :func:`draw_boxes`."""
        return {"boxes": draw_boxes(net, batch)}

    def finish(self, net: GradNet) -> None:
        """Nothing is left to do."""


@torch.no_grad()
def draw_boxes(net: GradNet, batch: Batch) -> NDArray[np.uint8]:
    """Search crops with the true box (green) and the one found at the target's cell (red)."""
    head, spec = box_branch(net), net.spec
    template = head.template(net.search.search(batch.exemplars.float()).levels, batch.exemplar_sizes)
    edges = head(net.search.search(batch.searches[:, 0].float()).levels, template).cpu().numpy()
    centre, half = (spec.search_size - 1) / 2, (spec.response_size - 1) / 2
    rows = []
    for number in range(len(batch)):
        crop = np.ascontiguousarray(batch.searches[number, 0].permute(1, 2, 0).cpu().numpy())
        offset, size = batch.offsets[number, 0].cpu().numpy(), batch.sizes[number, 0].cpu().numpy()
        column, row = np.clip(np.rint(offset / spec.stride + half), 0, 2 * half).astype(int)
        cell = centre + (np.array([column, row]) - half) * spec.stride
        found = edges[number, :, row, column]
        _draw(crop, centre + offset - size / 2, centre + offset + size / 2, (0, 255, 0))
        _draw(crop, cell - found[:2], cell + found[2:], (0, 0, 255))
        rows.append(crop)
    return np.ascontiguousarray(np.concatenate(rows, axis=1)[..., ::-1])


def _draw(
    crop: NDArray[np.uint8],
    low: NDArray[np.floating[Any]],
    high: NDArray[np.floating[Any]],
    colour: tuple[int, int, int],
) -> None:
    start, end = (tuple(int(value) for value in np.rint(corner)) for corner in (low, high))
    cv2.rectangle(crop, start, end, colour, 1)
