"""The hardware line names what computes."""

import cv2
import torch

from gradnet_ros.bench.hardware import describe_hardware, usable_cores


def test_the_line():
    line = describe_hardware(torch.device("cpu"))
    assert f"{torch.get_num_threads()} torch threads" in line
    assert f"torch {torch.__version__}, OpenCV {cv2.__version__}" in line
    assert f"{usable_cores()} of " in line
    assert usable_cores() >= 1
