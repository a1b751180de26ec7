"""One frame of one or more targets, in one engine: where they are, then how large."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.engines.protocol import Engine, Query
from gradnet_ros.tracking.blank import is_blank
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.crops import Image
from gradnet_ros.tracking.target import Target
from gradnet_ros.tracking.track import Track


def locate(engine: Engine, image: Image, targets: Sequence[Target], config: TrackerConfig) -> list[Track]:
    """Find targets in the next frame: one search for all, then one comparison of sizes if they ask for it.

    A target stays where it was, LOST, where the picture is blank all over the places to be searched.

    Whatever the engine raises (out of memory, say), the targets stay as they were.

    Args:
        engine: theirs.
        image: HxWx3 uint8, BGR.
        targets: those to look for.
        config: the settings in force.

    Returns:
        Their tracks.
    """
    queries = [target.ask(config) for target in targets]
    blank = [all(is_blank(image, query.region) for query in own) for own in queries]
    asked = [
        pair for pair, unseen in zip(zip(targets, queries, strict=True), blank, strict=True) if not unseen
    ]
    tracks = iter(_locate_seen(engine, image, asked, config) if asked else ())
    return [
        target.miss(config) if unseen else next(tracks) for target, unseen in zip(targets, blank, strict=True)
    ]


def _locate_seen(
    engine: Engine, image: Image, asked: Sequence[tuple[Target, Sequence[Query]]], config: TrackerConfig
) -> list[Track]:
    """The tracks of targets that something may show, each with what it asks."""
    targets, queries = zip(*asked, strict=True)
    answers = iter(engine.search(image, [query for own in queries for query in own]))
    # Each takes as many answers as it has asked: more than one while it looks in several places.
    found = [
        target.find(own, [next(answers) for _ in own], config)
        for target, own in zip(targets, queries, strict=True)
    ]
    cosines: Sequence[NDArray[np.float32] | None] = [None] * len(targets)
    if config.compares_sizes:
        places = zip(targets, found, strict=True)
        looks = [target.look(place.centre, place.size, config) for target, place in places]
        cosines = engine.compare(image, looks)
    return [
        target.settle(place, own, config) for target, place, own in zip(targets, found, cosines, strict=True)
    ]
