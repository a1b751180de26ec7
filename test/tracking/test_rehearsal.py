"""The views of the first frame: the target lies in each where the view says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.tracking.crops import crop_matrix
from gradnet_ros.tracking.rehearsal import VIEWS, rehearsal_views

SIDE = 241


@given(
    centre=st.tuples(st.floats(-50, 2000), st.floats(-50, 1200)),
    size=st.tuples(st.floats(2, 900), st.floats(2, 900)),
    side=st.floats(4, 3000),
)
def test_the_target_lies_where_a_view_says(centre, size, side):
    views = rehearsal_views(centre, size, side, SIDE)
    assert len(views) == len(VIEWS)
    for view in views:
        matrix = crop_matrix(view.region.centre, view.region.sides[0], SIDE)
        # Pixel centres are at whole numbers there, half a pixel before continuous coordinates.
        corners = np.array([[c - s / 2 - 0.5, c + s / 2 - 0.5] for c, s in zip(centre, size, strict=True)])
        low, high = matrix @ np.append(corners[:, 0], 1), matrix @ np.append(corners[:, 1], 1)
        assert (low + high) / 2 - (SIDE - 1) / 2 == pytest.approx(view.offset, abs=1e-3)
        assert high - low == pytest.approx(view.size, rel=1e-6)


def test_sizes_and_places_lie_on_all_sides_of_the_searched_one():
    views = rehearsal_views((100.0, 80.0), (40.0, 30.0), 100.0, SIDE)
    growth = np.array([view.size[0] / (40.0 * SIDE / 100.0) for view in views])
    assert growth.prod() == pytest.approx(1.0)
    assert growth.min() < 0.8 < 1.25 < growth.max()
    assert np.sum([view.offset for view in views], axis=0) == pytest.approx((0.0, 0.0))
    # A step of the response is eight pixels: views must not all lie on the same part of one.
    assert len({view.offset[0] % 8 for view in views}) > 2
