"""The node's health: what is measured, and which level it means. The contract is docs/diagnostics.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from gradnet_ros.ros.counters import FrameTotals
from gradnet_ros.tracking.track import TrackState

RECENT_S = 10.0
"""How long a passing trouble, such as a bad image, shows in the level; seconds."""
BAD_STREAK = 10
"""Bad images in a row from which on nothing useful arrives."""


class Level(IntEnum):
    """Levels in the order of their gravity, which is not that of the message's numbers."""

    OK = 0
    WARN = 1
    STALE = 2
    ERROR = 3

    def to_message(self) -> bytes:
        """The constant of ``diagnostic_msgs/DiagnosticStatus``."""
        return bytes(getattr(DiagnosticStatus, self.name))


@dataclass(frozen=True)
class Trouble:
    """The last of a kind of passing trouble.

    Attributes:
        age: seconds since it happened.
        text: what happened.
    """

    age: float
    text: str


@dataclass(frozen=True)
class Health:
    """Everything that the diagnostics say, measured at one moment. None and "" stand for *not known*.

    Attributes:
        lifecycle: ``unconfigured``, ``inactive``, ``active`` or ``finalized``.
        failure: why the last transition failed.
        input_topic: topic of the images, as it is on the wire.
        input_type: what is taken there, ``package/msg/Type``.
        publishers: publishers of that topic.
        incompatible: those of them whose QoS does not fit the subscription.
        other_type: message type of a publisher that sends something else, or empty.
        incompatible_policy: the QoS policy that does not fit, as the middleware last said.
        image_age: seconds since the last image, or since activation if there was none yet.
        image_seen: whether there was any image since activation.
        no_image_timeout: seconds without an image that are too long.
        encoding: encoding or format of the last image.
        size: ``width x height`` of the last image.
        totals: the account of frames.
        from_history: results for frames that had been counted before a stamped start reached them.
        state: ``IDLE``, ``WAITING`` for a frame to start on or the first result, or the state of the track.
        target_id: target that is followed.
        class_id: its class.
        score: its score.
        template_updates: template updates since it was taken.
        network: the network in use.
        device: the device in use.
        device_requested: the device asked for.
        device_problem: why it is not used.
        engine: what runs the network, and how.
        converter: library that converts raw images.
        fps: results a second.
        detection: 50th and 95th percentile of the time from taking a frame up to its detection, ms.
        processing: 50th and 95th percentile of the time from there to the end of all work on it, ms.
        latency: 50th and 95th percentile of the time from stamp to publication, ms.
        history_frames: frames kept.
        history_megabytes: memory for them, MB.
        gpu_megabytes: GPU memory taken by tensors, MB; None without a GPU.
        bad: the last bad image.
        out_of_order: the last image out of order.
        restart: the last step back of the stamps that began a new stream.
        camera: the last change of the images' ``frame_id``.
        failed: the last failure of the tracker itself.
        init: the last start that failed after its request had been accepted.
        bad_streak: bad images since the last good one.
    """

    lifecycle: str
    failure: str = ""
    input_topic: str = ""
    input_type: str = ""
    publishers: int = 0
    incompatible: int = 0
    other_type: str = ""
    incompatible_policy: str = ""
    image_age: float = 0.0
    image_seen: bool = False
    no_image_timeout: float = 2.0
    encoding: str = ""
    size: str = ""
    totals: FrameTotals = field(default_factory=FrameTotals)
    from_history: int = 0
    state: str = "IDLE"
    target_id: str = ""
    class_id: str = ""
    score: float | None = None
    template_updates: int = 0
    network: str = ""
    device: str = ""
    device_requested: str = ""
    device_problem: str = ""
    engine: str = ""
    converter: str = ""
    fps: float = 0.0
    detection: tuple[float | None, float | None] = (None, None)
    processing: tuple[float | None, float | None] = (None, None)
    latency: tuple[float | None, float | None] = (None, None)
    history_frames: int = 0
    history_megabytes: float = 0.0
    gpu_megabytes: float | None = None
    bad: Trouble | None = None
    out_of_order: Trouble | None = None
    restart: Trouble | None = None
    camera: Trouble | None = None
    failed: Trouble | None = None
    init: Trouble | None = None
    bad_streak: int = 0


def judge(health: Health) -> tuple[Level, str]:
    """The level, and what it is for: the gravest finding first, then the others.

    Returns:
        Level and a one-line message.
    """
    findings = _findings(health)
    if not findings:
        return Level.OK, _calm(health)
    findings.sort(key=lambda finding: -finding[0])  # stable: equals stay in the order of the contract
    return findings[0][0], "; ".join(text for _, text in findings)


def _findings(health: Health) -> list[tuple[Level, str]]:
    findings: list[tuple[Level, str]] = []
    if health.failure:
        findings.append((Level.ERROR, health.failure))
    if health.lifecycle != "active":
        return findings
    silent = health.image_age > health.no_image_timeout
    findings += _input_findings(health, silent)
    if _is_recent(health.failed):
        assert health.failed is not None
        findings.append((Level.ERROR, health.failed.text))
    if _is_recent(health.bad) and not silent:
        assert health.bad is not None
        if health.bad_streak >= BAD_STREAK:
            findings.append((Level.ERROR, f"{health.bad_streak} bad images in a row: {health.bad.text}"))
        else:
            findings.append((Level.WARN, f"bad image: {health.bad.text}"))
    if _is_recent(health.out_of_order):
        assert health.out_of_order is not None
        findings.append((Level.WARN, health.out_of_order.text))
    if _is_recent(health.restart):
        assert health.restart is not None
        findings.append((Level.WARN, health.restart.text))
    if _is_recent(health.camera):
        assert health.camera is not None
        findings.append((Level.WARN, health.camera.text))
    if health.state == TrackState.LOST.value:
        findings.append((Level.WARN, f"target '{health.target_id}' is lost"))
    if _is_recent(health.init):
        assert health.init is not None
        findings.append((Level.WARN, health.init.text))
    if health.device_problem:
        findings.append((Level.WARN, f"running on {health.device}: {health.device_problem}"))
    return findings


def _input_findings(health: Health, silent: bool) -> list[tuple[Level, str]]:
    findings: list[tuple[Level, str]] = []
    unfit = Level.ERROR if silent else Level.WARN
    if health.incompatible:
        policy = f" ({health.incompatible_policy})" if health.incompatible_policy else ""
        whose = f"{health.incompatible} of {health.publishers} publishers of {health.input_topic}"
        findings.append((unfit, f"QoS of {whose} does not fit{policy}"))
    if health.other_type:
        other = (
            f"{health.input_topic} carries {health.other_type}, but {health.input_type} is taken there: see "
            "image_transport"
        )
        findings.append((unfit, other))
    if silent:
        who = "" if health.publishers else ", which nobody publishes"
        findings.append((Level.STALE, f"no image for {health.image_age:.1f} s on {health.input_topic}{who}"))
    return findings


def _is_recent(trouble: Trouble | None) -> bool:
    return trouble is not None and trouble.age <= RECENT_S


def _calm(health: Health) -> str:
    if health.lifecycle != "active":
        return health.lifecycle
    if health.target_id:
        return f"following '{health.target_id}': {health.state}"
    return "waiting for a frame to start on" if health.state == "WAITING" else "no target"


def values_of(health: Health) -> dict[str, str]:
    """Keys and values of the status, in the order of the contract; every key is always there."""
    totals = health.totals
    return {
        "lifecycle": health.lifecycle,
        "state": health.state,
        "target_id": health.target_id,
        "class_id": health.class_id,
        "score": _number(health.score, 3),
        "template_updates": str(health.template_updates),
        "network": health.network,
        "device": health.device,
        "device_requested": health.device_requested,
        "engine": health.engine,
        "fps": _number(health.fps, 1),
        "detection_ms_p50": _number(health.detection[0], 1),
        "detection_ms_p95": _number(health.detection[1], 1),
        "processing_ms_p50": _number(health.processing[0], 1),
        "processing_ms_p95": _number(health.processing[1], 1),
        "latency_ms_p50": _number(health.latency[0], 1),
        "latency_ms_p95": _number(health.latency[1], 1),
        "frames_received": str(totals.received),
        "frames_tracked": str(totals.tracked),
        "frames_dropped": str(totals.dropped),
        "frames_out_of_order": str(totals.out_of_order),
        "frames_bad": str(totals.bad),
        "frames_idle": str(totals.idle),
        "frames_pending": str(totals.pending),
        "results_from_history": str(health.from_history),
        "input_topic": health.input_topic,
        "input_publishers": str(health.publishers),
        "input_incompatible": str(health.incompatible),
        "input_encoding": health.encoding,
        "input_size": health.size,
        "input_age_s": _number(health.image_age if health.image_seen else None, 1),
        "image_converter": health.converter,
        "history_frames": str(health.history_frames),
        "history_mb": _number(health.history_megabytes, 1),
        "gpu_memory_mb": _number(health.gpu_megabytes, 1),
        "last_problem": _last_problem(health),
    }


def to_message(health: Health, node_name: str, stamp: Any) -> Any:
    """``diagnostic_msgs/DiagnosticArray`` with one status.

    Args:
        health: what was measured.
        node_name: the node's full name without the leading slash; the status is ``<node_name>: tracking``.
        stamp: ``builtin_interfaces/Time`` for the header.
    """
    level, text = judge(health)
    status = DiagnosticStatus(
        level=level.to_message(), name=f"{node_name}: tracking", message=text, hardware_id=health.device
    )
    status.values = [KeyValue(key=key, value=value) for key, value in values_of(health).items()]
    array = DiagnosticArray(status=[status])
    array.header.stamp = stamp
    return array


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _last_problem(health: Health) -> str:
    kinds = (health.bad, health.out_of_order, health.restart, health.camera, health.failed, health.init)
    troubles = [trouble for trouble in kinds if trouble is not None]
    return min(troubles, key=lambda trouble: trouble.age).text if troubles else ""
