"""GradNet: a Siamese single-object tracker that adapts its template with one backward pass, for ROS 2.

``from gradnet_ros import Tracker`` needs torch, numpy, opencv and safetensors only; what needs a ROS
installation lives in :mod:`gradnet_ros.ros`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradnet_ros.tracking.config import TrackerConfig
    from gradnet_ros.tracking.multi import MultiTracker
    from gradnet_ros.tracking.track import Track, TrackState
    from gradnet_ros.tracking.tracker import Tracker

__version__ = "0.1.0"
__all__ = ["MultiTracker", "Track", "TrackState", "Tracker", "TrackerConfig", "__version__"]

_HOMES = {
    "MultiTracker": "gradnet_ros.tracking.multi",
    "Track": "gradnet_ros.tracking.track",
    "TrackState": "gradnet_ros.tracking.track",
    "Tracker": "gradnet_ros.tracking.tracker",
    "TrackerConfig": "gradnet_ros.tracking.config",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that ``gradnet --help`` does not wait for torch."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
