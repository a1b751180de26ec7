from dataclasses import replace

import pytest
from account import NodeCounts, find_faults
from recording import Detection, Recording

BOX = (1.0, 2.0, 30.0, 40.0)
STAMPS = [1000 + number for number in range(10)]

SOUND = NodeCounts(
    frames_received=10,
    frames_tracked=6,
    frames_dropped=3,
    frames_out_of_order=0,
    frames_bad=0,
    frames_idle=1,
    frames_pending=0,
    results_from_history=1,
)


def recording(frames=range(7), stamps=STAMPS):
    return Recording(stamps, [Detection(stamps[number], 5000, BOX, 0.9) for number in frames])


def test_a_sound_run():
    assert SOUND.results == 7
    assert find_faults(SOUND, recording(), 0.6) == []


def test_without_labelled_frames_there_is_no_overlap_to_judge():
    assert find_faults(SOUND, recording(), None) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames_received": 9}, "but the node received 9"),
        ({"frames_tracked": 5, "frames_bad": 1}, "1 frames were bad"),
        ({"frames_tracked": 5, "frames_out_of_order": 1}, "1 frames came out of order"),
        ({"frames_dropped": 2, "frames_pending": 1}, "1 frames are still pending"),
        ({"frames_dropped": 2, "frames_idle": 2}, "2 frames came while there was no target"),
        ({"frames_dropped": 2}, "10 frames were published, but 7 tracked and 2 dropped"),
        ({"frames_tracked": 7, "frames_dropped": 2}, "tracked 8 frames, but 7 detections arrived"),
    ],
)
def test_each_gap_in_the_account_is_named(changes, message):
    faults = find_faults(replace(SOUND, **changes), recording(), 0.9)
    assert any(message in fault for fault in faults), faults


def test_detections_that_do_not_belong():
    twice = recording([*range(7), 6])
    assert find_faults(SOUND, twice, 0.9) == ["1 detections belong to no frame, or repeat one"]


def test_no_detections():
    counts = replace(SOUND, frames_tracked=0, frames_dropped=9)
    assert find_faults(counts, recording([0]), None) == ["no detections arrived after the first frame's"]


def test_a_target_that_was_not_followed():
    (fault,) = find_faults(SOUND, recording(), 0.59)
    assert "0.59" in fault


def test_counts_out_of_diagnostics():
    values = {name: str(getattr(SOUND, name)) for name in SOUND.__dataclass_fields__}
    assert NodeCounts.from_diagnostics({**values, "device": "cpu"}) == SOUND
    with pytest.raises(KeyError):
        NodeCounts.from_diagnostics({})
