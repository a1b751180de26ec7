"""A whole benchmark: every network, every size, in one process and one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from gradnet_ros import __version__
from gradnet_ros.bench.arithmetic import Work, count_work
from gradnet_ros.bench.ceilings import Ceilings, measure_ceilings
from gradnet_ros.bench.clip import Clip, generate_clip, read_clip
from gradnet_ros.bench.frames import FrameTimes, spread_boxes, time_decoded, time_follower, time_frames
from gradnet_ros.bench.hardware import describe_hardware
from gradnet_ros.bench.node import EXECUTORS, NodePlan, NodeReport, measure_node
from gradnet_ros.bench.report import Floor, Report, SizeReport, TargetsReport, make_floor
from gradnet_ros.bench.rivals import csrt_rival, eager_rival
from gradnet_ros.bench.stages import Stages, time_stages
from gradnet_ros.engines.select import make_engine
from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.locate import locate
from gradnet_ros.tracking.multi import MultiTracker
from gradnet_ros.tracking.target import Target
from gradnet_ros.tracking.track import Box
from gradnet_ros.tracking.tracker import Tracker

Say = Callable[[str], None]
"""Told what is being measured."""


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        networks: ``lite``, ``alexnet``.
        sizes: (width, height) of the images, pixels.
        frames: frames to time in each measurement.
        targets: numbers of targets in one pass, measured at the first size.
        device: as for :class:`~gradnet_ros.tracking.tracker.Tracker`.
        engine: likewise.
        settings: overrides of tracker settings.
        clip: a video file or a folder of pictures; None for generated frames.
        box: the target in the clip's first frame, pixels.
        node: measure through the node too.
        node_seconds: time for each of the node's measurements, s.
    """

    networks: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    frames: int
    targets: tuple[int, ...]
    device: str
    engine: str
    settings: dict[str, int | float | bool]
    clip: Path | None = None
    box: Box | None = None
    node: bool = False
    node_seconds: float = 10.0


def run_plan(plan: Plan, say: Say) -> Report:
    """Measure all of a plan.

    Raises:
        ValueError: an unknown network, engine, device or setting, a clip without a box, or one that cannot be
            read.
    """
    with TemporaryDirectory(prefix="gradnet_bench_") as folder:
        benches = {network: _Bench(network, plan, Path(folder)) for network in plan.networks}
        device = next(iter(benches.values())).ours.device
        say("ceilings")
        ceilings = measure_ceilings(device)
        sizes: list[SizeReport] = []
        for size in plan.sizes:
            clip = _make_clip(plan, size)
            for network, bench in benches.items():
                say(f"{network}, {size[0]}x{size[1]}")
                sizes.append(bench.measure_size(clip, ceilings))
        targets: list[TargetsReport] = []
        if plan.targets:
            clip = _make_clip(plan, plan.sizes[0])
            for network, bench in benches.items():
                for count in plan.targets:
                    say(f"{network}, {count} targets")
                    targets.append(bench.measure_targets(clip, count))
    return Report(
        describe_hardware(device),
        datetime.now(timezone.utc).isoformat(timespec="seconds"),
        __version__,
        str(device),
        plan.settings,
        ceilings,
        tuple(sizes),
        tuple(targets),
    )


class _Bench:
    """One network, measured in all ways."""

    def __init__(self, network: str, plan: Plan, folder: Path) -> None:
        self._network, self._plan, self._folder = network, plan, folder
        self.ours = self._tracker(plan.engine, plan.device)
        # Where ours is: ``auto`` is not the same place for every engine.
        self._eager = self._tracker("torch", str(self.ours.device))
        checkpoint = load_network(shipped_weights(network))
        self._engine = make_engine(checkpoint.net, plan.device, plan.engine)
        self._multi = MultiTracker(network, plan.device, None, plan.settings, engine=plan.engine)
        self._executors: tuple[str, ...] = EXECUTORS

    def measure_size(self, clip: Clip, ceilings: Ceilings) -> SizeReport:
        """All that depends on the size of the images."""
        plan = self._plan
        frame = time_frames(self.ours, clip, plan.frames)
        stages = time_stages(self._engine, self.ours.config, clip, plan.frames)
        return SizeReport(
            self._network,
            self.ours.engine,
            f"{clip.size[0]}x{clip.size[1]}",
            frame,
            time_decoded(self.ours, clip, plan.frames, self._folder),
            stages,
            self._floors(clip, ceilings, frame, stages),
            (
                eager_rival(self._eager, clip, plan.frames, frame.every),
                csrt_rival(clip, plan.frames, frame.every),
            ),
            self._node(clip) if plan.node else None,
        )

    def measure_targets(self, clip: Clip, count: int) -> TargetsReport:
        """``count`` targets in one pass against as many, one after the other, in one engine."""
        boxes = spread_boxes(clip, count)
        multi, engine, config = self._multi, self._engine, self._multi.config
        multi.reset()
        singles: list[Target] = []

        def add_all(image: NDArray[np.uint8]) -> None:
            for number, box in enumerate(boxes):
                multi.add(str(number), image, box)

        def start_all(image: NDArray[np.uint8]) -> None:
            singles.extend(Target(engine, image, box, config) for box in boxes)

        def update_all(image: NDArray[np.uint8]) -> None:
            for target in singles:
                locate(engine, image, [target], config)
                target.learn(config)

        together = time_follower(add_all, multi.update, clip, self._plan.frames)
        apart = time_follower(start_all, update_all, clip, self._plan.frames)
        return TargetsReport(
            self._network,
            f"{clip.size[0]}x{clip.size[1]}",
            count,
            together,
            together.mean / count,
            apart.mean / count,
            apart.mean / together.mean,
        )

    def _floors(self, clip: Clip, ceilings: Ceilings, frame: FrameTimes, stages: Stages) -> dict[str, Floor]:
        """Work is counted in eager PyTorch, whose operations can be seen, with convolutions as written."""
        searches, lessons = self._count(clip)
        plain = frame.plain or frame.every
        floors = {"a frame without an update": make_floor(searches, ceilings, plain.p50)}
        if lessons is not None and stages.update is not None:
            floors["an update"] = make_floor(lessons, ceilings, stages.update.p50)
        return floors

    def _count(self, clip: Clip) -> tuple[Work, Work | None]:
        """The work of finding the target in the cheapest frame, of those that teach nothing if there are any.

        And that of learning from one; None if nothing is learned.
        """
        config = self._eager.config
        interval = max(1, config.update_interval)
        # Past the first frames, which may be searched in another way, as may some of those after them, and to
        # the end of an interval.
        frames = clip.play(1 + interval * (2 + config.early_frames // interval))
        self._eager.configure({"box_steps": 0})  # Those of the first frames are none of a frame's work.
        self._eager.init(next(frames), clip.box)
        plain, lesson = None, None
        for frame in frames:
            search = count_work(partial(self._eager.locate, frame))
            learning = count_work(self._eager.learn)
            if learning.flops:
                lesson = learning
            elif plain is None or search.flops < plain.flops:
                plain = search
        self._eager.configure(config)
        return plain or search, lesson

    def _node(self, clip: Clip) -> NodeReport:
        plan = self._plan
        arguments = ["-p", f"engine:={plan.engine}"]
        for name, value in plan.settings.items():
            kind = type(getattr(TrackerConfig(), name))  # A whole number is no double to ROS.
            arguments += ["-p", f"tracker.{name}:={kind(value)}".lower()]
        # Executors do not differ by the image: once is enough for those that the node does not use.
        executors, self._executors = self._executors, EXECUTORS[:1]
        return measure_node(
            NodePlan(
                self._network,
                plan.device,
                plan.node_seconds,
                executors=executors,
                arguments=tuple(arguments),
            ),
            clip,
        )

    def _tracker(self, engine: str, device: str) -> Tracker:
        return Tracker(self._network, device, None, self._plan.settings, engine=engine)


def _make_clip(plan: Plan, size: tuple[int, int]) -> Clip:
    if plan.clip is None:
        return generate_clip(*size)
    if plan.box is None:
        raise ValueError("box must be given with a clip")
    return read_clip(plan.clip, plan.box, size)
