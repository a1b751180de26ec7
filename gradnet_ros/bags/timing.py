"""How long the tracker took, for a file beside what is always the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradnet_ros.bags.outcome import Row

PERCENTILES = (50, 95, 99)


def calls(rows: Sequence[Row], device: str) -> dict[str, Any]:
    """Times of the tracker's calls from the second picture on, decoding excluded.

    Returns:
        ``device`` and ``call_ms`` with percentiles and ``mean``; None where there is one picture only.
    """
    return {"played": "off line", "device": device, "call_ms": percentiles([row.seconds for row in rows[1:]])}


def percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    """Percentiles and mean in ms, NaN left out; None where there is nothing."""
    known = 1e3 * np.array([value for value in seconds if np.isfinite(value)])
    names = [f"p{each}" for each in PERCENTILES]
    if not len(known):
        return dict.fromkeys([*names, "mean"])
    values = [*np.percentile(known, PERCENTILES).tolist(), float(known.mean())]
    return {name: round(value, 3) for name, value in zip([*names, "mean"], values, strict=True)}
