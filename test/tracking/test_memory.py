"""Reliable samples by the official rules."""

from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.memory import ReliableMemory, Sample

CONFIG = TrackerConfig(warmup_frames=3, memory_size=2, reliable_ratio=0.5)


def see(memory, strength, features="features"):
    """Count a frame in, and tell whether it was reliable."""
    reliable = memory.is_reliable(strength, CONFIG)
    memory.add(strength, Sample(features, (0.0, 0.0), strength) if reliable else None, CONFIG)
    return reliable


def test_reference_is_the_mean_of_the_first_frames():
    memory = ReliableMemory()
    assert memory.reference() == 0
    for strength in (1.0, 2.0, 3.0, 100.0):
        see(memory, strength)
    assert memory.reference() == 2.0


def test_a_frame_is_reliable_from_half_the_reference():
    memory = ReliableMemory()
    for _ in range(3):
        assert see(memory, 2.0)
    assert memory.is_reliable(1.0, CONFIG)
    assert not see(memory, 0.99)
    assert memory.misses == 1


def test_a_first_frame_counts_towards_the_reference_that_it_is_held_against():
    memory = ReliableMemory()
    see(memory, 2.0)
    assert memory.is_reliable(2 / 3, CONFIG)  # (2 + 2/3) / 2 / 2
    assert not memory.is_reliable(0.66, CONFIG)


def test_asking_changes_nothing():
    memory = ReliableMemory()
    see(memory, 2.0)
    assert not memory.is_reliable(0.0, CONFIG)
    assert memory.reference() == 2.0
    assert memory.misses == 0


def test_a_weak_memory_lowers_the_bound():
    memory = ReliableMemory()
    for _ in range(3):
        see(memory, 2.0)
    for strength in (1.0, 1.0):
        see(memory, strength)
    assert memory.reference() == 2.0
    assert memory.is_reliable(1.0, CONFIG)
    for strength in (0.4, 0.6):
        memory.add(strength, Sample("features", (0.0, 0.0), strength), CONFIG)
    assert memory.is_reliable(0.5, CONFIG)  # the mean of the kept peaks, below 0.5 T = 1
    assert not memory.is_reliable(0.49, CONFIG)


def test_misses_count_up_and_start_over():
    memory = ReliableMemory()
    see(memory, 1.0)
    for expected in (1, 2):
        see(memory, 0.0)
        assert memory.misses == expected
    see(memory, 1.0)
    assert memory.misses == 0


def test_first_in_first_out_the_best_and_the_newest():
    memory = ReliableMemory()
    assert memory.best(1) == memory.newest(1) == []
    for strength in (9.0, 5.0, 6.0):
        see(memory, strength)
    assert [each.strength for each in memory.best(1)] == [6.0]
    assert [each.strength for each in memory.best(5)] == [6.0, 5.0]
    assert [each.strength for each in memory.newest(1)] == [6.0]
    assert [each.strength for each in memory.newest(5)] == [5.0, 6.0]


def test_frames_without_features_count_but_neither_teach_nor_crowd_out_those_that_do():
    memory = ReliableMemory()
    for strength in (5.0, 6.0):
        see(memory, strength)
    for _ in range(3):
        see(memory, 4.0, features=None)
    assert memory.is_reliable(2.75, CONFIG)
    for strength in (2.0, 2.0):  # below half of T, of which the memory's mean is now
        memory.add(strength, Sample(None, (0.0, 0.0), strength), CONFIG)
    assert memory.is_reliable(2.0, CONFIG)
    assert not memory.is_reliable(1.99, CONFIG)
    assert [each.strength for each in memory.newest(2)] == [5.0, 6.0]
    assert [each.strength for each in memory.best(1)] == [6.0]
