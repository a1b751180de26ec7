"""Bags for tests, written with rosbags."""

from __future__ import annotations

import cv2
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from gradnet_ros.bags.types import COMPRESSED, DETECTION, IMAGE, typestore

STORAGES = ("sqlite3", "mcap")
START = 1_700_000_000_000_000_000
STEP = 33_333_333
RECORDED_LATER = 2_000_000
TOPIC = "/camera/image_raw"
TRUTH = "/truth"


def stamp_of(number):
    return START + number * STEP


def types():
    return typestore().types


def header(stamp, frame_id="camera"):
    seconds, nanoseconds = divmod(stamp, 1_000_000_000)
    return types()["std_msgs/msg/Header"](
        types()["builtin_interfaces/msg/Time"](seconds, nanoseconds), frame_id
    )


def image(frame, stamp, encoding="bgr8", **changes):
    """An Image message; the frame's bytes are taken as they are."""
    values = {
        "header": header(stamp),
        "height": frame.shape[0],
        "width": frame.shape[1],
        "encoding": encoding,
        "is_bigendian": 0,
        "step": frame.nbytes // frame.shape[0],
        "data": np.frombuffer(frame.tobytes(), np.uint8),
    }
    return types()[IMAGE](**{**values, **changes})


def compressed(frame, stamp, ending=".png"):
    data = cv2.imencode(ending, frame)[1].reshape(-1)
    return types()[COMPRESSED](header(stamp), ending[1:], data)


def detection(box, stamp, theta=0.0):
    x, y, w, h = (float(value) for value in box)
    point = types()["vision_msgs/msg/Point2D"](x + w / 2, y + h / 2)
    bbox = types()["vision_msgs/msg/BoundingBox2D"](types()["vision_msgs/msg/Pose2D"](point, theta), w, h)
    return types()[DETECTION](header(stamp), [], bbox, "truth")


def write(path, messages, storage="sqlite3", compression=None):
    """Write ``(topic, time of recording, message)`` into a new bag; its path."""
    writer = Writer(path, version=8, storage_plugin=StoragePlugin[storage.upper()])
    if compression:
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        topics = {}
        for topic, recorded, message in messages:
            kind = message.__msgtype__
            if topic not in topics:
                topics[topic] = writer.add_connection(topic, kind, typestore=typestore())
            writer.write(topics[topic], recorded, typestore().serialize_cdr(message, kind))
    return path


def film(frames, boxes=None, topic=TOPIC, make=image):
    """Messages of a clip, and of its truth if there is one."""
    for number, frame in enumerate(frames):
        stamp = stamp_of(number)
        yield topic, stamp + RECORDED_LATER, make(frame, stamp)
        if boxes is not None:
            yield TRUTH, stamp + RECORDED_LATER + 1, detection(boxes[number], stamp)


def noise(count, size=(40, 60)):
    """Frames that differ from one another."""
    return [np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8) for seed in range(count)]


def storage_file(bag):
    """The file that holds the messages."""
    return next(path for path in bag.iterdir() if path.suffix in (".db3", ".mcap"))


def cut(file, share):
    """Cut a file off."""
    data = file.read_bytes()
    file.write_bytes(data[: round(len(data) * share)])
