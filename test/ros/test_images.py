"""Pixels against arrays worked out by hand, and the two converters against each other."""

import struct
import sys
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from gradnet_ros.ros import images

rosbags_image = pytest.mark.skipif(
    images.load_rosbags_image() is None, reason="rosbags-image is not installed"
)


def message(encoding, pixels, padding=0, **changes):
    """A raw image of an array; rows may be followed by padding bytes."""
    pixels = np.ascontiguousarray(pixels)
    rows = pixels.view(np.uint8).reshape(pixels.shape[0], -1)
    padded = np.full((rows.shape[0], rows.shape[1] + padding), 99, np.uint8)
    padded[:, : rows.shape[1]] = rows
    values = {
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "encoding": encoding,
        "is_bigendian": 0,
        "step": padded.shape[1],
        "data": padded.tobytes(),
    }
    return SimpleNamespace(**{**values, **changes})


def compressed(data, form="jpeg"):
    return SimpleNamespace(format=form, data=data)


def png(width, height):
    """A PNG file that claims a size and has no rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def jpeg(width, height):
    """A JPEG file that claims a size and has the data of a small image."""
    data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    size = data.find(b"\xff\xc0") + 5  # in the segment that begins the frame
    data[size : size + 4] = struct.pack(">HH", height, width)
    return bytes(data)


BGR = np.array([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [250, 251, 252]]], np.uint8)
GREY = np.array([[0, 100], [200, 255]], np.uint8)
GREY_AS_BGR = np.repeat(GREY[:, :, None], 3, axis=2)

EXACT = {
    "bgr8": (BGR, BGR),
    "rgb8": (BGR[:, :, ::-1], BGR),
    "bgra8": (np.dstack([BGR, GREY]), BGR),
    "rgba8": (np.dstack([BGR[:, :, ::-1], GREY]), BGR),
    "mono8": (GREY, GREY_AS_BGR),
    "8UC1": (GREY, GREY_AS_BGR),
    "8UC3": (BGR, BGR),
    "8UC4": (np.dstack([BGR, GREY]), BGR),
}


@pytest.mark.parametrize("encoding", EXACT)
@pytest.mark.parametrize("padding", [0, 5])
def test_eight_bit_encodings(encoding, padding):
    pixels, expected = EXACT[encoding]
    image = images.to_bgr(message(encoding, pixels, padding))
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(("bigendian", "order"), [(0, "<u2"), (1, ">u2")])
def test_sixteen_bit_grey_is_scaled_to_eight(bigendian, order):
    pixels = (GREY.astype(np.uint16) * 257).astype(order)
    image = images.to_bgr(message("mono16", pixels, is_bigendian=bigendian))
    # 255 / 65535 of the value, which the converters round differently.
    assert np.abs(image.astype(int) - GREY_AS_BGR).max() <= 1


@pytest.mark.parametrize(
    ("encoding", "order"), [("yuv422", "uyvy"), ("uyvy", "uyvy"), ("yuv422_yuy2", "yuyv"), ("yuyv", "yuyv")]
)
def test_yuv422(encoding, order):
    if encoding in ("uyvy", "yuyv") and images.load_rosbags_image() is None:
        pytest.skip("an old cv_bridge does not know the new names")
    luma = [16, 235]  # black and white of BT.601; 128 is no colour
    two = [128, luma[0], 128, luma[1]] if order == "uyvy" else [luma[0], 128, luma[1], 128]
    pixels = np.array([two], np.uint8).reshape(1, 2, 2)
    np.testing.assert_array_equal(images.to_bgr(message(encoding, pixels)), [[[0, 0, 0], [255, 255, 255]]])


BAYER = ("bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8")


def bayer_of(colour, encoding):
    """An even 8 x 8 surface of a BGR colour as the sensor of a pattern sees it."""
    letters = encoding.removeprefix("bayer_").rstrip("0123456789")
    channel = {"b": 0, "g": 1, "r": 2}
    tile = [[colour[channel[letters[0]]], colour[channel[letters[1]]]],
            [colour[channel[letters[2]]], colour[channel[letters[3]]]]]  # fmt: skip
    return np.tile(np.array(tile, np.uint8), (4, 4))


@pytest.mark.parametrize("encoding", BAYER)
def test_bayer_gives_back_an_even_surface(encoding):
    colour = (10, 120, 240)
    image = images.to_bgr(message(encoding, bayer_of(colour, encoding)))
    np.testing.assert_array_equal(image[2:-2, 2:-2], np.broadcast_to(colour, (4, 4, 3)))


@rosbags_image
@pytest.mark.parametrize("luma_height", [True, False])
def test_planar_yuv_with_either_meaning_of_height(luma_height):
    planes = np.vstack([np.full((4, 4), 235, np.uint8), np.full((2, 4), 128, np.uint8)])
    changes = {"height": 4} if luma_height else {}
    image = images.to_bgr(message("nv12", planes, **changes))
    np.testing.assert_array_equal(image, np.full((4, 4, 3), 255))


@pytest.mark.parametrize("form", [".jpg", ".png"])
@pytest.mark.parametrize("grey", [True, False])
def test_compressed(form, grey):
    source = np.full((16, 24), 200, np.uint8) if grey else np.full((16, 24, 3), (10, 120, 240), np.uint8)
    data = cv2.imencode(form, source)[1].tobytes()
    image = images.to_bgr(compressed(data))
    assert image.shape == (16, 24, 3)
    expected = np.full((16, 24, 3), 200) if grey else np.broadcast_to((10, 120, 240), (16, 24, 3))
    assert np.abs(image.astype(int) - expected).max() <= (3 if form == ".jpg" else 0)


DEPTH = cv2.imencode(".png", np.full((2, 2), 3000, np.uint16))[1].tobytes()


@pytest.mark.parametrize(
    "encoding", ["mono16; png compressed ", "8UC3; jpeg compressed bgr8", "bgr8; png", "jpeg"]
)
def test_compressed_pictures_of_other_encodings_are_taken(encoding):
    assert images.to_bgr(compressed(DEPTH, encoding)).shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (message("bgr8", BGR, width=0), "size is 0 x 2"),
        (message("bgr8", BGR, height=0), "size is 2 x 0"),
        (message("bgr8", BGR, step=5), "step is 5 bytes, but 2 pixels of 'bgr8' need 6"),
        (message("bgr8", BGR, data=bytes(11)), r"11 bytes of data, expected step x height = 6 x 2 = 12"),
        (message("bgr8", BGR, data=bytes(13)), "13 bytes of data"),
        (message("bgr8", BGR, data=b""), "0 bytes of data"),
        (message("bgr8", BGR, width=4_000_000_000), "need 12000000000"),
        (message("pal8", BGR), "unknown image encoding 'pal8'"),
        (message("", BGR), "unknown image encoding ''"),
        (message("8UC0", BGR), "unknown image encoding '8UC0'"),
        (message("32FC1", np.zeros((2, 2), np.float32)), "'32FC1' cannot be converted"),
        (message("16UC1", np.zeros((2, 2), np.uint16)), "'16UC1' cannot be converted"),
        (message("yuv422", np.zeros((1, 3, 2), np.uint8)), "'yuv422' cannot be converted"),
        (compressed(b""), "no data"),
        (compressed(DEPTH, "16UC1; png compressed "), "'16UC1' cannot be converted"),
        (compressed(DEPTH, "32FC1; compressedDepth png"), "'32FC1' cannot be converted"),
        (compressed(b"not a picture", "png"), "format 'png' cannot be decoded"),
        (compressed(png(100_000, 100_000), "png"), "format 'png' cannot be decoded: .*PIXELS"),
        (compressed(jpeg(65_000, 65_000)), "format 'jpeg' cannot be decoded: .*PIXELS"),
    ],
)
def test_bad_images_say_what_is_wrong(bad, reason):
    with pytest.raises(ValueError, match=reason):
        images.to_bgr(bad)


def test_size_and_encoding():
    raw = message("mono8", GREY)
    packed = compressed(cv2.imencode(".png", GREY)[1].tobytes(), "mono8; png compressed")
    assert images.size_of(raw) == images.size_of(packed) == (2, 2)
    assert (images.encoding_of(raw), images.encoding_of(packed)) == ("mono8", "mono8; png compressed")


def test_some_converter_is_found():
    assert images.converters()[0][0] in ("cv_bridge", "rosbags-image")


def test_broken_cv_bridge_is_passed_over(monkeypatch):
    class Broken:
        def __getattr__(self, name):
            raise AttributeError("built for another NumPy")

    monkeypatch.setitem(sys.modules, "cv_bridge", Broken())
    assert images.load_cv_bridge() is None


class StandInBridge:
    """Knows rgb8 only, as cv_bridge would convert it."""

    def imgmsg_to_cv2(self, image, desired_encoding):
        assert desired_encoding == "bgr8"
        if image.encoding != "rgb8":
            raise StandInError(f"cannot convert {image.encoding}")
        pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
        return pixels[:, :, ::-1]


class StandInError(TypeError):
    pass


@pytest.fixture
def stand_in_bridge(monkeypatch):
    module = SimpleNamespace(CvBridge=StandInBridge, CvBridgeError=StandInError)
    monkeypatch.setitem(sys.modules, "cv_bridge", module)
    images.converters.cache_clear()
    yield
    images.converters.cache_clear()


@pytest.mark.usefixtures("stand_in_bridge")
def test_working_cv_bridge_is_preferred():
    assert images.converters()[0][0] == "cv_bridge"
    np.testing.assert_array_equal(images.to_bgr(message("rgb8", BGR[:, :, ::-1])), BGR)


@rosbags_image
@pytest.mark.usefixtures("stand_in_bridge")
def test_what_cv_bridge_cannot_convert_rosbags_image_may():
    np.testing.assert_array_equal(images.to_bgr(message("mono8", GREY)), GREY_AS_BGR)
    with pytest.raises(ValueError, match=r"cv_bridge: cannot convert 32FC1; rosbags-image: "):
        images.to_bgr(message("32FC1", np.zeros((2, 2), np.float32)))


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        *((name, pixels) for name, (pixels, _) in EXACT.items() if not name.startswith("8U")),
        ("mono16", GREY.astype(np.uint16) * 200),
        ("bgr16", BGR.astype(np.uint16) * 200),
        ("yuv422", np.arange(64, dtype=np.uint8).reshape(4, 8, 2)),
        ("bayer_rggb8", bayer_of((10, 120, 240), "bayer_rggb8")),
        ("bayer_gbrg8", np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)),
    ],
)
def test_both_converters_agree(encoding, pixels):
    pytest.importorskip("cv_bridge")
    cv_bridge, rosbags = images.load_cv_bridge(), images.load_rosbags_image()
    if cv_bridge is None or rosbags is None:
        pytest.skip("one of the converters does not work here")
    image = message(encoding, pixels)
    allowed = 1 if encoding.endswith("16") else 0  # one rounds, the other cuts off
    assert np.abs(cv_bridge(image).astype(int) - rosbags(image)).max() <= allowed
