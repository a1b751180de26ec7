"""What is in a bag, for a person."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from gradnet_ros.bags.bag import Bag, count_of
from gradnet_ros.bags.pictures import deserialise
from gradnet_ros.bags.storage import Record, Topic
from gradnet_ros.bags.types import PICTURES
from gradnet_ros.ros.images import encoding_of, size_of
from gradnet_ros.ros.stamps import to_nanoseconds

SAMPLE = 100
"""Pictures whose times are looked at for the rate."""


def lines(bag: Bag) -> Iterator[str]:
    """Describe a bag: a line for itself, one for each topic, and what its pictures are like."""
    yield f"{bag.path}: {bag.storage_id}, {len(bag.topics)} topics"
    width = max((len(topic.name) for topic in bag.topics), default=0)
    for topic in bag.topics:
        yield f"  {topic.name:<{width}}  {topic.type}, {count_of(topic)}"
        if topic.type in PICTURES:
            yield f"  {'':<{width}}  {_describe(bag, topic)}"


def rate(records: list[Record]) -> float | None:
    """Messages a second, by the median distance of their recording; None for less than two."""
    steps = np.diff([record.recorded for record in records])
    middle = float(np.median(steps)) if len(steps) else 0.0
    return 1e9 / middle if middle > 0 else None


def _describe(bag: Bag, topic: Topic) -> str:
    """Size, encoding, rate and stamps of the first pictures."""
    records = list(islice(bag.messages(topic.name), SAMPLE))
    if not records:
        return "nothing to read"
    try:
        first = deserialise(records[0], topic)
        width, height = size_of(first)
    except ValueError as error:
        return f"the first: {error}"
    hertz = rate(records)
    parts = [f"{width}x{height} {encoding_of(first)}"]
    parts += [f"{hertz:.4g} Hz"] if hertz else []
    parts += ["no header stamps"] if to_nanoseconds(first.header.stamp) == 0 else []
    return ", ".join(parts)
