"""Image messages to arrays: the one place where pixels are read.

On a distribution cv_bridge converts; where it is missing or broken, rosbags-image does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Converter = Callable[[Any], NDArray[np.uint8]]
"""Raw image message -> H x W x 3 uint8 BGR; raises ValueError."""

_BYTES_PER_PIXEL = {
    "mono8": 1, "mono16": 2, "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4,
    "rgb16": 6, "bgr16": 6, "rgba16": 8, "bgra16": 8,
    "uyvy": 2, "yuyv": 2, "yuv422": 2, "yuv422_yuy2": 2,
}  # fmt: skip
_BAYER = re.compile(r"bayer_(?:rggb|bggr|gbrg|grbg)(8|16)")
_PLAIN = re.compile(r"(8|16|32|64)[USF]C?([1-9]\d*|)")
_PLANAR = ("nv12", "nv21")
_ALIASES = {"8UC1": "mono8", "8UC3": "bgr8", "8UC4": "bgra8"}
"""Encodings without a colour meaning that cameras use all the same; read as OpenCV would."""


def to_bgr(message: Any) -> NDArray[np.uint8]:
    """Convert a ``sensor_msgs`` Image or CompressedImage, of any encoding that can be seen as colour or grey.

    Returns:
        H x W x 3 uint8 BGR. It may share memory with the message: do not write to it.

    Raises:
        ValueError: the message is no image; the text says what is wrong.
    """
    if is_compressed(message):
        return _decode(message)
    check_layout(message)
    packed = _packed(message)
    reasons = []
    for name, convert in converters():
        try:
            return np.ascontiguousarray(convert(packed))
        except ValueError as error:
            reasons.append(f"{name}: {error}")
    raise ValueError(f"encoding '{message.encoding}' cannot be converted to bgr8 ({'; '.join(reasons)})")


def is_compressed(message: Any) -> bool:
    """Whether this is a CompressedImage."""
    return hasattr(message, "format")


def encoding_of(message: Any) -> str:
    """What the message calls its pixels: ``encoding`` of an Image, ``format`` of a CompressedImage."""
    return str(message.format if is_compressed(message) else message.encoding)


def size_of(message: Any) -> tuple[int, int]:
    """``(width, height)`` in pixels; a compressed image is decoded for it.

    Raises:
        ValueError: the message is no image.
    """
    if is_compressed(message) or message.encoding in _PLANAR:
        height, width = to_bgr(message).shape[:2]
        return int(width), int(height)
    return int(message.width), int(message.height)


def check_layout(message: Any) -> None:
    """Check that a raw image's fields fit each other, without reading pixels.

    Raises:
        ValueError: zero size, unknown encoding, rows too short, or the wrong amount of data.
    """
    width, height, step = int(message.width), int(message.height), int(message.step)
    if width == 0 or height == 0:
        raise ValueError(f"image size is {width} x {height}")
    pixel = bytes_per_pixel(message.encoding)
    if pixel is None:
        raise ValueError(f"unknown image encoding '{message.encoding}'")
    if step < width * pixel:
        raise ValueError(
            f"image step is {step} bytes, but {width} pixels of '{message.encoding}' need {width * pixel}"
        )
    allowed = {step * height}
    if message.encoding in _PLANAR:
        allowed.add(step * height * 3 // 2)
    if len(message.data) not in allowed:
        raise ValueError(
            f"image has {len(message.data)} bytes of data, expected step x height = {step} x {height} = "
            f"{step * height}"
        )


def bytes_per_pixel(encoding: str) -> int | None:
    """Bytes that a pixel takes in a row (in the first plane, for planar encodings); None if unknown."""
    if encoding in _BYTES_PER_PIXEL:
        return _BYTES_PER_PIXEL[encoding]
    if encoding in _PLANAR:
        return 1
    if bayer := _BAYER.fullmatch(encoding):
        return int(bayer[1]) // 8
    if plain := _PLAIN.fullmatch(encoding):
        return int(plain[1]) // 8 * int(plain[2] or 1)
    return None


@lru_cache(maxsize=1)
def converters() -> tuple[tuple[str, Converter], ...]:
    """The libraries that convert raw images, by name, the preferred one first. Found once, on first use.

    Raises:
        ImportError: neither library works.
    """
    loaders = (("cv_bridge", load_cv_bridge), ("rosbags-image", load_rosbags_image))
    found = tuple((name, convert) for name, load in loaders if (convert := load()) is not None)
    if not found:
        raise ImportError("no image conversion: neither cv_bridge nor rosbags-image can be used")
    return found


def load_cv_bridge() -> Converter | None:
    """cv_bridge's converter, or None where it is missing or broken."""
    probe = SimpleNamespace(
        width=1, height=1, encoding="rgb8", is_bigendian=0, step=3, data=np.array([1, 2, 3], dtype=np.uint8)
    )
    try:
        from cv_bridge import CvBridge, CvBridgeError

        bridge = CvBridge()
        works = bridge.imgmsg_to_cv2(probe, desired_encoding="bgr8").tolist() == [[[3, 2, 1]]]
    except Exception:  # A cv_bridge built for another NumPy or OpenCV fails in many ways, none of them ours.
        return None

    def convert(message: Any) -> NDArray[np.uint8]:
        try:
            return np.asarray(bridge.imgmsg_to_cv2(message, desired_encoding="bgr8"), dtype=np.uint8)
        except (CvBridgeError, cv2.error, RuntimeError, TypeError, KeyError) as error:
            raise ValueError(str(error)) from error

    return convert if works else None


def load_rosbags_image() -> Converter | None:
    """The converter of rosbags-image, or None where it is missing."""
    try:
        from rosbags.image import ImageError, image_to_cvimage
    except ImportError:
        return None

    def convert(message: Any) -> NDArray[np.uint8]:
        try:
            return np.asarray(image_to_cvimage(message, "bgr8"), dtype=np.uint8)
        except (ImageError, cv2.error, RuntimeError, TypeError, KeyError) as error:
            raise ValueError(str(error)) from error

    return convert


def _decode(message: Any) -> NDArray[np.uint8]:
    """Decode a compressed image: JPEG, PNG or whatever else OpenCV reads."""
    if len(message.data) == 0:
        raise ValueError("compressed image has no data")
    encoding = message.format.split(";")[0].strip()
    if _PLAIN.fullmatch(encoding) and encoding not in _ALIASES:  # Depth: its values are no colours.
        raise ValueError(f"encoding '{encoding}' cannot be converted to bgr8")
    undecodable = f"compressed image of format '{message.format}' cannot be decoded"
    data = np.frombuffer(message.data, dtype=np.uint8)
    # Rotating by EXIF would move the pixels away from where the sender's camera model has them.
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:  # A size that OpenCV does not allow, say.
        raise ValueError(f"{undecodable}: {error.err}") from error
    if image is None:
        raise ValueError(undecodable)
    return np.asarray(image, dtype=np.uint8)


def _packed(message: Any) -> Any:
    """The message as the converters want it: known name, rows without padding, all planes counted as rows."""
    encoding = _ALIASES.get(message.encoding, message.encoding)
    row = int(message.width) * (bytes_per_pixel(message.encoding) or 1)
    rows = len(message.data) // int(message.step)
    if encoding == message.encoding and row == message.step and rows == message.height:
        return message
    data = np.frombuffer(message.data, dtype=np.uint8).reshape(rows, int(message.step))[:, :row]
    return SimpleNamespace(
        width=int(message.width),
        height=rows,
        encoding=encoding,
        is_bigendian=message.is_bigendian,
        step=row,
        data=np.ascontiguousarray(data).reshape(-1),
    )
