"""Puts together what the diagnostics say."""

from __future__ import annotations

from time import monotonic

from gradnet_ros.ros.diagnostics import Health
from gradnet_ros.ros.images import converters
from gradnet_ros.ros.input import ImageInput
from gradnet_ros.ros.session import Session
from gradnet_ros.ros.tracker_api import LoadedTracker


def collect(
    lifecycle: str,
    failure: str,
    no_image_timeout: float,
    loaded: LoadedTracker | None,
    session: Session | None,
    image_input: ImageInput | None,
) -> Health:
    """Measure the node's health now.

    Args:
        lifecycle: its state.
        failure: why the last transition failed, if it did.
        no_image_timeout: seconds without an image that are too long.
        loaded: the tracker, once configured.
        session: the session, while active.
        image_input: the subscription, while active.
    """
    values: dict[str, object] = {"no_image_timeout": no_image_timeout}
    if loaded is not None:
        values |= {
            "network": loaded.tracker.network,
            "device": str(loaded.tracker.device),
            "device_requested": loaded.requested,
            "device_problem": loaded.problem,
            "engine": loaded.tracker.engine,
            "gpu_megabytes": loaded.gpu_megabytes(),
            "template_updates": loaded.tracker.template_updates,
            "converter": converters()[0][0],
        }
    if session is not None:
        values |= _of_session(session)
    if image_input is not None:
        publishers = image_input.publishers()
        values |= {
            "input_topic": image_input.topic,
            "input_type": image_input.type,
            "publishers": publishers.count,
            "incompatible": publishers.incompatible,
            "other_type": publishers.other_type,
            "incompatible_policy": image_input.incompatible_policy,
        }
    return Health(lifecycle=lifecycle, failure=failure, **values)  # type: ignore[arg-type]


def _of_session(session: Session) -> dict[str, object]:
    intake, worker, measures = session.intake, session.worker, session.measures
    target, track = worker.target, worker.track
    # A target without a track has no result yet: it is being brought from an older image to the newest.
    state = "WAITING" if target or worker.waiting else "IDLE"
    if target and track:
        state = track.state.value
    encoding, size = intake.description
    last = intake.last_arrival
    return {
        "image_age": monotonic() - (session.began if last is None else last),
        "image_seen": last is not None,
        "encoding": encoding,
        "size": size or session.tracked_size,
        "totals": session.counts.totals(),
        "from_history": worker.from_history,
        "state": state,
        "target_id": target.id if target else "",
        "class_id": target.class_id if target else "",
        "score": track.score if track else None,
        "fps": measures.fps,
        "detection": measures.detection_ms,
        "processing": measures.processing_ms,
        "latency": measures.latency_ms,
        "history_frames": session.history.frame_count,
        "history_megabytes": session.history.megabytes,
        "bad": measures.trouble("bad"),
        "out_of_order": measures.trouble("out_of_order"),
        "restart": measures.trouble("restart"),
        "camera": measures.trouble("camera"),
        "failed": measures.trouble("failed"),
        "init": measures.trouble("init"),
        "bad_streak": measures.bad_streak,
    }
