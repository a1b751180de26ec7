"""``gradnet bag``: rosbag2 recordings, evaluated off line or played to the running tracker node."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradnet_ros.cli.arguments import add_tracker_arguments, box, make_tracker, optional_packages

if TYPE_CHECKING:
    from gradnet_ros.bags.bag import Bag
    from gradnet_ros.bags.outcome import Outcome
    from gradnet_ros.bags.pictures import LeftOut
    from gradnet_ros.bags.scene import Scene

TRACKER = "gradnet"
"""The tracker's name in tables and reports."""
EVALUATION, REPLAY = "evaluation", "replay"
"""What is written, as the name of its folder ends."""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser with its own sub-commands."""
    parser = commands.add_parser(
        "bag",
        help="look into, evaluate, export or replay a recording of ROS 2",
        description="Work on rosbag2 recordings (sqlite3 and mcap). No ROS is needed but for replay.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for add in (_add_info, _add_evaluate, _add_export_video, _add_replay):
        add(actions)


def _add_info(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser("info", help="list the topics of a bag and what its pictures are like")
    _add_bag_arguments(parser)
    parser.set_defaults(run=run_info)


def _add_evaluate(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser(
        "evaluate",
        help="track through the pictures of a bag without ROS",
        description="Track through the pictures of a bag, every one of them, and write a bag with the"
        " detections, a table and a report. The same bag gives the same bytes.",
    )
    _add_bag_arguments(parser)
    _add_scene_arguments(parser, EVALUATION)
    add_tracker_arguments(parser)
    parser.set_defaults(run=run_evaluate)


def _add_export_video(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser("export-video", help="write the pictures of a bag as an mp4")
    _add_bag_arguments(parser)
    _add_topic_arguments(parser)
    parser.add_argument(
        "--output", type=Path, metavar="OUT.mp4", help="file to write (default: the bag's name)"
    )
    parser.add_argument(
        "--fps", type=_positive, help="pictures a second of the video (default: as they were recorded)"
    )
    parser.set_defaults(run=run_export_video)


def _add_replay(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser(
        "replay",
        help="play the pictures of a bag to the running tracker node",
        description="Play the pictures of a bag to the running tracker node, give it the target, collect its"
        " detections, and write what `evaluate` writes. The node is deactivated and activated first.",
    )
    _add_bag_arguments(parser)
    _add_scene_arguments(parser, REPLAY)
    parser.add_argument(
        "--rate",
        type=_positive,
        nargs="?",
        const=1.0,
        metavar="FACTOR",
        help="play at the recorded rate, or so many times as fast (default: lock-step, each picture after the"
        " detection of the last)",
    )
    parser.add_argument(
        "--node", default="/tracker_node", help="full name of the tracker node (default: %(default)s)"
    )
    parser.add_argument(
        "--timeout",
        type=_positive,
        default=120.0,
        metavar="SECONDS",
        help="how long to wait for anything: the node, an answer, a detection (default: %(default)g)",
    )
    parser.add_argument(
        "--ros-args", nargs=argparse.REMAINDER, default=[], help="ROS arguments of this side's node"
    )
    parser.set_defaults(run=run_replay)


def _add_bag_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bag", type=Path, metavar="BAG", help="the bag's folder, or one file of it")
    parser.add_argument(
        "--salvage",
        action="store_true",
        help="use what can still be read of a damaged bag, and say what is lost",
    )


def _add_topic_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image-topic", metavar="T", help="topic of the pictures (default: the only one that has some)"
    )
    parser.add_argument(
        "--stamps",
        choices=["header", "record"],
        default="header",
        help="whose time a picture has: its header's, or that of its recording (default: %(default)s)",
    )


def _add_scene_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """Add what says what to play, and where ``what`` comes of it is written."""
    _add_topic_arguments(parser)
    truth = parser.add_mutually_exclusive_group()
    truth.add_argument(
        "--truth-topic", metavar="D", help="topic of vision_msgs/Detection2D with the stamps of the pictures"
    )
    truth.add_argument(
        "--truth", type=Path, metavar="FILE", help="x,y,w,h a line, one for each picture of the topic"
    )
    parser.add_argument(
        "--init",
        type=box,
        metavar="X,Y,W,H",
        help="the target in the first picture, pixels (default: the first box of the truth)",
    )
    parser.add_argument("--target-id", default="target", help="name of the target (default: %(default)s)")
    parser.add_argument("--class-id", default="", help="what the target is (default: nothing)")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help=f"folder to write, new or empty (default: BAG_{what})"
    )


def run_info(arguments: argparse.Namespace) -> int:
    """Print what is in the bag."""
    with _opened(arguments) as bag:
        from gradnet_ros.bags.info import lines

        for line in lines(bag):
            print(line)
    return 0


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Track, write, print."""
    folder = _folder(arguments, EVALUATION)
    with _opened(arguments) as bag:
        from tqdm import tqdm

        from gradnet_ros.bags.evaluate import track_scene
        from gradnet_ros.bags.timing import calls
        from gradnet_ros.evaluation.trackers.gradnet import GradNetTracker, name_weights

        scene = _scene(bag, arguments)
        tracker = make_tracker(arguments)
        with tqdm(total=scene.topic.topic.count, unit="picture") as progress:
            outcome = track_scene(tracker, scene, lambda _: progress.update())
        about = dict(GradNetTracker(tracker, name_weights(arguments.network, arguments.weights)).about)
        if outcome.interrupted:
            about["interrupted"] = f"after picture {outcome.rows[-1].number}"
            print("interrupted: what was tracked so far is kept")
        _finish(outcome, folder, arguments, about, calls(outcome.rows, str(tracker.device)))
    return 0


def run_export_video(arguments: argparse.Namespace) -> int:
    """Write the video, print."""
    with _opened(arguments) as bag:
        from tqdm import tqdm

        from gradnet_ros.bags.pictures import PictureTopic
        from gradnet_ros.bags.video import export_video

        path = arguments.output or Path(f"{bag.name}.mp4")
        topic = PictureTopic(bag, arguments.image_topic, arguments.stamps)
        with tqdm(total=topic.topic.count, unit="picture") as progress:
            count, left_out = export_video(topic, path, arguments.fps, lambda _: progress.update())
        print(f"wrote {path}: {count} pictures of {topic.topic.name}")
        _print_left_out(left_out)
    return 0


def run_replay(arguments: argparse.Namespace) -> int:
    """Play to the node, write, print."""
    folder = _folder(arguments, REPLAY)
    try:
        from gradnet_ros.ros.replay.run import replay
        from gradnet_ros.ros.replay.session import Request
    except ModuleNotFoundError as error:
        what = f"replay needs ROS 2, of which {error.name} is not to be found"
        raise ValueError(f"{what}; evaluate needs none") from error
    with _opened(arguments) as bag:
        from tqdm import tqdm

        scene = _scene(bag, arguments)
        target = (arguments.target_id, arguments.class_id)
        request = Request(scene, arguments.node, target, arguments.timeout)
        with tqdm(total=scene.topic.topic.count, unit="picture") as progress:
            replayed = replay(request, arguments.rate, lambda _: progress.update(), arguments.ros_args)
        for name in ("pictures", "latency"):
            if name in replayed.about:
                print(replayed.about[name])
        _finish(replayed.outcome, folder, arguments, replayed.about, replayed.timing)
    return 0


@contextmanager
def _opened(arguments: argparse.Namespace) -> Iterator[Bag]:
    """The open bag; in the end what was lost of it is printed."""
    with _bag_packages():
        import rosbags.rosbag2  # noqa: F401

        from gradnet_ros.ros.images import converters

        converters()
    from gradnet_ros.bags.bag import Bag

    with Bag(arguments.bag, arguments.salvage) as bag:
        try:
            yield bag
        finally:
            for note in bag.notes:
                print(f"salvaged: {note}")


@contextmanager
def _bag_packages() -> Iterator[None]:
    """While entered, what is missing to read bags and their pictures is told as what can be installed."""
    try:
        yield
    except ImportError as error:
        raise ValueError(
            f"gradnet bag needs what is not installed: {error}; pip install rosbags rosbags-image"
        ) from error


def _scene(bag: Bag, arguments: argparse.Namespace) -> Scene:
    """Pictures, truth and target, as the arguments say.

    Raises:
        ValueError: they do not go together, or with the bag.
    """
    from gradnet_ros.bags.pictures import PictureTopic
    from gradnet_ros.bags.scene import Scene
    from gradnet_ros.bags.truth import Truth, read_truth_file, read_truth_topic

    topic = PictureTopic(bag, arguments.image_topic, arguments.stamps)
    truth = Truth()
    if arguments.truth_topic is not None:
        if arguments.stamps == "record":
            raise ValueError("--truth-topic goes by header stamps: --stamps record does not go with it")
        truth = read_truth_topic(bag, arguments.truth_topic)
    elif arguments.truth is not None:
        truth = read_truth_file(arguments.truth)
    return Scene(topic, truth, arguments.init)


def _folder(arguments: argparse.Namespace, what: str) -> Path:
    """Where to write; checked before anything is done, and so is what a report needs."""
    from gradnet_ros.bags.bag import bag_name
    from gradnet_ros.bags.output import check_folder

    with optional_packages("the report", "jinja2", "matplotlib"):
        import gradnet_ros.evaluation.report.write  # noqa: F401

    folder: Path = arguments.output or Path(f"{bag_name(arguments.bag)}_{what}")
    check_folder(folder)
    return folder


def _finish(
    outcome: Outcome,
    folder: Path,
    arguments: argparse.Namespace,
    about: Mapping[str, str],
    timing: Mapping[str, Any],
) -> None:
    """Write everything and say so."""
    from gradnet_ros.bags.output import write_outcome

    target = (arguments.target_id, arguments.class_id)
    settings = {
        name: value for name, value in vars(arguments).items() if name not in ("run", "command", "ros_args")
    }
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    left_out = list(outcome.scene.left_out)  # The report plays the scene again, and not to its end.
    page = write_outcome(outcome, folder, TRACKER, about, target, timing, settings)
    _print_left_out(left_out)
    print(f"{len(outcome.rows)} pictures, {len(outcome.detected)} detections; wrote {folder}, report: {page}")


def _print_left_out(left_out: Sequence[LeftOut]) -> None:
    if left_out:
        first = left_out[0]
        print(f"{len(left_out)} pictures left out; the first, picture {first.number}: {first.why}")


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}") from error
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and below 1e6, got {text}")
    return value
