"""What a benchmark found, as data: on disk as JSON, on screen as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gradnet_ros.bench.arithmetic import Work
from gradnet_ros.bench.ceilings import Ceilings
from gradnet_ros.bench.frames import FrameTimes
from gradnet_ros.bench.node import NodeReport
from gradnet_ros.bench.stages import Stages
from gradnet_ros.bench.timing import Timing


@dataclass(frozen=True)
class Floor:
    """The work of a frame and the least time it takes by the machine's measured ceilings.

    Attributes:
        gflop: multiplications and additions of convolutions and matrix products, billions.
        moved_mb: bytes that the operations read and write, each on its own, MB (1,000,000 bytes).
        source_mb: bytes that have to be read whatever is fused: weights, templates, input, MB.
        ms: all arithmetic at its ceiling, or all sources at memory's: nothing gets below.
        layered_ms: operation after operation, each at its arithmetic or its bytes in cache; fusing operations
            can get below.
        ratio: measured median over ``ms``.
    """

    gflop: float
    moved_mb: float
    source_mb: float
    ms: float
    layered_ms: float
    ratio: float


@dataclass(frozen=True)
class Rival:
    """Another tracker on the same frames in the same run.

    Attributes:
        name: such as ``torch, eager``.
        frame: what a frame took it; None where it cannot be had.
        ratio: its median over ours: above 1, ours is faster; None likewise.
        reason: why it cannot be had.
    """

    name: str
    frame: Timing | None
    ratio: float | None
    reason: str = ""


@dataclass(frozen=True)
class SizeReport:
    """One network on images of one size.

    Attributes:
        network: ``lite`` or ``alexnet``.
        engine: what ran it, and how.
        size: ``width x height``, pixels.
        frame: the tracker alone.
        decoded: reading a video file and tracking.
        stages: parts of a frame.
        floors: of ``frame`` (without an update) and of ``update`` (alone).
        rivals: the same frames for others.
        node: through the node; None if that was not asked for.
    """

    network: str
    engine: str
    size: str
    frame: FrameTimes
    decoded: Timing
    stages: Stages
    floors: dict[str, Floor]
    rivals: tuple[Rival, ...]
    node: NodeReport | None


@dataclass(frozen=True)
class TargetsReport:
    """Many targets in one pass.

    Attributes:
        network: ``lite`` or ``alexnet``.
        size: ``width x height``, pixels.
        count: targets.
        frame: ``MultiTracker``, all targets of a frame.
        target_ms: its mean (template updates included) for a target, ms.
        single_ms: the mean of as many targets searched for one after the other, for a target, ms.
        ratio: ``single_ms`` over ``target_ms``: above 1, one pass is faster.
    """

    network: str
    size: str
    count: int
    frame: Timing
    target_ms: float
    single_ms: float
    ratio: float


@dataclass(frozen=True)
class Report:
    """All of a run.

    Attributes:
        hardware: the machine, in a line.
        date: of the run, ISO 8601, UTC.
        version: of this package.
        device: where the networks ran.
        settings: tracker settings that were given.
        ceilings: the machine's best rates.
        sizes: for every network and size.
        targets: for every network and number of targets.
    """

    hardware: str
    date: str
    version: str
    device: str
    settings: dict[str, int | float | bool]
    ceilings: Ceilings
    sizes: tuple[SizeReport, ...]
    targets: tuple[TargetsReport, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dictionaries, with the names of the attributes."""
        return asdict(self)


def make_floor(work: Work, ceilings: Ceilings, measured_ms: float) -> Floor:
    """Put work, ceilings and the measured median together.

    Args:
        work: counted in float32.
        ceilings: the machine's.
        measured_ms: median, ms.
    """
    floor = work.floor(ceilings) * 1e3
    return Floor(
        work.flops / 1e9,
        work.bytes / 1e6,
        work.source_bytes / 1e6,
        floor,
        work.layered_floor(ceilings) * 1e3,
        measured_ms / floor,
    )
