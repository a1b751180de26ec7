"""The benchmarks that can be read, by the name that the command line gives them."""

from __future__ import annotations

from gradnet_ros.evaluation.benchmarks import got10k, lasot, otb, uav123
from gradnet_ros.evaluation.sequences import read_folder

FORMATS = {
    "folder": read_folder,
    "otb": otb.read,
    "got10k": got10k.read,
    "lasot": lasot.read,
    "uav123": uav123.read,
}
"""Name -> what makes sequences of a folder; see each for its layout and what it raises."""
