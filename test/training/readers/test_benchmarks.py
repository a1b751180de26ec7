"""The lists of test sequences have the sizes that their publishers state."""

from collections import Counter

from gradnet_ros.training.readers.benchmarks import lasot_test_set, otb_2015


def test_lasot():
    counts = Counter(name.rsplit("-", 1)[0] for name in lasot_test_set())
    assert Counter(counts.values()) == {4: 70, 10: 15}  # 280 of 1,400, and an extension of 150
    numbers = {int(name.rsplit("-", 1)[1]) for name in lasot_test_set()}
    assert numbers <= set(range(1, 21))
    assert {"airplane-1", "zebra-17", "wingsuit-10"} <= lasot_test_set()
    assert not {"airplane-2", "zebra-18"} & lasot_test_set()


def test_otb():
    assert len(otb_2015()) == 98  # Jogging and Skating2 have two targets each
    assert {"Jogging", "Skating2", "Woman"} <= otb_2015()
