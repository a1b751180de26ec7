"""One frame of one or more targets, in one engine: where they are, then how large."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.engines.protocol import Engine, Query
from gradnet_ros.tracking.blank import is_blank
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.crops import Image
from gradnet_ros.tracking.target import Found, Target
from gradnet_ros.tracking.track import Track


def locate(engine: Engine, image: Image, targets: Sequence[Target], config: TrackerConfig) -> list[Track]:
    """Find targets in the next frame.

    One search for all, a second one for those that a narrow search does not show well, then one comparison of
    sizes if the settings ask for it.

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
    queries = [_ask(image, target, config) for target in targets]
    asked = [(target, own) for target, own in zip(targets, queries, strict=True) if own]
    tracks = iter(_locate_seen(engine, image, asked, config) if asked else ())
    return [
        next(tracks) if own else target.miss(config) for target, own in zip(targets, queries, strict=True)
    ]


def _ask(image: Image, target: Target, config: TrackerConfig) -> list[Query]:
    """What a target asks; nothing where no place shows anything, not even the whole search region."""
    for whole in (False, True):
        queries = target.ask(config, whole)
        if not all(is_blank(image, query.region) for query in queries):
            return queries
    return []


def _locate_seen(
    engine: Engine, image: Image, asked: Sequence[tuple[Target, Sequence[Query]]], config: TrackerConfig
) -> list[Track]:
    """The tracks of targets that something may show, each with what it asks."""
    targets = [target for target, _ in asked]
    found = _find(engine, image, asked, config)
    again = [
        number
        for number, ((target, own), place) in enumerate(zip(asked, found, strict=True))
        if target.is_unsure(own, place, config)
    ]
    if again:
        whole = [(targets[number], targets[number].ask(config, whole=True)) for number in again]
        for number, place in zip(again, _find(engine, image, whole, config), strict=True):
            found[number] = place
    cosines: Sequence[NDArray[np.float32] | None] = [None] * len(targets)
    if config.compares_sizes:
        places = zip(targets, found, strict=True)
        looks = [target.look(place.centre, place.size, config) for target, place in places]
        cosines = engine.compare(image, looks)
    return [
        target.settle(place, own, config) for target, place, own in zip(targets, found, cosines, strict=True)
    ]


def _find(
    engine: Engine, image: Image, asked: Sequence[tuple[Target, Sequence[Query]]], config: TrackerConfig
) -> list[Found]:
    """Where one search for all targets says that they are."""
    answers = iter(engine.search(image, [query for _, own in asked for query in own]))
    # Each takes as many answers as it has asked: more than one while it looks in several places.
    return [target.find(own, [next(answers) for _ in own], config) for target, own in asked]
