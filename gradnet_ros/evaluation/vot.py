"""A tracker as a TraX server: how the VOT toolkit runs it."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

import trax

from gradnet_ros.evaluation.trackers.interface import EvaluatedTracker
from gradnet_ros.video import read_picture


def serve(tracker: EvaluatedTracker, name: str) -> None:
    """Track whatever the client asks for, until it is done.

    The stream is what the environment says (``TRAX_SOCKET``), else standard input and output, which must
    carry nothing else. Regions come and go as rectangles: the client's library turns polygons and masks into
    the rectangles around them, for that is all that is announced here. An answer has the tracker's score as
    its property ``confidence``, where there is one.

    Args:
        tracker: is started anew on every target.
        name: the tracker's, for the client.

    Raises:
        ValueError: no client, a picture cannot be read, or a target that the tracker cannot be started on;
            the client is told.
    """
    try:
        server = trax.Server([trax.Region.RECTANGLE], [trax.Image.PATH], tracker_name=name)
    except trax.TraxException as error:
        raise ValueError(f"no TraX client to talk to: {error}") from error
    try:
        while (request := server.wait()).type in (trax.TraxStatus.INITIALIZE, trax.TraxStatus.FRAME):
            server.status([_answer(tracker, request)])
    except (ValueError, trax.TraxException) as error:
        server.quit(str(error))
        raise ValueError(str(error)) from error
    server.quit()


def _answer(tracker: EvaluatedTracker, request: Any) -> tuple[Any, dict[str, float]]:
    """Region and properties."""
    frame = read_picture(Path(request.image[trax.ImageChannel.COLOR].path()))
    if request.type == trax.TraxStatus.INITIALIZE:
        ((region, _),) = request.objects  # the protocol lets no client send several to us
        tracker.init(frame, region.bounds())
        return region, {}
    box, score, _, _ = tracker.update(frame)
    return trax.Rectangle.create(*box), {"confidence": score} if isfinite(score) else {}
