"""When a target is near enough for a narrow search region (ours; the setting ``narrow_first``)."""

from __future__ import annotations

from gradnet_ros.nn.trunk import TrunkSpec
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.response import Peak

_STEADY, _SURE = 0.6, 0.8
"""How far from the middle, as a share of what the narrow response reaches: see below."""
_INTERVAL = 12
"""Without template updates, one frame in so many is searched whole: as many as with those of ``lite``."""


def looks_around(frame: int, config: TrackerConfig) -> bool:
    """Whether a frame is searched whole, however well the last one showed the target.

    The first frames are, and one in every ``update_interval``: the template may learn from them, and what
    it is to be told from lies all around. Without updates as many as with an interval of 12 are searched
    whole too, so that trackers with such an interval and without steps see the same, and the difference is
    what the steps are worth.

    Args:
        frame: its number; the one after the target was given is 1.
        config: the settings in force.
    """
    interval = config.update_interval or _INTERVAL
    return frame <= config.early_frames or frame % interval == 0


def is_steady(peak: Peak, score: float, spec: TrunkSpec, config: TrackerConfig) -> bool:
    """Whether the next frame may be searched narrowly: seen well, and it moved little.

    Args:
        peak: where this frame's response says that the target is.
        score: of the target, in [0, 1].
        spec: geometry of the network.
        config: the settings in force.
    """
    return _is_near(peak, score, _STEADY, spec, config)


def is_sure(peak: Peak, score: float, spec: TrunkSpec, config: TrackerConfig) -> bool:
    """Whether a narrow search is believed: seen well, and not at the rim; arguments of :func:`is_steady`."""
    return _is_near(peak, score, _SURE, spec, config)


def _is_near(peak: Peak, score: float, share: float, spec: TrunkSpec, config: TrackerConfig) -> bool:
    reach = (spec.response_side(spec.narrow_size) - 1) / 2 * spec.stride  # pixels of the search crop
    return score >= config.tracked_score and max(abs(peak.dx), abs(peak.dy)) <= share * reach
