"""Writing detections as a bag: the same detections, the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gradnet_ros.bags.outcome import Finding, Row
from gradnet_ros.bags.types import DETECTION, typestore
from gradnet_ros.ros.stamps import NANOSECONDS

VERSION: Literal[8] = 8
"""Of the metadata: what Humble and all later distributions read."""


def detection_topic(image_topic: str) -> str:
    """The topic beside the pictures': ``/camera/image_raw`` -> ``/camera/detection``."""
    base = image_topic.removesuffix("/compressed")
    return f"{base.rpartition('/')[0]}/detection"


def write_detections(
    rows: Sequence[Row], path: Path, storage_id: str, image_topic: str, target: tuple[str, str]
) -> None:
    """Write a new bag with a ``vision_msgs/Detection2D`` for each picture that has one.

    Header and time of recording are those of the picture, so that both bags can be played side by side.

    Args:
        rows: what was found.
        path: the bag's folder, which must not exist.
        storage_id: ``sqlite3`` or ``mcap``.
        image_topic: topic of the pictures; noted in the bag.
        target: name and class of the target.

    Raises:
        ValueError: the folder exists.
    """
    from rosbags.rosbag2 import StoragePlugin, Writer

    if path.exists():
        raise ValueError(f"{path}: exists already")
    writer = Writer(path, version=VERSION, storage_plugin=StoragePlugin[storage_id.upper()])
    writer.set_custom_data("image_topic", image_topic)
    with writer:
        topic = writer.add_connection(detection_topic(image_topic), DETECTION, typestore=typestore())
        for row in rows:
            if row.finding is not None:
                message = to_message(row, row.finding, target)
                writer.write(topic, row.recorded, typestore().serialize_cdr(message, DETECTION))


def to_message(row: Row, finding: Finding, target: tuple[str, str]) -> Any:
    """The message of a detection, as the tracker node publishes it."""
    types = typestore().types
    target_id, class_id = target
    cx, cy, width, height = finding.centred
    seconds, nanoseconds = divmod(row.stamp, NANOSECONDS)
    header = types["std_msgs/msg/Header"](
        types["builtin_interfaces/msg/Time"](seconds, nanoseconds), row.frame_id
    )
    point = types["vision_msgs/msg/Point2D"](cx, cy)
    bbox = types["vision_msgs/msg/BoundingBox2D"](types["vision_msgs/msg/Pose2D"](point, 0.0), width, height)
    results = []
    if finding.score is not None:
        pose = types["geometry_msgs/msg/Pose"](
            types["geometry_msgs/msg/Point"](0.0, 0.0, 0.0),
            types["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0),
        )
        results.append(
            types["vision_msgs/msg/ObjectHypothesisWithPose"](
                types["vision_msgs/msg/ObjectHypothesis"](class_id, finding.score),
                types["geometry_msgs/msg/PoseWithCovariance"](pose, np.zeros(36)),
            )
        )
    return types[DETECTION](header, results, bbox, target_id)
