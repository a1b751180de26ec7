"""Where the target really is: a topic of detections beside the pictures, or a file with a line a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

from gradnet_ros.bags.bag import Bag
from gradnet_ros.bags.errors import BagError
from gradnet_ros.bags.pictures import Picture, deserialise
from gradnet_ros.bags.types import DETECTION
from gradnet_ros.evaluation.sequences import read_boxes
from gradnet_ros.ros.bbox import from_centre
from gradnet_ros.ros.stamps import seconds, to_nanoseconds
from gradnet_ros.tracking.track import Box

UNKNOWN: Box = (nan, nan, nan, nan)


@dataclass(frozen=True)
class Truth:
    """The truth, and what it says about pictures without a box.

    Attributes:
        by_stamp: stamp, ns -> box.
        by_number: box of each picture of the topic.
        complete: a picture without a valid box is one without the target; otherwise nothing is known of it.
        where: names it in messages.
    """

    by_stamp: Mapping[int, Box] | None = None
    by_number: Sequence[Box] | None = None
    complete: bool = False
    where: str = "no truth"

    def box(self, picture: Picture) -> Box:
        """The box in a picture, pixels; NaN where there is none."""
        if self.by_stamp is not None:
            return self.by_stamp.get(picture.stamp, UNKNOWN)
        if self.by_number is not None and picture.number < len(self.by_number):
            return self.by_number[picture.number]
        return UNKNOWN


def is_valid(box: Box) -> bool:
    """Whether this is a box: finite, with positive sides."""
    return all(map(isfinite, box)) and box[2] > 0 and box[3] > 0


def read_truth_topic(bag: Bag, name: str) -> Truth:
    """Read a topic of ``vision_msgs/Detection2D``; a detection belongs to the picture with its very stamp.

    Nothing is known of pictures without a detection, or with one whose box has no size.

    Raises:
        BagError: no such topic, another type, a message that cannot be read, a box that is rotated, or two
            boxes for one stamp.
    """
    topic = bag.topic(name)
    if topic.type != DETECTION:
        raise BagError(f"{bag.path}: {name} is of type {topic.type}, not {DETECTION}")
    found: dict[int, Box] = {}
    for number, record in enumerate(bag.messages(name)):
        where = f"{bag.path}: {name}, message {number}"
        try:
            message = deserialise(record, topic)
        except ValueError as error:
            raise BagError(f"{where}: {error} of vision_msgs 4") from error
        stamp, bbox = to_nanoseconds(message.header.stamp), message.bbox
        if bbox.center.theta != 0.0:
            raise BagError(f"{where}: center.theta must be 0, got {bbox.center.theta}")
        position = bbox.center.position
        box = from_centre((position.x, position.y, bbox.size_x, bbox.size_y))
        if found.setdefault(stamp, box) != box:
            raise BagError(f"{where}: a second box for stamp {seconds(stamp)}: a truth has one target")
    return Truth(by_stamp=found, where=name)


def read_truth_file(path: Path) -> Truth:
    """Read ``x,y,w,h`` a line, one for each picture of the topic; ``NaN``: the target is not to be seen.

    Raises:
        OSError: there is no such file.
        ValueError: a line that is not four numbers; the message names it.
    """
    rows: list[Box] = [(x, y, w, h) for x, y, w, h in read_boxes(path).tolist()]
    return Truth(by_number=rows, complete=True, where=str(path))
