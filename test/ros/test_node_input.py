"""What comes in: encodings, transports, order, rubbish, QoS; and the account of it all."""

import time

import cv2
import pytest

pytest.importorskip("rclpy")
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from gradnet_ros.ros.images import to_bgr
from gradnet_ros.ros.tracker_node import LOG_PERIOD_S
from ros.fake_tracker import DELAY
from ros.graph import BOX_SIZE, EVERY_IMAGE, centre, picture, stamp_of

pytestmark = pytest.mark.integration


def counts(values):
    names = ("tracked", "dropped", "out_of_order", "bad", "idle")
    return {name: int(values[f"frames_{name}"]) for name in names}


def test_every_frame_ends_in_one_count(run):
    """200 frames, some bad, some out of order, faster than the tracker: published == sum of all counts."""
    _, graph = run(*EVERY_IMAGE, **{DELAY: "0.02"})
    graph.connected()
    start = graph.settled()
    graph.init(target_id="t")
    base = graph.now()
    for number in range(200):
        changes = {}
        stamp = base + number * 10_000_000
        if number % 10 == 3:
            changes = {"width": 0}
        elif number % 10 == 7:
            stamp -= 15_000_000
        graph.send((50, 40), stamp, **changes)
        graph.executor.spin_once(timeout_sec=0.005)
    total = int(start["frames_received"]) + 200
    graph.wait(lambda: graph.last("frames_received") == str(total), "all frames to be received")
    values = graph.settled()
    found = counts(values)
    assert sum(found.values()) == total
    assert (found["bad"], found["out_of_order"]) == (20, 20)
    assert found["idle"] == int(start["frames_idle"])
    assert found["tracked"] + found["dropped"] == 160
    graph.wait(lambda: len(graph.detections) >= found["tracked"], "all detections")
    assert len(graph.detections) == found["tracked"]
    assert len({stamp_of(detection) for detection in graph.detections}) == found["tracked"]


def test_messages_of_another_type_are_told_from_silence(run):
    # As a user would who leaves the transport at raw; the graph's own images go elsewhere.
    _, graph = run("-r", "image:=camera/compressed", image="camera")
    sentence = (
        "/camera/compressed carries sensor_msgs/msg/CompressedImage, but sensor_msgs/msg/Image is taken"
    )
    graph.wait(lambda: graph.statuses and sentence in graph.statuses[-1][0].message, "the error")
    status = graph.statuses[-1][0]
    graph.wait(lambda: graph.statuses[-1][0].level == b"\2", "an error, with no image")
    assert graph.last("input_publishers") == "1", status


def test_bad_images_are_reported_and_survived(run):
    _, graph = run()
    graph.connected()
    graph.init(target_id="t")
    graph.wait(lambda: graph.detections, "a detection", meanwhile=graph.send)

    def send_bad():
        for changes in ({"encoding": "pal8"}, {"step": 1}, {"height": 0}):
            graph.send(**changes)

    def is_error():
        status = graph.statuses[-1][0]
        return status.level == b"\2" and "bad images in a row" in status.message

    graph.wait(is_error, "the error", meanwhile=send_bad)
    count = len(graph.detections)
    graph.wait(lambda: len(graph.detections) > count, "tracking to go on", meanwhile=graph.send)
    graph.wait(lambda: graph.statuses[-1][0].level == b"\1", "a warning only", meanwhile=graph.send)
    assert "bad image: " in graph.statuses[-1][0].message
    assert graph.last("last_problem")


def test_compressed_images_follow_the_remapping(run):
    """Remapping `image` moves `image/compressed` along, as image_transport users expect."""
    topic = "/camera/front/compressed"
    _, graph = run(
        "-r", "image:=/camera/front", "-p", "image_transport:=compressed",
        "-p", f"qos_overrides.{topic}.subscription.reliability:=reliable", image="/camera/front",
    )  # fmt: skip

    def send():
        raw = picture((50, 40), graph.now())
        data = cv2.imencode(".png", to_bgr(raw))[1].tobytes()
        graph.compressed.publish(CompressedImage(header=raw.header, format="bgr8; png compressed", data=data))

    graph.wait(lambda: int(graph.last("frames_received") or 0) > 0, "an image to arrive", meanwhile=send)
    assert graph.last("input_topic") == topic
    (reader,) = graph.node.get_subscriptions_info_by_topic(topic)
    assert reader.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert graph.init(target_id="t").success
    assert not graph.init((900, 40, 10, 10)).success
    graph.wait(lambda: len(graph.detections) > 2, "detections", meanwhile=send)
    assert centre(graph.detections[-1]) == (50 + BOX_SIZE / 2, 40 + BOX_SIZE / 2)
    graph.wait(lambda: graph.last("input_size") == "160x120", "the size")
    assert graph.last("input_encoding") == "bgr8; png compressed"

    def send_rubbish():
        header = picture(None, graph.now()).header
        graph.compressed.publish(CompressedImage(header=header, format="jpeg", data=b"rubbish"))

    graph.wait(lambda: int(graph.last("frames_bad")) > 0, "a bad image", meanwhile=send_rubbish)
    count = len(graph.detections)
    graph.wait(lambda: len(graph.detections) > count, "tracking to go on", meanwhile=send)


def test_other_encodings_are_tracked(run):
    _, graph = run()
    graph.connected()
    graph.init(target_id="t")

    def send_grey():
        message = picture((50, 40), graph.now())
        grey = to_bgr(message)[:, :, 0].tobytes()
        message.encoding, message.step, message.data = "mono8", message.width, grey
        graph.images.publish(message)

    graph.wait(lambda: len(graph.detections) > 2, "detections", meanwhile=send_grey)
    assert centre(graph.detections[-1]) == (60, 50)


def test_stream_that_starts_over_is_taken_up_again(run):
    _, graph = run()
    graph.connected()
    graph.init(target_id="t")
    graph.wait(lambda: graph.detections, "a detection", meanwhile=graph.send)
    start = 1_000_000_000
    sent = []

    def send_old():
        sent.append(graph.send(stamp=start + len(sent) * 10_000_000))

    graph.wait(
        lambda: stamp_of(graph.detections[-1]) in sent, "a detection in the new stream", meanwhile=send_old
    )
    assert graph.settled()["frames_out_of_order"] == "0"


def test_two_sources_with_different_clocks_are_a_warning_and_no_flood(run):
    process, graph = run(*EVERY_IMAGE)
    graph.connected()
    base = int(graph.settled()["frames_received"])
    began, now = time.monotonic(), graph.now()
    for number in range(40):
        graph.send(stamp=now + number * 10_000_000)
        graph.send(stamp=1_000_000_000 + number * 10_000_000)
    graph.wait(lambda: graph.last("frames_received") == str(base + 80), "all images to arrive")
    status, values = graph.statuses[-1]
    assert status.level == b"\1"
    assert "stamps jumped back by" in status.message
    assert "stamps jumped back by" in values["last_problem"]
    warnings = process.output().count("stamps jumped back by")
    assert 1 <= warnings <= 2 + (time.monotonic() - began) / LOG_PERIOD_S


def test_nobody_publishing_is_stale_and_says_so(run):
    _, graph = run("-p", "no_image_timeout:=0.5")
    graph.images.topic_name  # noqa: B018
    graph.node.destroy_publisher(graph.images)
    graph.wait(
        lambda: (
            graph.statuses
            and graph.statuses[-1][0].level == b"\3"
            and "nobody" in graph.statuses[-1][0].message
        ),
        "STALE",
    )


def test_unfit_qos_is_an_error(run):
    _, graph = run(
        "-p", "no_image_timeout:=0.5", "-p", "qos_overrides./image.subscription.reliability:=reliable"
    )
    graph.node.destroy_publisher(graph.images)
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    graph.images = graph.node.create_publisher(Image, "image", best_effort)
    graph.wait(
        lambda: graph.statuses and "does not fit (RELIABILITY)" in graph.statuses[-1][0].message,
        "the mismatch",
        meanwhile=graph.send,
    )
    assert graph.statuses[-1][0].level == b"\2"
    assert graph.last("input_incompatible") == "1"
