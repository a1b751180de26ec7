"""Giving targets, following them, taking them back: two processes on the real middleware."""

import pytest

pytest.importorskip("rclpy")
from vision_msgs.msg import Detection2D, ObjectHypothesisWithPose

from gradnet_ros.ros.messages import to_bbox
from ros.fake_tracker import DELAY, LEARN_DELAY
from ros.graph import BOX_SIZE, EVERY_IMAGE, HEIGHT, WIDTH, centre, stamp_of

pytestmark = pytest.mark.integration


@pytest.fixture
def graph(run):
    _, made = run()
    made.connected()
    return made


def test_target_is_followed_until_it_is_stopped(graph):
    response = graph.init((50, 40, BOX_SIZE, BOX_SIZE), target_id="t", class_id="cup")
    assert (response.success, response.target_id) == (True, "t")
    sent = {}

    def send_next():
        x = 50 + 2 * len(sent) % 60
        sent[graph.send((x, 40))] = x

    graph.wait(lambda: len(graph.detections) >= 10, "ten detections", meanwhile=send_next)
    for detection in graph.detections[1:]:
        assert detection.id == "t"
        assert detection.header.frame_id == "camera"
        (result,) = detection.results
        assert (result.hypothesis.class_id, result.hypothesis.score) == ("cup", 0.9)
        assert centre(detection) == (sent[stamp_of(detection)] + BOX_SIZE / 2, 40 + BOX_SIZE / 2)
    stamps = [stamp_of(detection) for detection in graph.detections]
    assert stamps == sorted(set(stamps))

    stopped = graph.stop()
    assert (stopped.success, stopped.message) == (True, "'t' is not followed any more")
    settled = graph.settled()
    count = len(graph.detections)
    assert (settled["state"], settled["target_id"]) == ("IDLE", "")
    before = int(settled["frames_idle"])
    graph.wait(lambda: int(graph.last("frames_idle")) > before + 5, "idle frames", meanwhile=graph.send)
    assert len(graph.detections) == count
    again = graph.stop()
    assert (again.success, again.message) == (False, "there is no target")


def test_new_target_replaces_the_old_and_gets_a_name_if_it_has_none(graph):
    first = graph.init()
    assert first.target_id == "target_1"
    graph.wait(lambda: graph.detections, "a detection", meanwhile=graph.send)
    second = graph.init((10, 10, 30, 30))
    assert second.target_id == "target_2"
    graph.wait(lambda: graph.detections[-1].id == "target_2", "the new target", meanwhile=graph.send)
    ids = [detection.id for detection in graph.detections]
    assert ids == sorted(ids)
    assert graph.last("target_id") in ("", "target_1", "target_2")


def test_lost_target_has_no_hypothesis_and_is_a_warning(graph):
    graph.init(target_id="t")
    graph.wait(lambda: graph.detections, "a detection", meanwhile=graph.send)
    graph.wait(
        lambda: len(graph.detections[-1].results) == 0,
        "a detection without results",
        meanwhile=lambda: graph.send(None),
    )
    assert graph.detections[-1].bbox.size_x == BOX_SIZE
    graph.wait(
        lambda: "target 't' is lost" in graph.statuses[-1][0].message,
        "the warning",
        meanwhile=lambda: graph.send(None),
    )
    assert graph.statuses[-1][0].level == b"\1"


def test_without_any_image_a_target_is_refused(run):
    _, graph = run()
    graph.active()
    response = graph.init()
    assert (response.success, response.message) == (False, "no image yet")


def test_box_on_an_older_image_is_honoured(run):
    """The target is taken where it was then, and found where it is now."""
    _, graph = run(*EVERY_IMAGE)
    graph.connected()
    base = int(graph.settled()["frames_received"])
    first = graph.now()
    stamps = [first + step * 33_000_000 for step in range(20)]
    for step, stamp in enumerate(stamps):
        graph.send((10 + 4 * step, 40), stamp)
    graph.wait(lambda: graph.last("frames_received") == str(base + 20), "all images to arrive")
    box = (10 + 4 * 3, 40, BOX_SIZE, BOX_SIZE)
    response = graph.init(box, stamp=stamps[3], target_id="t", frame_id="camera")
    assert response.success, response.message
    assert "16 images before the newest" in response.message
    graph.wait(lambda: graph.detections, "a detection without another image")
    (detection,) = graph.detections
    assert stamp_of(detection) == stamps[-1]
    assert centre(detection) == (10 + 4 * 19 + BOX_SIZE / 2, 40 + BOX_SIZE / 2)
    graph.wait(lambda: len(graph.detections) > 1, "the next image", meanwhile=lambda: graph.send((30, 40)))
    values = graph.settled()
    assert values["results_from_history"] == "1"
    graph.wait(lambda: len(graph.detections) >= int(values["frames_tracked"]) + 1, "all detections")
    assert len(graph.detections) == int(values["frames_tracked"]) + 1


def test_stamp_between_two_images_names_the_nearest(graph):
    graph.wait(lambda: int(graph.last("history_frames")) >= 2, "kept images", meanwhile=graph.send)
    stamp = graph.send()
    graph.send()
    graph.settled()
    response = graph.init(stamp=stamp + 1)
    assert not response.success
    assert "no image has exactly the stamp" in response.message


def test_detector_hands_a_target_over(graph):
    message = Detection2D(id="d", bbox=to_bbox((50.0, 40.0, 20.0, 20.0)))
    for name, score in (("cat", 0.2), ("dog", 0.7)):
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = name, score
        message.results.append(hypothesis)
    graph.wait(lambda: graph.hand_over.get_subscription_count() > 0, "the node to subscribe")
    graph.hand_over.publish(message)
    graph.wait(lambda: graph.detections, "a detection", meanwhile=graph.send)
    assert (graph.detections[0].id, graph.detections[0].results[0].hypothesis.class_id) == ("d", "dog")


def test_debug_image_is_made_while_somebody_wants_it(graph):
    graph.init(target_id="t")
    graph.wait(lambda: len(graph.detections) > 3, "detections", meanwhile=graph.send)
    assert graph.debug_images == []
    graph.subscribe_debug()
    graph.wait(lambda: graph.debug_images, "a debug image", meanwhile=graph.send)
    image = graph.debug_images[-1]
    assert (image.encoding, image.width, image.height, image.header.frame_id) == (
        "bgr8",
        WIDTH,
        HEIGHT,
        "camera",
    )
    # It may overtake its detection, which comes on another topic.
    stamp = stamp_of(image)
    graph.wait(lambda: stamp in map(stamp_of, graph.detections), "its detection", meanwhile=graph.send)
    graph.unsubscribe_debug()
    count = len(graph.detections)
    graph.wait(lambda: len(graph.detections) > count + 3, "detections to go on", meanwhile=graph.send)


def test_requests_are_answered_while_a_frame_is_tracked(run):
    """The tracker takes two seconds for a frame; all these calls together take less than one frame."""
    _, graph = run(**{DELAY: "2.0"})
    graph.connected()
    graph.init(target_id="t")
    graph.wait(lambda: graph.detections, "the first detection", meanwhile=graph.send)  # init takes no time
    graph.wait(lambda: graph.last("frames_pending") != "0", "a frame in work", meanwhile=graph.send)
    graph.send()
    count = len(graph.detections)
    answers = [graph.init((500, 40, 10, 10)).success for _ in range(5)]
    assert answers == [False] * 5
    assert len(graph.detections) <= count + 1


def test_detection_does_not_wait_for_the_template_update(run):
    """Every frame but the first updates the template, which takes three seconds."""
    _, graph = run(*EVERY_IMAGE, "-p", "tracker.update_interval:=1", **{LEARN_DELAY: "3.0"})
    graph.connected()
    graph.settled()  # One image at a time from here on: none is to wait while the tracker learns.
    graph.init(target_id="t")
    for count in (1, 2):
        graph.send()
        graph.wait(lambda n=count: len(graph.detections) == n, "a detection")
    assert graph.last("template_updates") in ("", "0")
    graph.wait(lambda: graph.last("template_updates") == "1", "the update")
    values = graph.settled()
    assert float(values["detection_ms_p95"]) < 1500
    assert float(values["latency_ms_p95"]) < 1500
    assert float(values["processing_ms_p95"]) > 2500
