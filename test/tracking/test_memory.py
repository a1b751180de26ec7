"""Reliable samples by the official rules."""

from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.memory import ReliableMemory, Sample

CONFIG = TrackerConfig(warmup_frames=3, memory_size=2, reliable_ratio=0.5)


def sample(strength):
    return Sample(None, (0.0, 0.0), strength)


def test_reference_is_the_mean_of_the_first_frames():
    memory = ReliableMemory()
    assert memory.reference() == 0
    for strength in (1.0, 2.0, 3.0, 100.0):
        memory.see(strength, CONFIG)
    assert memory.reference() == 2.0


def test_a_frame_is_reliable_from_half_the_reference():
    memory = ReliableMemory()
    for _ in range(3):
        assert memory.see(2.0, CONFIG)
    assert memory.see(1.0, CONFIG)
    assert not memory.see(0.99, CONFIG)
    assert memory.misses == 1


def test_a_weak_memory_lowers_the_bound():
    memory = ReliableMemory()
    for _ in range(3):
        memory.see(2.0, CONFIG)
    memory.keep(sample(0.4), CONFIG)
    memory.keep(sample(0.6), CONFIG)
    assert memory.see(0.5, CONFIG)  # the mean of the kept peaks, below 0.5 T = 1
    assert not memory.see(0.49, CONFIG)


def test_misses_count_up_and_start_over():
    memory = ReliableMemory()
    memory.see(1.0, CONFIG)
    for expected in (1, 2):
        memory.see(0.0, CONFIG)
        assert memory.misses == expected
    memory.see(1.0, CONFIG)
    assert memory.misses == 0


def test_first_in_first_out_the_best_and_the_newest():
    memory = ReliableMemory()
    assert memory.best(1) == memory.newest(1) == []
    for strength in (9.0, 1.0, 2.0):
        memory.keep(sample(strength), CONFIG)
    assert len(memory) == 2
    assert [each.strength for each in memory.best(1)] == [2.0]
    assert [each.strength for each in memory.best(5)] == [2.0, 1.0]
    assert [each.strength for each in memory.newest(1)] == [2.0]
    assert [each.strength for each in memory.newest(5)] == [1.0, 2.0]
