"""``gradnet vot`` against the client of the library that the VOT toolkit talks through."""

import configparser
import socket
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from gradnet_ros import Tracker
from gradnet_ros.cli.main import build_parser, main
from gradnet_ros.evaluation.trackers.gradnet import GradNetTracker
from gradnet_ros.evaluation.trackers.interface import Answer
from gradnet_ros.nn.checkpoint import save_network
from support import moving_scene, random_network

trax = pytest.importorskip("trax")
client = pytest.importorskip("trax.client")
vot = pytest.importorskip("gradnet_ros.evaluation.vot")

TRACKERS = Path(__file__).resolve().parents[2] / "config" / "vot" / "trackers.ini"


class Echo:
    """Answers with the box that it was started on, moved by what the frame says."""

    about = {}  # noqa: RUF012

    def __init__(self, score=0.75):
        self.score = score
        self.started = []

    def init(self, frame, box):
        if box[2] < 2:
            raise ValueError("box width and height must be at least 2 pixels")
        self.started.append(box)

    def update(self, frame):
        x, y, w, h = self.started[-1]
        return Answer((x + float(frame[0, 0, 0]), y, w, h), self.score, lost=False)


@pytest.fixture
def scene(tmp_path):
    """Pictures on disk, and their boxes."""
    frames, boxes = moving_scene(5)
    paths = []
    for number, frame in enumerate(frames):
        frame[0, 0] = 10 * number
        paths.append(tmp_path / f"{number:08d}.png")
        cv2.imwrite(str(paths[-1]), frame)
    return paths, boxes


def image(path):
    return {trax.ImageChannel.COLOR: trax.FileImage.create(str(path))}


def quiet(message):
    """The client wants something to tell its log to."""


@pytest.fixture
def connect(monkeypatch):
    """Start a server in a thread of this process; returns its client, and the thread with its error."""

    class Served(threading.Thread):
        error = None

        def __init__(self, tracker):
            super().__init__(daemon=True)
            self.tracker = tracker

        def run(self):
            try:
                vot.serve(self.tracker, "echo")
            except ValueError as error:
                self.error = str(error)

    opened = []

    def start(tracker):
        listening = socket.create_server(("127.0.0.1", 0))
        opened.append(listening)
        monkeypatch.setenv("TRAX_SOCKET", str(listening.getsockname()[1]))
        served = Served(tracker)
        served.start()
        return client.Client(listening.fileno(), timeout=20, log=quiet), served

    yield start
    for each in opened:
        each.close()


def test_regions_and_confidence_go_round(scene, connect):
    paths, _ = scene
    talk, served = connect(Echo())
    assert (talk.tracker_name, talk.region_formats, talk.image_formats) == ("echo", ["rectangle"], ["path"])
    ((region, properties),), _ = talk.initialize(
        image(paths[0]), [(trax.Rectangle.create(10.5, 20.25, 30, 40), {})], {}
    )
    assert (region.bounds(), properties) == ((10.5, 20.25, 30, 40), {})
    for number in (1, 2):
        ((region, properties),), _ = talk.frame(image(paths[number]), {}, [])
        assert region.bounds() == (10.5 + 10 * number, 20.25, 30, 40)
        assert properties == {"confidence": "0.75"}
    talk.quit()
    served.join(10)
    assert not served.is_alive()
    assert served.error is None


def test_polygons_and_masks_become_the_rectangles_around_them(scene, connect):
    paths, _ = scene
    echo = Echo()
    talk, _ = connect(echo)
    polygon = trax.Polygon.create([(10, 10), (30, 20), (25, 40.5), (8, 30)])
    mask = trax.Mask.create(np.pad(np.ones((5, 7), np.uint8), ((10, 3), (20, 4))))
    for region in (polygon, mask):
        talk.initialize(image(paths[0]), [(region, {})], {})
    assert echo.started == [(8, 10, 22, 30.5), (20, 10, 7, 5)]
    talk.quit()


def test_a_tracker_without_scores_says_none(scene, connect):
    paths, _ = scene
    talk, _ = connect(Echo(score=float("nan")))
    talk.initialize(image(paths[0]), [(trax.Rectangle.create(1, 2, 30, 40), {})], {})
    ((_, properties),), _ = talk.frame(image(paths[1]), {}, [])
    assert properties == {}
    talk.quit()


@pytest.mark.parametrize(
    ("name", "width", "message"),
    [("none.png", 30, "none.png: not a readable picture"), ("00000000.png", 1, "box width and height")],
)
def test_what_cannot_be_tracked_ends_the_session_with_the_reason(scene, connect, name, width, message):
    paths, _ = scene
    talk, served = connect(Echo())
    region = trax.Rectangle.create(1, 2, width, 40)
    with pytest.raises(trax.TraxException, match=message):
        talk.initialize(image(paths[0].with_name(name)), [(region, {})], {})
    served.join(10)
    assert message in served.error


def test_the_real_tracker_answers_as_without_the_protocol(scene, connect, tmp_path):
    paths, boxes = scene
    weights = tmp_path / "net.safetensors"
    save_network(weights, random_network("lite"))
    talk, _ = connect(GradNetTracker(Tracker("lite", "cpu", weights, {"update_interval": 2}, engine="torch")))
    talk.initialize(image(paths[0]), [(trax.Rectangle.create(*boxes[0]), {})], {})
    tracker = Tracker("lite", "cpu", weights, {"update_interval": 2}, engine="torch")
    tracker.init(cv2.imread(str(paths[0])), tuple(boxes[0]))
    for path in paths[1:]:
        ((region, properties),), _ = talk.frame(image(path), {}, [])
        track = tracker.update(cv2.imread(str(path)))
        assert region.bounds() == pytest.approx(track.box, abs=1e-3)  # the protocol writes decimals
        assert float(properties["confidence"]) == pytest.approx(track.score, abs=1e-6)
    talk.quit()


@pytest.mark.slow
def test_the_command_speaks_on_standard_input_and_output(scene, tmp_path):
    paths, boxes = scene
    weights = tmp_path / "net.safetensors"
    save_network(weights, random_network("lite"))
    command = [
        sys.executable,
        "-m",
        "gradnet_ros.cli.main",
        "vot",
        "--device",
        "cpu",
        "--weights",
        str(weights),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        talk = client.Client((process.stdin.fileno(), process.stdout.fileno()), log=quiet)
        assert talk.tracker_name == "gradnet"
        talk.initialize(image(paths[0]), [(trax.Rectangle.create(*boxes[0]), {})], {})
        ((region, properties),), _ = talk.frame(image(paths[1]), {}, [])
        assert region.bounds()[2] > 0
        assert 0 <= float(properties["confidence"]) <= 1
        talk.quit()
        assert process.wait(20) == 0


def test_a_missing_package_is_told(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "gradnet_ros.evaluation.vot", raising=False)
    monkeypatch.setitem(sys.modules, "trax", None)
    assert main(["vot", "--device", "cpu"]) == 2
    assert "gradnet vot needs trax, which is not installed: pip install vot-trax" in capsys.readouterr().err


def test_the_example_is_understood_by_the_command():
    example = configparser.ConfigParser()
    example.read(TRACKERS)
    assert len(example.sections()) == 3
    for section in example.sections():
        assert example[section]["protocol"] == "trax"
        program, *arguments = example[section]["command"].split()
        assert program == "gradnet"
        assert build_parser().parse_args(arguments).command == "vot"
