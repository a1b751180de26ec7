"""Lets the tests import the demo's modules by name, as these import one another."""

import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "demo"
sys.path.insert(0, str(DEMO))


@pytest.fixture
def demo_folder():
    return DEMO


@pytest.fixture
def labels(demo_folder):
    from labels import read_labels

    return read_labels(demo_folder / "carphone_pristine_boxes.csv")
