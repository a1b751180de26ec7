"""Views of the frame that a target is given in: what its templates are fitted to."""

from __future__ import annotations

from math import exp

from gradnet_ros.engines.protocol import Region, View

VIEWS = (
    (-0.25, 1.0, 9.0),
    (-0.18, -13.0, -12.0),
    (-0.11, 12.0, -4.0),
    (-0.04, -5.0, 13.0),
    (0.04, 5.0, -13.0),
    (0.11, -12.0, 4.0),
    (0.18, 13.0, 12.0),
    (0.25, -1.0, -9.0),
)
"""Log of the target's size over the searched one, and its place from the middle of the crop, pixels of it: on
all sides of where tracking leaves them."""


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
