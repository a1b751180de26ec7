"""Large images between processes of one machine: Fast DDS's own segment holds less than one."""

from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

PROFILE = "fastdds_large_images.xml"
VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""The second is the name on Humble and Jazzy."""


def allow_large_images() -> None:
    """Have this process send with the package's profile, unless the user has one; before ``rclpy.init``."""
    os.environ.update(large_image_variables())


def large_image_variables() -> dict[str, str]:
    """Environment variables that have a process send with the package's profile.

    None where the user has one, nor where the profile is not installed and this is no checkout either.
    """
    if any(name in os.environ for name in VARIABLES):
        return {}
    for folder in _folders():
        profile = folder / PROFILE
        if profile.is_file():
            return dict.fromkeys(VARIABLES, str(profile))
    return {}


def _folders() -> list[Path]:
    """Where the package's configuration may lie: installed, or in a checkout."""
    checkout = Path(__file__).resolve().parents[2] / "config"
    try:
        return [Path(get_package_share_directory("gradnet_ros")) / "config", checkout]
    except PackageNotFoundError:
        return [checkout]
