import json

import numpy as np
import pytest
from account import NodeCounts
from labels import Labels
from recording import Detection, Recording
from report import last_lines
from summary import Scene, label_overlaps, percentiles, summarise, versions

MS = 1_000_000
TRUTH = (10.0, 10.0, 20.0, 20.0)
HALF = (10.0, 10.0, 20.0, 10.0)
LABELS = Labels({0: TRUTH, 2: TRUTH, 4: TRUTH, 9: TRUTH})
SCENE = Scene(64, 48, 25.0, "cup", "thing", LABELS, 0.5, 0.25)
DIAGNOSTICS = {"network": "lite", "device": "cpu", "template_updates": "3"}


def recording_of(boxes, count=6):
    stamps = [(1 + number * 40) * MS for number in range(count)]
    return Recording(
        stamps, [Detection(stamps[n], stamps[n] + 30 * MS, box, 0.9) for n, box in boxes.items()]
    )


def test_overlap_leaves_out_the_first_frame_and_what_was_not_published():
    scores = label_overlaps(recording_of({0: TRUTH, 2: HALF, 4: TRUTH}), LABELS)
    assert scores == pytest.approx({2: 0.5, 4: 1.0})


def test_a_dropped_frame_counts_with_the_last_result():
    assert label_overlaps(recording_of({0: HALF, 3: TRUTH}), LABELS) == pytest.approx({2: 0.5, 4: 1.0})


def test_percentiles():
    values = np.array([np.nan, *range(101)], float)
    assert percentiles(values) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}
    assert percentiles(np.array([np.nan])) == {"p50": None, "p95": None, "p99": None}


def test_summary():
    recording = recording_of({0: TRUTH, 2: TRUTH, 3: TRUTH, 4: HALF})
    counts = NodeCounts(6, 3, 2, 0, 0, 1, 0, 1)
    summary = json.loads(json.dumps(summarise(SCENE, recording, counts, DIAGNOSTICS)))
    assert summary["sound"]
    assert summary["faults"] == []
    assert summary["frames_published"] == 6
    assert summary["frames_tracked"] == 4
    assert summary["frames_dropped"] == 2
    assert summary["detections_received"] == 4
    assert summary["fps"] == 25
    assert summary["latency_ms"] == {"p50": 30, "p95": 30, "p99": 30}
    assert summary["mean_iou"] == 0.75
    assert summary["labelled_frames"] == 2
    assert "4 of 6 frames" in last_lines(summary, "here")


def test_a_summary_of_almost_nothing_is_written_all_the_same():
    summary = summarise(
        SCENE, recording_of({0: TRUTH}, count=2), NodeCounts(2, 0, 1, 0, 0, 1, 0, 1), DIAGNOSTICS
    )
    assert not summary["sound"]
    assert summary["fps"] is summary["mean_iou"] is None
    assert "1 of 2 frames" in last_lines(summary, "here")


def test_versions_are_known():
    assert "unknown" not in versions().values()
