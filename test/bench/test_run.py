"""What one measurement leaves for the next."""

import pytest

from gradnet_ros.bench.clip import generate_clip
from gradnet_ros.bench.run import Plan, _Bench
from support import need_weights


@pytest.mark.parametrize("interval", [0, 4])
def test_the_work_of_a_frame_is_that_of_most_frames(tmp_path, interval):
    """``lite`` searches most of them narrowly, and the twelfth whole even where nothing is learned."""
    need_weights()
    plan = Plan(("lite",), ((160, 120),), 2, (), "cpu", "torch", {"update_interval": interval})
    searches, lessons = _Bench("lite", plan, tmp_path)._count(generate_clip(160, 120, 6))
    assert searches.flops == pytest.approx(1.056e9, rel=0.02)
    assert (lessons is None) == (interval == 0)


def test_counting_work_leaves_the_eager_trackers_settings_alone(tmp_path):
    need_weights()
    settings = {"box_steps": 7, "update_interval": 4}
    bench = _Bench("lite", Plan(("lite",), ((160, 120),), 2, (), "cpu", "torch", settings), tmp_path)
    before = bench._eager.config
    searches, lessons = bench._count(generate_clip(160, 120, 6))
    assert searches.flops > lessons.flops > 0
    assert bench._eager.config == before
    assert before.box_steps == 7
