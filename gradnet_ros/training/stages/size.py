"""Between stage 1 and 2: a search trunk whose cosine falls where the target's size is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.nn.losses import ranking_loss
from gradnet_ros.training.batch import Batch
from gradnet_ros.training.stages.base import BaseStage
from gradnet_ros.training.stages.parameters import group
from gradnet_ros.training.stages.stage import StepResult


@dataclass(frozen=True)
class SizeStage(BaseStage):
    """Stage 1's losses, and one that ranks sizes (ours), for networks without a box branch.

    The tracker takes the size at which a crop like the exemplar's has the largest cosine with the template
    (``scale_by_cosine``), but stage 1 compares places only: its features answer a target that is a quarter
    too large nearly as strongly as one of the right size. Here each template is held against its search
    region cut at several sizes, as the tracker does; a softmax over their cosines asks for the right one.
    Five such cuts cost less than one search region.

    Samples should have ``max_shift`` so small that the cuts stay inside the search region (24 does).

    Attributes:
        size_weight: weight of the ranking over sizes.
        size_sharpness: what the cosines are multiplied by in its softmax; they differ by hundredths.
        sizes: cuts of a region; odd, the middle one at the region's own size.
        size_reach: log-ratio of the largest cut's target to the region's.
        size_deviation: of the log-size that still counts as right.
        whole_trunk: train the stem too; without it a step costs about half.
    """

    size_weight: float = 1.0
    size_sharpness: float = 50.0
    sizes: int = 5
    size_reach: float = 0.2
    size_deviation: float = 0.05
    whole_trunk: bool = False

    name = "size"

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ValueError: a field is outside its bound.
        """
        super().__post_init__()
        self._check_factors("size_weight", "size_sharpness")
        if not (3 <= self.sizes <= 15 and self.sizes % 2):
            raise ValueError(f"sizes must be odd and in [3, 15], got {self.sizes!r}")
        for field in ("size_reach", "size_deviation"):
            if not 0 < getattr(self, field) <= 1:
                raise ValueError(f"{field} must be in (0, 1], got {getattr(self, field)!r}")

    def prepare(self, net: GradNet) -> list[dict[str, object]]:
        """Train the head of the search trunk, all of it if so set, and the adjust layer.

        Raises:
            ValueError: the network has a box branch: sizes are that branch's.
        """
        if net.box is not None:
            raise ValueError(f"network {net.spec.name!r} has a box branch for sizes")
        net.requires_grad_(False)
        trained = net.search if self.whole_trunk else net.search.head
        return [
            group(trained.parameters()),
            group([net.adjust_scale, net.adjust_bias], rate=50.0, weight_decay=0.0),
        ]

    def set_mode(self, net: GradNet) -> None:
        """Batch norm rests: its statistics would differ between cuts and search regions."""
        net.eval()

    def step(self, net: GradNet, batch: Batch, number: int) -> StepResult:
        """Both losses of the samples' first views."""
        templates = net.fixed_template(batch.exemplars.float())
        result = self.contrast(net, templates, net.search_features(batch.searches[:, 0].float()), batch)
        growths = torch.linspace(-self.size_reach, self.size_reach, self.sizes, device=templates.device)
        cuts = cut_sizes(batch.searches[:, 0].float(), batch.offsets[:, 0], growths, net.spec.exemplar_size)
        features = net.search.template(net.search_features(cuts.flatten(0, 1)))
        features = features.reshape(len(batch), self.sizes, -1)
        cosines = functional.cosine_similarity(features, templates.flatten(1)[:, None], dim=2).float()
        wrong = growth(batch)[:, None] + growths  # how much larger than in the exemplar the target is
        right = (-0.5 * (wrong / self.size_deviation) ** 2).softmax(1)
        ranking = ranking_loss(self.size_sharpness * cosines, right)
        chosen = wrong.gather(1, cosines.argmax(1, keepdim=True)).abs().mean()
        figures = {"size_ranking": float(ranking.detach()), "size_error": float(chosen)}
        return StepResult(result.loss + self.size_weight * ranking, {**result.figures, **figures})


def growth(batch: Batch) -> Tensor:
    """Log of how much larger each sample's target is in its first view than in the exemplar: (N,)."""
    areas = batch.sizes[:, 0].prod(1) / batch.exemplar_sizes.prod(1)
    return 0.5 * areas.log()


def cut_sizes(searches: Tensor, offsets: Tensor, growths: Tensor, side: int) -> Tensor:
    """Cut every search region around its target, at several sizes.

    Args:
        searches: (N, C, X, X) search crops.
        offsets: (N, 2) target centre minus crop centre, (x, y) in pixels of the search crop.
        growths: (K,) log of how much larger the target is in the cut than in the crop.
        side: of the cuts, pixels.

    Returns:
        (N, K, C, side, side); beyond the crop its border goes on.
    """
    count, kinds, extent = len(searches), len(growths), searches.shape[-1]
    reach = side / extent * (-growths).exp()  # of the cut, as a share of the crop
    theta = searches.new_zeros(count, kinds, 2, 3)
    theta[:, :, 0, 0] = theta[:, :, 1, 1] = reach
    theta[..., 2] = 2.0 / extent * offsets[:, None]
    shape = [count * kinds, searches.shape[1], side, side]
    grid = functional.affine_grid(theta.flatten(0, 1), shape, align_corners=False)
    repeated = searches[:, None].expand(-1, kinds, -1, -1, -1).flatten(0, 1)
    cuts = functional.grid_sample(repeated, grid, padding_mode="border", align_corners=False)
    return cuts.reshape(count, kinds, *cuts.shape[1:])
