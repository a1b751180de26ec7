"""Keeps the ROS graph of a test session apart from all others, and its drawn examples the same each time."""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
from pathlib import Path
from typing import IO

from hypothesis import settings

# Test processes side by side (pytest -n) share the cores; torch reads this once, and a node that is started
# inherits it.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))

# A change is judged by what it changes; `pytest --hypothesis-profile=default` looks for new examples.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

DOMAINS = range(1, 102)
"""ROS domains whose ports are free on every Linux."""


def claim_domain() -> tuple[int, IO[str]]:
    """Claim a ROS domain on this machine for as long as the returned file is open."""
    folder = Path(tempfile.gettempdir())
    start = os.getpid() % len(DOMAINS)
    for domain in [*DOMAINS[start:], *DOMAINS[:start]]:
        lock = (folder / f"gradnet_ros_domain_{os.getuid()}_{domain}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return domain, lock
    raise RuntimeError("every ROS domain is in use by a test session")


# Before anything imports rclpy, which reads these once.
_DOMAIN, _LOCK = claim_domain()
os.environ["ROS_DOMAIN_ID"] = str(_DOMAIN)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
if os.environ.get("ROS_DISTRO") == "humble":  # knows nothing of the line above
    os.environ["ROS_LOCALHOST_ONLY"] = "1"
if sys.prefix != sys.base_prefix and (Path(sys.prefix) / "share" / "ament_index").is_dir():
    os.environ["AMENT_PREFIX_PATH"] = sys.prefix  # a virtual environment that is a ROS prefix
    os.environ.pop("RMW_IMPLEMENTATION", None)  # it has one middleware only
