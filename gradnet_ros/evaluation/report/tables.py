"""The tables of a report: cells that know what to show, what to sort by, and whether they are the best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite

from gradnet_ros.evaluation.confidence import ScoreBand
from gradnet_ros.evaluation.protocols import Protocol
from gradnet_ros.evaluation.scores import Scores, TrackerScores
from gradnet_ros.evaluation.table import TITLES

Value = Callable[[Scores], float]


@dataclass(frozen=True)
class Cell:
    """A value in a table.

    Attributes:
        text: what is shown; a dash where there is nothing to say.
        key: what the column is sorted by.
        best: it is the best of those it is compared with.
    """

    text: str
    key: float | str
    best: bool = False


@dataclass(frozen=True)
class Column:
    """A number of a tracker.

    Attributes:
        title: its head.
        value: reads it.
        form: format of the number.
        better: 1 if more is better, -1 if less is, 0 if neither.
    """

    title: str
    value: Value
    form: str
    better: int = 1


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        groups: heads above the heads, with the number of columns that each spans; may be empty.
        heads: heads of the columns.
        rows: rows of cells.
    """

    groups: tuple[tuple[str, int], ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def overall_table(scores: Mapping[str, TrackerScores], protocol: Protocol) -> Table:
    """A row a tracker: all scores and speed."""
    fields = (*protocol.headline, *(name for name in TITLES if name not in protocol.headline))
    columns = [_score(name) for name in fields]
    columns += [
        Column("ms p50", lambda each: each.p50_ms, ".1f", -1),
        Column("p95", lambda each: each.p95_ms, ".1f", -1),
        Column("p99", lambda each: each.p99_ms, ".1f", -1),
        Column("fps", lambda each: each.fps, ".1f"),
        Column("updates", lambda each: each.updates, ".0f", 0),
    ]
    return _of_trackers(scores, columns)


def confidence_table(scores: Mapping[str, TrackerScores]) -> Table:
    """A row a tracker: whether it knows when it is right, and when the target is not there."""
    columns = [
        Column("AUROC", lambda each: each.auroc, ".3f"),
        Column("absent frames", lambda each: each.absent, "d", 0),
        Column("lost: precision", lambda each: each.lost_precision, ".3f"),
        Column("lost: recall", lambda each: each.lost_recall, ".3f"),
    ]
    return _of_trackers(scores, columns)


def band_table(scores: Mapping[str, TrackerScores]) -> Table | None:
    """A row a band of scores: what its frames are worth, tracker by tracker.

    Trackers without scores have no part in it; ``None`` where none has any.
    """
    having = {tracker: bands for tracker, each in scores.items() if (bands := each.score_bands())}
    if not having:
        return None
    columns: list[tuple[str, Callable[[ScoreBand], float], str]] = [
        ("frames", lambda band: band.frames, "d"),
        ("overlap > 0.5", lambda band: band.right, ".2f"),
        ("off, or absent", lambda band: band.off, ".2f"),
        ("mean overlap", lambda band: band.overlap, ".2f"),
    ]
    rows = []
    for several in zip(*having.values(), strict=True):
        low, high = several[0].low, several[0].high
        cells = (_plain(read(band), form) for _, read, form in columns for band in several)
        rows.append((Cell(f"{low:g} to {high:g}", low), *cells))
    groups = (("", 1), *((title, len(having)) for title, _, _ in columns))
    return Table(groups, ("score", *(tracker for _ in columns for tracker in having)), tuple(rows))


def sequence_table(scores: Mapping[str, TrackerScores], protocol: Protocol) -> Table:
    """A row a sequence: the two scores that the benchmark is known by first and speed, tracker by tracker."""
    columns = [_score(name) for name in protocol.headline[:2]]
    columns.append(Column("ms p50", lambda each: each.p50_ms, ".1f", -1))
    first = next(iter(scores.values()))
    rows = [
        (
            Cell(name, name),
            Cell(str(each.scores.frames), each.scores.frames),
            *_compared([found.sequences[name].scores for found in scores.values()], columns),
        )
        for name, each in first.sequences.items()
    ]
    return _by_score(("sequence", "frames"), scores, columns, rows)


def attribute_table(scores: Mapping[str, TrackerScores], protocol: Protocol) -> Table | None:
    """A row an attribute, as the table of sequences has them; ``None`` where there are no attributes."""
    columns = [_score(name) for name in protocol.headline[:2]]
    first = next(iter(scores.values()))
    rows = []
    for name in first.attributes:
        count = sum(name in each.attributes for each in first.sequences.values())
        cells = _compared([found.attributes[name] for found in scores.values()], columns)
        rows.append((Cell(name, name), Cell(str(count), count), *cells))
    return _by_score(("attribute", "sequences"), scores, columns, rows) if rows else None


def _score(field: str) -> Column:
    return Column(TITLES[field], lambda each: float(getattr(each, field)), ".3f")


def _of_trackers(scores: Mapping[str, TrackerScores], columns: list[Column]) -> Table:
    cells = [_best([each.overall for each in scores.values()], column) for column in columns]
    rows = [
        (Cell(tracker, tracker), *(column[number] for column in cells))
        for number, tracker in enumerate(scores)
    ]
    return Table((), ("tracker", *(column.title for column in columns)), tuple(rows))


def _by_score(
    heads: tuple[str, ...],
    scores: Mapping[str, TrackerScores],
    columns: list[Column],
    rows: list[tuple[Cell, ...]],
) -> Table:
    """A table with the trackers side by side below each score."""
    groups = (("", len(heads)), *((column.title, len(scores)) for column in columns))
    return Table(groups, (*heads, *(tracker for _ in columns for tracker in scores)), tuple(rows))


def _compared(several: list[Scores], columns: list[Column]) -> Iterable[Cell]:
    return (cell for column in columns for cell in _best(several, column))


def _plain(value: float, form: str) -> Cell:
    """What is not known sorts below everything."""
    known = isfinite(value)
    return Cell(format(value, form) if known else "–", value if known else float("-inf"))


def _best(several: list[Scores], column: Column) -> list[Cell]:
    """Cells of what is compared with one another; those that look the same as the best are best too."""
    values = [column.value(each) for each in several]
    cells = [_plain(value, column.form) for value in values]
    known = [
        (column.better * value, cell.text)
        for value, cell in zip(values, cells, strict=True)
        if isfinite(value)
    ]
    winner = max(known)[1] if column.better and len(known) > 1 else None
    return [replace(cell, best=cell.text == winner) for cell in cells]
