"""What one measurement leaves for the next."""

from gradnet_ros.bench.clip import generate_clip
from gradnet_ros.bench.run import Plan, _Bench
from support import need_weights


def test_counting_work_leaves_the_eager_trackers_settings_alone(tmp_path):
    need_weights()
    settings = {"box_steps": 7, "update_interval": 4}
    bench = _Bench("lite", Plan(("lite",), ((160, 120),), 2, (), "cpu", "torch", settings), tmp_path)
    before = bench._eager.config
    searches, lessons = bench._count(generate_clip(160, 120, 6))
    assert searches.flops > lessons.flops > 0
    assert bench._eager.config == before
    assert before.box_steps == 7
