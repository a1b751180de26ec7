"""``gradnet track``: a video, a folder of frames or a camera, without ROS."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import IO, Any

from gradnet_ros.cli.arguments import add_tracker_arguments, box, make_tracker


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the sub-command's parser."""
    parser = commands.add_parser(
        "track",
        help="track a target in a video file, a folder of frames or a camera",
        description="Track a target in a video file, a folder of frames or a camera. Ctrl-C ends a camera.",
    )
    parser.add_argument("source", metavar="SOURCE", help="video file, folder of pictures, or camera number")
    parser.add_argument(
        "--init", type=box, required=True, metavar="X,Y,W,H", help="the target in the first frame, pixels"
    )
    parser.add_argument(
        "--boxes", type=Path, metavar="OUT.txt", help="write x,y,w,h,score,state, a line a frame"
    )
    parser.add_argument("--video", type=Path, metavar="OUT.mp4", help="write an annotated video")
    add_tracker_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Track, write what was asked for, print the speed."""
    from tqdm import tqdm

    from gradnet_ros.drawing import draw_track
    from gradnet_ros.tracking.track import Track
    from gradnet_ros.video import VideoWriter, open_frames

    _check_outputs(arguments)
    tracker = make_tracker(arguments)
    seconds: list[float] = []
    tracks: list[Track] = []
    with ExitStack() as stack:
        frames = stack.enter_context(open_frames(arguments.source))
        boxes: IO[str] | None = None
        video = stack.enter_context(VideoWriter(arguments.video, frames.fps)) if arguments.video else None
        progress = stack.enter_context(tqdm(frames, total=frames.count, unit="frame"))
        try:
            for frame in progress:
                start = perf_counter()
                track = tracker.update(frame) if tracks else tracker.init(frame, arguments.init)
                seconds.append(perf_counter() - start)
                tracks.append(track)
                if arguments.boxes and boxes is None:
                    # Not before there is a track: a start that is refused is to empty no file.
                    boxes = stack.enter_context(arguments.boxes.open("w"))
                if boxes is not None:
                    boxes.write(format_track(track) + "\n")
                if video is not None:
                    video.write(draw_track(frame.copy(), track))
                progress.set_postfix(state=track.state.value, score=f"{track.score:.2f}", refresh=False)
        except KeyboardInterrupt:
            progress.write("interrupted: what was tracked so far is kept")
    if not tracks:
        raise ValueError(f"{arguments.source}: no frames")
    print(summary(tracker.network, str(tracker.device), seconds))
    for path in (arguments.boxes, arguments.video):
        if path is not None:
            print(f"wrote {path}")
    return 0


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse to write over what is read, or two things to one file.

    Raises:
        ValueError: that was asked for.
    """
    taken = {Path(arguments.source).resolve(): "SOURCE"}
    for option, path in (("--boxes", arguments.boxes), ("--video", arguments.video)):
        if path is None:
            continue
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise ValueError(f"{option}: {path} is {other} itself; give another file")


def format_track(track: Any) -> str:
    """``x,y,w,h,score,state``: boxes to 1/1000 pixel, the score to 1/10,000."""
    x, y, w, h = track.box
    return f"{x:.3f},{y:.3f},{w:.3f},{h:.3f},{track.score:.4f},{track.state.value}"


def summary(network: str, device: str, seconds: list[float]) -> str:
    """One line on the speed; the first frame (``init``) and decoding are left out."""
    if len(seconds) < 2:
        return f"1 frame ({network} on {device})"
    timed = sorted(seconds[1:])
    mean = sum(timed) / len(timed)
    p95 = timed[min(len(timed) - 1, int(0.95 * len(timed)))]
    return (
        f"{len(seconds)} frames, {1 / mean:.1f} fps, mean {1e3 * mean:.1f} ms, p95 {1e3 * p95:.1f} ms a frame"
        f" ({network} on {device}, decoding excluded)"
    )
