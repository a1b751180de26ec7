"""Names of the files in the output folder."""

from __future__ import annotations

VIDEO = "tracking.mp4"
STILL = "tracking.png"
PLOT = "plot.png"
SUMMARY = "summary.json"
RESULTS = (VIDEO, STILL, PLOT, SUMMARY)

TRACKER_LOG = "tracker.log"
CAMERA_LOG = "camera.log"
LEDGER = "published.csv"
"""What the camera says it published: ``frame,stamp`` a line, stamps in ns."""
