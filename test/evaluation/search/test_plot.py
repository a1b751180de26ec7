"""The picture of a search."""

import cv2
import numpy as np
import pytest

from gradnet_ros.evaluation.search.plot import plot_search
from gradnet_ros.evaluation.search.scorer import Score
from gradnet_ros.evaluation.search.space import make_space
from gradnet_ros.evaluation.search.study import SharedStudy
from gradnet_ros.tracking.config import TrackerConfig

SPACE = make_space(
    {
        "search": {
            "window_influence": {"low": 0, "high": 1},
            "update_interval": {"low": 1, "high": 30, "log": True},
            "refind_at_centre": {"choices": [True, False]},
            "memory_size": {"choices": [3, 5]},
            "refind_after": {"low": 0, "high": 20, "step": 5},
        }
    }
)
RED = np.array([40, 39, 214])  # BGR, the best trial's star


@pytest.mark.parametrize("interval", [5, 0])  # 0 cannot be shown on the logarithmic axis
def test_the_best_is_marked_in_every_panel(interval, tmp_path):
    own = TrackerConfig(update_interval=interval)
    with SharedStudy(tmp_path, {}, SPACE, own, 0, 4, False) as study:
        for number in range(8):
            trial = study.ask(8)
            if number == 7:
                study.record(trial, {}, "does not go together")
                study.drop(trial)
                continue
            trial.report(0.5 + number / 100, 1)
            study.record(trial, {"a": Score(0.5 + number / 100, 0.5)})
            if number % 3 == 2:
                study.drop(trial)
            else:
                study.finish(trial, 0.5 + number / 100)
        assert study.best.number == 6
        plot_search(tmp_path / "search.png", study, SPACE)
    picture = cv2.imread(str(tmp_path / "search.png"))
    red = (np.abs(picture.astype(int) - RED).max(axis=2) < 12).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(red)
    stars = [row for row in stats[1:] if row[4] > 60]
    # History (with the line of the best so far), its legend (star, line), and five slices.
    assert 7 <= len(stars) <= 9
