"""The pictures of a topic, decoded one at a time as the tracker node would take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradnet_ros.bags.bag import Bag, count_of
from gradnet_ros.bags.errors import BagError
from gradnet_ros.bags.storage import Record, Topic, reason
from gradnet_ros.bags.types import PICTURES, typestore
from gradnet_ros.ros.images import to_bgr
from gradnet_ros.ros.order import JUMP_BACK_S, StampOrder, Step
from gradnet_ros.ros.stamps import NANOSECONDS, seconds, to_nanoseconds

Stamps = Literal["header", "record"]
"""Whose time a picture has: its header's, or that of its recording."""


@dataclass(frozen=True)
class Picture:
    """A picture that can be tracked in.

    Attributes:
        number: its place in the topic, from 0 on.
        recorded: when it was recorded, ns.
        stamp: its stamp, ns, never 0; its header has the same.
        message: the ``sensor_msgs`` Image or CompressedImage, as rosbags has it.
        pixels: H x W x 3 uint8 BGR, to be read only.
    """

    number: int
    recorded: int
    stamp: int
    message: Any
    pixels: NDArray[np.uint8]

    @property
    def frame_id(self) -> str:
        """The frame of its header."""
        return str(self.message.header.frame_id)


@dataclass(frozen=True)
class LeftOut:
    """A picture that is not tracked.

    Attributes:
        number: its place in the topic, from 0 on.
        recorded: when it was recorded, ns.
        why: the reason.
    """

    number: int
    recorded: int
    why: str


class PictureTopic:
    """The pictures of one topic.

    Args:
        bag: an open bag.
        name: of the topic; ``None`` takes the only one with pictures.
        stamps: whose time a picture has.

    Attributes:
        bag: as given.
        topic: the topic.
        left_out: what the last pass left out.

    Raises:
        BagError: there is no such topic, it has no pictures, or there are several to choose from.
    """

    def __init__(self, bag: Bag, name: str | None, stamps: Stamps = "header") -> None:
        self.bag, self._stamps = bag, stamps
        self.topic = choose_topic(bag, name)
        self.left_out: list[LeftOut] = []

    def pictures(self) -> Iterator[Picture]:
        """All that can be tracked in, in the order of their recording; the others go to :attr:`left_out`.

        Left out is what the node leaves out: what cannot be decoded, and what is not newer than the one
        before. So is a picture without a stamp, which no detection could be told to belong to.

        Raises:
            DamagedBagError: the bag cannot be read to its end.
        """
        self.left_out = []
        order = StampOrder(JUMP_BACK_S)
        for number, record in enumerate(self.bag.messages(self.topic.name)):
            try:
                picture = self._read(number, record)
                last = order.last
                if order.judge(picture.stamp) is Step.LATE:
                    raise ValueError(
                        f"out of order: stamp {seconds(picture.stamp)} after one with {seconds(last)}"
                    )
            except ValueError as error:
                self.left_out.append(LeftOut(number, record.recorded, str(error)))
            else:
                yield picture

    def _read(self, number: int, record: Record) -> Picture:
        """Deserialise and decode a picture.

        Raises:
            ValueError: that is not possible, or it has no stamp.
        """
        message = deserialise(record, self.topic)
        header = message.header
        if self._stamps == "record":
            header.stamp.sec, header.stamp.nanosec = divmod(record.recorded, NANOSECONDS)
        stamp = to_nanoseconds(header.stamp)
        if stamp == 0:
            raise ValueError("no stamp in its header (--stamps record takes the time of its recording)")
        return Picture(number, record.recorded, stamp, message, to_bgr(message))


def deserialise(record: Record, topic: Topic) -> Any:
    """Make a message of its bytes.

    Raises:
        ValueError: it is not of the topic's type.
    """
    from rosbags.serde import SerdeError

    try:
        return typestore().deserialize_cdr(record.data, topic.type)
    except (SerdeError, IndexError, AssertionError) as error:
        raise ValueError(f"cannot be read as {topic.type}: {reason(error)}") from error


def choose_topic(bag: Bag, name: str | None) -> Topic:
    """The topic of this name, or the only one with pictures.

    Raises:
        BagError: see :class:`PictureTopic`.
    """
    candidates = [topic for topic in bag.topics if topic.type in PICTURES]
    if name is not None:
        topic = bag.topic(name)
        if topic.type not in PICTURES:
            raise BagError(f"{bag.path}: {name} is of type {topic.type}, not pictures; {_offer(candidates)}")
    elif len(candidates) == 1:
        topic = candidates[0]
    else:
        raise BagError(f"{bag.path}: --image-topic is needed; {_offer(candidates)}")
    if topic.count == 0:
        raise BagError(f"{bag.path}: {topic.name} holds no messages")
    return topic


def _offer(candidates: Sequence[Topic]) -> str:
    if not candidates:
        return f"no topic has pictures ({', '.join(PICTURES)})"
    return "topics with pictures: " + ", ".join(f"{each.name} ({count_of(each)})" for each in candidates)
