"""Views of the frame that a target is given in: what the box branch's template is fitted to."""

from __future__ import annotations

from math import exp

from gradnet_ros.engines.protocol import Region, View

VIEWS = ((-0.4, 12.0, -5.0), (-0.13, -7.0, -12.0), (0.13, 7.0, 12.0), (0.4, -12.0, 5.0))
"""Log of the target's size over the searched one, and its place from the middle of the crop, pixels of it: on
all sides of where tracking leaves them. Every view costs a search, so few must do."""


def rehearsal_views(
    centre: tuple[float, float], size: tuple[float, float], side: float, crop_size: int
) -> list[View]:
    """Search crops with the target a little larger and smaller than it is searched, beside their middle.

    Args:
        centre: of the target, pixels of the picture.
        size: (w, h) of the target, pixels of the picture.
        side: of the square that is searched for a target of that size, pixels of the picture.
        crop_size: side of a search crop, its pixels.
    """
    views = []
    for growth, across, down in VIEWS:
        zoom = exp(growth) * crop_size / side  # crop pixels a pixel of the picture
        place = centre[0] - across / zoom, centre[1] - down / zoom
        region = Region(place, (crop_size / zoom,))
        views.append(View(region, (across, down), (size[0] * zoom, size[1] * zoom)))
    return views
