"""Pictures for the training log."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def overlay(crops: Tensor, *maps: Tensor, count: int = 4) -> NDArray[np.uint8]:
    """Search crops with score maps laid over them, one row a sample: the crop, then each map.

    All maps of a row share one colour scale, so that before and after can be compared.

    Args:
        crops: (N, 3, x, x) uint8 BGR.
        maps: each (N, 1, h, w) of logits.
        count: rows at most.

    Returns:
        HxWx3 uint8 RGB.
    """
    rows = []
    for number in range(min(count, crops.shape[0])):
        crop = np.ascontiguousarray(crops[number].permute(1, 2, 0).cpu().numpy())
        scores = [scores[number, 0].detach().float().cpu().numpy() for scores in maps]
        low, high = min(float(s.min()) for s in scores), max(float(s.max()) for s in scores)
        row = [crop]
        for score in scores:
            shares = np.uint8(255 * (score - low) / max(high - low, 1e-6))
            coloured = cv2.applyColorMap(np.asarray(shares), cv2.COLORMAP_VIRIDIS)
            large = cv2.resize(coloured, crop.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            row.append(np.asarray(cv2.addWeighted(crop, 0.4, large, 0.6, 0), np.uint8))
        rows.append(np.concatenate(row, axis=1))
    return np.ascontiguousarray(np.concatenate(rows, axis=0)[..., ::-1])
