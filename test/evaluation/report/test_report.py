"""The report: what it says, that it needs nothing but itself, and the pictures in it."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from gradnet_ros.evaluation.protocols import PROTOCOLS
from gradnet_ros.evaluation.report.colours import bgr, colour, dash
from gradnet_ros.evaluation.report.curves import draw, plots
from gradnet_ros.evaluation.report.strips import (
    FRAMES,
    HEIGHT,
    SEQUENCES,
    WIDTH,
    make_strips,
    worst_frames,
    worst_sequences,
)
from gradnet_ros.evaluation.report.tables import (
    attribute_table,
    band_table,
    confidence_table,
    overall_table,
    sequence_table,
)
from gradnet_ros.evaluation.report.write import write_report
from gradnet_ros.evaluation.results import Evaluation, SequenceResult
from gradnet_ros.evaluation.scores import score_evaluation
from gradnet_ros.evaluation.sequences import Sequence

LENGTH = 24
FOLDER = PROTOCOLS["folder"]


def result(tracker, sequence, shift, seconds, score):
    """A tracker that is ``shift`` pixels off from the frame of the same number on."""
    boxes = np.where(np.isfinite(sequence.truth), sequence.truth, 5.0)
    boxes[int(shift) :, 0] += shift
    scores = np.full(LENGTH, score)
    scores[0] = np.nan
    lost = np.zeros(LENGTH, bool)
    lost[-3:] = True
    return SequenceResult(tracker, sequence.name, boxes, scores, lost, np.full(LENGTH, seconds), 2)


@pytest.fixture
def evaluation(tmp_path):
    """Two trackers on three sequences of pictures on disk; ``good`` is better and slower."""
    sequences = []
    for number in range(3):
        folder = tmp_path / f"s{number}"
        folder.mkdir()
        files = []
        for frame in range(LENGTH):
            files.append(folder / f"{frame:04d}.png")
            cv2.imwrite(str(files[-1]), np.full((90, 120, 3), 40 + frame, np.uint8))
        truth = np.tile([30.0, 20.0, 30.0, 24.0], (LENGTH, 1))
        truth[-2:] = np.nan
        attributes = frozenset({"every", "odd"} if number % 2 else {"every"})
        sequences.append(Sequence(f"s{number}", tuple(files), truth, attributes=attributes))
    trackers = (("good", 3, 0.02, 0.5), ("<bad>", 9, 0.01, float("nan")))
    results = {
        name: {
            each.name: result(name, each, shift + place, seconds, score)
            for place, each in enumerate(sequences)
        }
        for name, shift, seconds, score in trackers
    }
    about = {
        "good": {"network": "lite", "settings": json.dumps({"update_interval": 5})},
        "<bad>": {"implementation": "a <script>"},
    }
    return Evaluation("folder", tuple(sequences), about, results)


@pytest.fixture
def scores(evaluation):
    return score_evaluation(evaluation)


class Page(HTMLParser):
    """Tags that are open at the end, and whatever a page would load."""

    def __init__(self, text):
        super().__init__()
        self.open, self.loaded, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)
        self.loaded += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


def best(table):
    return [[cell.best for cell in row] for row in table.rows]


# --- The page


def test_the_page_is_whole_and_loads_nothing(evaluation, scores, tmp_path):
    page = write_report(evaluation, scores, tmp_path / "new" / "report")
    assert page == tmp_path / "new" / "report" / "report.html"
    text = page.read_text(encoding="utf-8")
    read = Page(text)
    assert read.open == []
    assert len(read.loaded) == 3 + 3 * (1 + FRAMES)
    assert all(each.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")) for each in read.loaded)
    assert re.findall(r"https?://|@import|url\(", text) == []


def test_what_trackers_are_called_is_text_only(evaluation, scores, tmp_path):
    text = write_report(evaluation, scores, tmp_path).read_text()
    assert "<bad>" not in text
    assert "a <script>" not in text
    assert "&lt;bad&gt;" in text
    assert text.count("<script>") == 1


def test_the_page_says_what_ran(evaluation, scores, tmp_path):
    words = " ".join(Page(write_report(evaluation, scores, tmp_path).read_text()).text)
    for each in ("s0", "every", "update_interval", "AUROC", "processor", "torch", "Where good is worst"):
        assert each in words


def test_the_curves_lie_beside_the_page(evaluation, scores, tmp_path):
    text = write_report(evaluation, scores, tmp_path).read_text()
    for name in ("success", "precision", "normalised_precision"):
        content = (tmp_path / f"{name}.png").read_bytes()
        assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape[0] > 300
        assert base64.b64encode(content).decode() in text


def test_a_benchmark_that_keeps_its_truth_has_a_page_too(evaluation, tmp_path):
    hidden = np.zeros(LENGTH, bool)
    sequences = tuple(replace(each, scored=hidden, attributes=frozenset()) for each in evaluation.sequences)
    unknown = replace(evaluation, benchmark="got10k", sequences=sequences)
    text = write_report(unknown, score_evaluation(unknown), tmp_path).read_text()
    assert Page(text).open == []
    assert "There is no truth to compare with" in text
    assert text.count("data:image/jpeg") == 3 * (1 + FRAMES)  # the start, then frames from all over
    assert "data:image/png" not in text  # no empty curves
    assert not list(tmp_path.glob("*.png"))
    assert "By attribute" not in text


def test_one_tracker_on_one_sequence_has_no_best(evaluation, tmp_path):
    (sequence, *_), results = evaluation.sequences, evaluation.results["good"]
    alone = replace(
        evaluation,
        sequences=(sequence,),
        trackers={"good": {}},
        results={"good": {sequence.name: results[sequence.name]}},
    )
    text = write_report(alone, score_evaluation(alone), tmp_path).read_text()
    assert 'class="best"' not in text
    assert "1 sequence, 24 frames, 22 of" in text


# --- Tables


def test_the_best_of_the_overall_table(scores):
    table = overall_table(scores, FOLDER)
    assert table.heads[:3] == ("tracker", "AUC", "precision")
    assert [row[0] for row in texts(table)] == ["good", "<bad>"]
    good, bad = (dict(zip(table.heads, row, strict=True)) for row in best(table))
    assert good["AUC"]
    assert not bad["AUC"]
    assert (good["ms p50"], bad["ms p50"], good["fps"], bad["fps"]) == (False, True, False, True)
    assert not any(row["updates"] for row in (good, bad))
    row = dict(zip(table.heads, texts(table)[0], strict=True))
    assert row["AUC"] == f"{scores['good'].overall.auc:.3f}"
    assert (row["ms p50"], row["fps"], row["updates"]) == ("20.0", "50.0", "6")


def test_values_that_look_the_same_are_all_the_best(scores):
    same = {"one": scores["good"], "two": scores["good"]}
    assert all(row[1] for row in best(overall_table(same, FOLDER)))


def test_what_is_not_known_is_a_dash_at_the_end(scores):
    known = replace(scores["good"], overall=replace(scores["good"].overall, auroc=0.5))
    table = confidence_table({**scores, "good": known})
    column = table.heads.index("AUROC")
    good, bad = (row[column] for row in table.rows)
    assert (bad.text, bad.key) == ("–", float("-inf"))
    assert good.text == "0.500"
    assert not good.best  # alone


def test_bands_of_scores_are_of_those_trackers_that_give_scores(scores):
    """``good`` says 0.5 in all of its 69 frames; the other says nothing."""
    table = band_table({**scores, "twin": scores["good"]})
    assert table.heads == ("score", *("good", "twin") * 4)
    assert table.groups[1:] == tuple(
        (title, 2) for title in ("frames", "overlap > 0.5", "off, or absent", "mean overlap")
    )
    assert [row[:3] for row in texts(table)][3] == ["0.5 to 0.75", "69", "69"]
    assert texts(table)[0][1:] == ["0", "0", *["–"] * 6]
    (band,) = (band for band in scores["good"].score_bands() if band.frames)
    assert texts(table)[3][3::2] == [f"{share:.2f}" for share in (band.right, band.off, band.overlap)]
    assert band_table({"<bad>": scores["<bad>"]}) is None


def test_sequences_and_attributes_have_trackers_side_by_side(scores):
    table = sequence_table(scores, FOLDER)
    assert table.groups == (("", 2), ("AUC", 2), ("precision", 2), ("ms p50", 2))
    assert table.heads == ("sequence", "frames", *("good", "<bad>") * 3)
    assert texts(table)[1][:3] == ["s1", "22", f"{scores['good'].sequences['s1'].scores.auc:.3f}"]
    table = attribute_table(scores, FOLDER)
    assert [row[:2] for row in texts(table)] == [["every", "3"], ["odd", "1"]]
    assert texts(table)[1][2] == f"{scores['good'].attributes['odd'].auc:.3f}"
    without = {"good": replace(scores["good"], attributes={})}
    assert attribute_table(without, FOLDER) is None


def test_the_benchmarks_own_scores_come_first(scores):
    assert overall_table(scores, PROTOCOLS["got10k"]).heads[1:4] == ("AO", "SR 0.5", "SR 0.75")
    assert sequence_table(scores, PROTOCOLS["got10k"]).groups[1:3] == (("AO", 2), ("SR 0.5", 2))


# --- Curves


def test_every_tracker_has_a_line_of_its_own(scores):
    curve = plots(FOLDER)[0]
    picture = cv2.imdecode(np.frombuffer(draw(curve, scores), np.uint8), cv2.IMREAD_COLOR)
    for number in (0, 1):
        distance = np.abs(picture.astype(int) - bgr(colour(number))).max(axis=2)
        assert (distance < 10).sum() > 100
    unused = np.abs(picture.astype(int) - bgr(colour(2))).max(axis=2)
    assert (unused < 10).sum() == 0


def test_more_trackers_than_colours_differ_by_their_dashes():
    looks = {(colour(number), dash(number)) for number in range(32)}
    assert len(looks) == 32


# --- Strips


def test_the_worst_sequences_come_first_and_unknown_ones_not_at_all(scores):
    found = worst_sequences(scores["good"], FOLDER)
    values = {each.sequence: each.scores.auc for each in scores["good"].sequences.values()}
    assert found == sorted(values.items(), key=lambda each: each[1])
    nothing = replace(scores["good"].sequences["s1"].scores, auc=float("nan"))
    sequences = {
        **scores["good"].sequences,
        "s1": replace(scores["good"].sequences["s1"], scores=nothing),
    }
    assert "s1" not in dict(worst_sequences(replace(scores["good"], sequences=sequences), FOLDER))
    many = {f"{number}": replace(sequences["s0"], sequence=f"{number}") for number in range(SEQUENCES + 3)}
    assert len(worst_sequences(replace(scores["good"], sequences=many), FOLDER)) == SEQUENCES


def with_overlap(scores, overlap, counted=None):
    frames = scores["good"].sequences["s0"].frames
    counted = np.ones(len(overlap), bool) if counted is None else counted
    return replace(
        scores["good"].sequences["s0"],
        frames=replace(frames, overlap=np.array(overlap, float), counted=counted),
    )


def test_worst_frames_are_apart_and_in_the_order_of_time(scores):
    overlap = np.ones(60)
    overlap[[40, 41, 42]] = 0.1, 0.2, 0.3  # one event
    overlap[[10, 30]] = 0.4, 0.05
    found = worst_frames(with_overlap(scores, overlap))
    assert found[:4] == sorted(found)[:4]
    assert {10, 30, 40} <= set(found)
    assert not {41, 42} & set(found)
    assert np.diff(found).min() >= 5
    assert len(found) == FRAMES


def test_a_lost_target_is_shown_when_it_gets_lost(scores):
    overlap = np.ones(60)
    overlap[20:] = 0
    assert worst_frames(with_overlap(scores, overlap)) == [20, 25, 30, 35, 40]


def test_frames_that_do_not_count_and_the_first_are_not_shown(scores):
    overlap, counted = np.linspace(0, 1, 60), np.ones(60, bool)
    counted[:30] = False
    assert worst_frames(with_overlap(scores, overlap, counted))[0] == 30


def test_without_truth_frames_are_spread_over_the_sequence(scores):
    assert worst_frames(with_overlap(scores, np.full(60, np.nan))) == [12, 24, 35, 47, 59]
    assert worst_frames(with_overlap(scores, np.full(3, np.nan))) == [1, 2]
    assert worst_frames(with_overlap(scores, [1.0])) == []
    assert 0 not in worst_frames(with_overlap(scores, np.zeros(60)))


def decoded(tile):
    return cv2.imdecode(np.frombuffer(tile.picture, np.uint8), cv2.IMREAD_COLOR)


def near(picture, wanted):
    """How many pixels have about that colour: JPEG changes it a little."""
    return int((np.abs(picture.astype(int) - wanted).max(axis=2) < 40).sum())


def test_strips_show_truth_and_trackers_in_their_colours(evaluation, scores):
    strips = make_strips(evaluation, scores, "good", FOLDER)
    worst = [name for name, _ in worst_sequences(scores["good"], FOLDER)]
    assert [strip.sequence for strip in strips] == worst
    start, *tiles = strips[0].tiles
    assert [tile.frame for tile in tiles] == worst_frames(scores["good"].sequences[strips[0].sequence])
    assert start.frame == 0
    white, colours = (255, 255, 255), [bgr(colour(0)), bgr(colour(1))]
    picture = decoded(start)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert near(picture, white) > 100
    assert [near(picture, each) for each in colours] == [0, 0]
    picture = decoded(tiles[-1])
    assert near(picture, white) > 100
    assert all(near(picture, each) > 50 for each in colours)


def test_a_picture_shows_truth_and_tracker_however_far_apart(evaluation, scores):
    name = "s0"
    boxes = evaluation.results["good"][name].boxes.copy()
    boxes[5:] = 100, 70, 15, 15
    far = replace(evaluation.results["good"][name], boxes=boxes)
    one = replace(
        evaluation,
        sequences=evaluation.sequences[:1],
        trackers={"good": {}},
        results={"good": {name: far}},
    )
    (strip,) = make_strips(one, score_evaluation(one), "good", FOLDER)
    picture = decoded(strip.tiles[-1])
    assert near(picture, (255, 255, 255)) > 100
    assert near(picture, bgr(colour(0))) > 50


@pytest.mark.parametrize("box", [(1e30, 5, 10, 10), (float("nan"), 0, 5, 5), (5, 5, 0, 0)])
def test_boxes_that_cannot_be_drawn_are_left_out(evaluation, box):
    name = "s0"
    boxes = evaluation.results["<bad>"][name].boxes.copy()
    boxes[1:] = box
    results = {
        "good": {name: evaluation.results["good"][name]},
        "<bad>": {name: replace(evaluation.results["<bad>"][name], boxes=boxes)},
    }
    one = replace(evaluation, sequences=evaluation.sequences[:1], results=results)
    found = score_evaluation(one)
    (strip,) = make_strips(one, found, "good", FOLDER)
    assert all(near(decoded(tile), bgr(colour(1))) == 0 for tile in strip.tiles)
    make_strips(one, found, "<bad>", FOLDER)  # nothing of it to look at but the truth
