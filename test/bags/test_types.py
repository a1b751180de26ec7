"""The types that rosbags does not know are those of the distributions."""

import pytest

pytest.importorskip("rosbags")
from gradnet_ros.bags.types import DETECTION, typestore


def test_detection_has_the_distributions_type_hash():
    # As published with vision_msgs 4; the hash covers the nested types too.
    expected = "RIHS01_0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea"
    assert typestore().hash_rihs01(DETECTION) == expected
