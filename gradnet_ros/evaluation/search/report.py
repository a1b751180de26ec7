"""What a search found, measured on the sequences that it did not look at too."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from optuna.trial import TrialState

from gradnet_ros.evaluation.differences import clustered
from gradnet_ros.evaluation.search.halves import Halves
from gradnet_ros.evaluation.search.scorer import Player, Score, mean_score
from gradnet_ros.evaluation.search.study import SharedStudy
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.tracking.config import TrackerConfig

Known = Mapping[TrackerConfig, Mapping[str, Score]]
DEFAULTS, BEST = "defaults", "best"


@dataclass(frozen=True)
class Row:
    """Settings and what they reach.

    Attributes:
        title: what they are called in the table.
        config: the settings.
        scores: sequence -> score.
    """

    title: str
    config: TrackerConfig
    scores: Mapping[str, Score]


@dataclass(frozen=True)
class Section:
    """Settings compared on sequences that were played in one way.

    Attributes:
        title: how they were played.
        halves: what was played, whole sequences or pieces of them.
        rows: what was compared, among them those titled ``defaults`` and ``best``.
    """

    title: str
    halves: Halves
    rows: SequenceOf[Row]


def compared(defaults: TrackerConfig, best: TrackerConfig) -> dict[str, TrackerConfig]:
    """What a report compares: both settings, each also with the gradient branch switched off."""
    return {
        DEFAULTS: defaults,
        f"{DEFAULTS}, gradient off": replace(defaults, update_interval=0),
        BEST: best,
        f"{BEST}, gradient off": replace(best, update_interval=0),
    }


def measure(
    configs: Mapping[str, TrackerConfig],
    sequences: Iterable[Sequence],
    play: Player,
    known: Known,
    say: Callable[[str], None],
) -> list[Row]:
    """Score settings on sequences; equal settings are run once.

    Args:
        configs: title -> settings.
        sequences: all that are to be run.
        play: scores settings on sequences.
        known: what has been measured already.
        say: is told what came of each sequence.
    """
    found: dict[TrackerConfig, dict[str, Score]] = {
        config: dict(known.get(config, {})) for config in configs.values()
    }
    runs = [
        (config, sequence)
        for sequence in sequences
        for config, scores in found.items()
        if sequence.name not in scores
    ]
    for config, name, score in play(runs):
        found[config][name] = score
        if all(name in scores for scores in found.values()):
            figures = [f"{title} {found[each][name].auc:.3f}" for title, each in configs.items()]
            say(f"{name}: AUC of {'; '.join(figures)}")
    return [Row(title, config, found[config]) for title, config in configs.items()]


def table(sections: SequenceOf[Section], settings: Mapping[str, Any], facts: Mapping[str, str]) -> str:
    """The report in Markdown.

    Args:
        sections: at least one.
        settings: the best values of what was searched or fixed.
        facts: name -> value of what else belongs to the figures (commit, date, machine).
    """
    lines: list[str] = []
    for section in sections:
        lines += [f"**{section.title}**", "", *_section(section), ""]
    if not sections[0].halves.other:
        lines += ["Searched on all sequences: nothing here guards against over-fitting.", ""]
    defaults = _row(sections[0], DEFAULTS)
    lines += [f"| setting | {DEFAULTS} | {BEST} |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {getattr(defaults.config, name)} | {value} |" for name, value in settings.items()
    ]
    lines += ["", *(f"- {name}: {value}" for name, value in facts.items())]
    return "\n".join(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    halves = section.halves
    parts: dict[str, tuple[Sequence, ...]] = {}
    if halves.other:
        parts = {"search half": halves.search, "other half": halves.other}
    parts["all"] = (*halves.search, *halves.other)
    heads = [f"{part} ({len(each)}): AUC | precision" for part, each in parts.items()]
    yield f"| settings | {' | '.join(heads)} |"
    yield "|---" * (1 + 2 * len(parts)) + "|"
    for row in section.rows:
        means = [mean_score({one.name: row.scores[one.name] for one in each}) for each in parts.values()]
        cells = [f"{score.auc:.4f} | {score.precision:.4f}" for score in means]
        yield f"| {row.title} | {' | '.join(cells)} |"
    yield from ("", f"`{BEST}` against `{DEFAULTS}`, AUC one by one:", "")
    defaults, best = _row(section, DEFAULTS), _row(section, BEST)
    for part, each in parts.items():
        yield f"- {part}: {_difference(best, defaults, each)}"


def _row(section: Section, title: str) -> Row:
    return next(row for row in section.rows if row.title == title)


def _difference(best: Row, defaults: Row, played: Iterable[Sequence]) -> str:
    whole = {each.name: each.whole_name for each in played}
    gains = {name: best.scores[name].auc - defaults.scores[name].auc for name in whole}
    mean, error, _ = clustered(gains, whole)
    spread = f" +- {error:.4f} (standard error over sequences)" if isfinite(error) else ""
    better, worse = sum(gain > 0 for gain in gains.values()), sum(gain < 0 for gain in gains.values())
    return f"{mean:+.4f}{spread}, {better} better, {worse} worse"


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write ``best.json`` (for ``gradnet settings --from``) and ``best.yaml`` (a ROS parameters file)."""
    (folder / "best.json").write_text(json.dumps(dict(settings), indent=2) + "\n")
    parameters = {f"tracker.{name}": value for name, value in settings.items()}
    tree = {"/**": {"ros__parameters": parameters}}
    (folder / "best.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


def write_trials(path: Path, study: SharedStudy) -> None:
    """Write all finished trials as CSV.

    ``runs`` says on how many sequences, or pieces of them, a trial ran; ``auc`` and ``precision`` are means
    over those. ``note`` says why a trial was dropped that ran on none.
    """
    trials = study.finished
    names = list(study.settings(trials[0]))
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["number", "origin", "state", "runs", "auc", "precision", *names, "note"])
        for trial in trials:
            scores = study.scores(trial)
            found = mean_score(scores) if scores else None
            state = "complete" if trial.state == TrialState.COMPLETE else "dropped"
            rows.writerow(
                [
                    trial.number,
                    trial.user_attrs.get("origin", "drawn"),
                    state,
                    len(scores),
                    f"{found.auc:.6f}" if found else "",
                    f"{found.precision:.6f}" if found else "",
                    *(study.settings(trial)[name] for name in names),
                    trial.user_attrs["note"],
                ]
            )
