"""Cross-correlation of search features with templates (the paper's star)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def cross_correlate(features: Tensor, templates: Tensor) -> Tensor:
    """Correlate every search region with its own template.

    Args:
        features: (N, C, H, W) search features.
        templates: (N, C, h, w), or (1, C, h, w) for one template on all regions.

    Returns:
        (N, 1, H - h + 1, W - w + 1) scores.

    Raises:
        ValueError: the batch sizes differ and there is more than one template.
    """
    if templates.shape[0] == 1:
        return cross_correlate_all(features, templates)
    if templates.shape[0] != features.shape[0]:
        raise ValueError(f"{templates.shape[0]} templates for {features.shape[0]} search regions")
    count, channels, height, width = features.shape
    # One group a pair: a single convolution does all of them.
    grouped = features.reshape(1, count * channels, height, width)
    scores = functional.conv2d(grouped, templates, groups=count)
    return scores.transpose(0, 1)


def cross_correlate_all(features: Tensor, templates: Tensor) -> Tensor:
    """Correlate every search region with every template.

    Every column of a template is a filter of its own, one cell wide; what they find is added up along the
    template's width. A CPU is two to five times as fast with these M w small filters as with M large ones,
    of which it needs many to fill its registers, forward, backward and in second order.

    Args:
        features: (N, C, H, W) search features.
        templates: (M, C, h, w).

    Returns:
        (N, M, H - h + 1, W - w + 1) scores.
    """
    count = features.shape[0]
    # Lengths as plain numbers, all but the batch's: an exported graph knows the size of what comes out then.
    number, channels, height, width = (int(length) for length in templates.shape)
    down, across = int(features.shape[2]) - height + 1, int(features.shape[3])
    columns = templates.permute(0, 3, 1, 2).reshape(number * width, channels, height, 1)
    found = functional.conv2d(features, columns).view(count, number, width, down, across)
    # Column x of the template scores for the place x cells to its left: move its map there. Laid end to end
    # and cut into rows of one cell more, the maps are shifted by one more cell each.
    rows = found.transpose(2, 3).reshape(count, number, down, width * across)
    shifted = functional.pad(rows, (0, width)).view(count, number, down, width, across + 1)
    scores: Tensor = shifted[..., : across - width + 1].sum(3)
    return scores


def template_cosines(templates: Tensor, others: Tensor) -> Tensor:
    """Cosines of templates with others.

    A score grows with the length of the features under the template, whatever they show; between two sizes of
    one target, whose scores differ by a few percent, that decides. A cosine leaves it out (ours).

    Args:
        templates: (N, C, t, t).
        others: (N, C, t, t), or (1, C, t, t) for one on all.

    Returns:
        (N,); 0 where a template is 0.
    """
    return functional.cosine_similarity(templates.flatten(1), others.flatten(1))
