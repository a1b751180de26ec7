"""The outcome of an ablation as JSON and as tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import asdict
from statistics import mean
from typing import Any

from gradnet_ros.evaluation.ablation.run import TUNING_HALF, Ablation, Row, best_factor, spread

FORMAT = "gradnet_ros ablation/1"
"""Value of ``format`` in ``results.json``."""


def results_json(ablation: Ablation, facts: Mapping[str, object]) -> str:
    """Every figure, for programs; AUC and precision are one a seed.

    Args:
        ablation: what was measured.
        facts: what else belongs to the figures.
    """
    values = {
        "format": FORMAT,
        **facts,
        "base": str(ablation.base),
        "tracker": asdict(ablation.tracker),
        "parts": {part: list(names) for part, names in ablation.parts.items()},
        "plain_step_factors": {
            str(steps): {
                "auc": {f"{factor:g}": auc for factor, auc in aucs.items()},
                "chosen": best_factor(aucs),
            }
            for steps, aucs in ablation.tuned.items()
        },
        "rows": [_row_values(ablation, row) for row in ablation.rows],
    }
    return json.dumps(values, indent=1) + "\n"


def _row_values(ablation: Ablation, row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "says": row.says,
        "seeds": list(row.seeds),
        "auc": {part: row.aucs(names) for part, names in ablation.parts.items()},
        "precision": {part: row.precisions(names) for part, names in ablation.parts.items()},
        "difference": {part: ablation.differences(row, names) for part, names in ablation.parts.items()},
        "ms_per_update": row.update_ms(),
        "updates": [sum(len(measured.update_ms) for measured in run.values()) for run in row.runs],
        "commits": _commits([row]),
        "sequences": {
            name: {
                "auc": [run[name].auc for run in row.runs],
                "precision": [run[name].precision for run in row.runs],
            }
            for name in ablation.names
        },
    }


def tables(ablation: Ablation, facts: Mapping[str, object]) -> str:
    """The tables, in Markdown.

    Args:
        ablation: what was measured.
        facts: what else belongs to the figures.
    """
    parts = ablation.parts
    heads = ["variant", "seeds", *(f"AUC, {part} ({len(names)})" for part, names in parts.items())]
    lines = _head([*heads, "precision at 20 px", "AUC less that of `fixed`", "ms an update"])
    for row in ablation.rows:
        cells = [f"`{row.name}`: {row.says}", ", ".join(map(str, row.seeds)) or "none"]
        cells += [_plus_minus(row.aucs(names)) for names in parts.values()]
        cells.append(_plus_minus(row.precisions(ablation.names)))
        differences = ablation.differences(row, ablation.names)
        cells.append("" if row is ablation.rows[0] else _plus_minus(differences, sign="+"))
        time = row.update_ms()
        cells.append("" if time is None else f"{time:.1f}")
        lines.append(_line(cells))
    lines += ["", "Mean +- standard deviation over seeds. A time is the median over all updates.", ""]
    if ablation.tuned:
        lines += _factors(ablation)
    lines += ["AUC of `fixed`, and what the others add to it (mean over seeds):", ""]
    lines += _head(["sequence", *(f"`{row.name}`" for row in ablation.rows)])
    for name in ablation.names:
        (own,) = ablation.rows[0].aucs([name])
        others = [f"{mean(ablation.differences(row, [name])):+.3f}" for row in ablation.rows[1:]]
        lines.append(_line([name, f"{own:.3f}", *others]))
    said = {**facts, "base": ablation.base, "measured at commit": ", ".join(_commits(ablation.rows))}
    changed = {**asdict(ablation.tracker)}
    said["tracker settings"] = ", ".join(f"{name} {value}" for name, value in changed.items())
    lines += ["", *(f"- {name}: {value}" for name, value in said.items())]
    return "\n".join(lines) + "\n"


def _factors(ablation: Ablation) -> list[str]:
    """How the step of plain gradient descent was chosen."""
    factors = list(next(iter(ablation.tuned.values())))
    lines = [f"Step factor of plain gradient descent, by AUC on the half `{TUNING_HALF}`:", ""]
    lines += _head(["steps an update", *(f"factor {factor:g}" for factor in factors), "chosen"])
    for steps, aucs in ablation.tuned.items():
        cells = [f"{aucs[factor]:.4f}" for factor in factors]
        lines.append(_line([str(steps), *cells, f"{best_factor(aucs):g}"]))
    return [*lines, ""]


def _commits(rows: SequenceOf[Row]) -> list[str]:
    """The code that measured; several where it changed between two runs of the command."""
    found = {measured.commit or "not known" for row in rows for run in row.runs for measured in run.values()}
    return sorted(found)


def _plus_minus(values: SequenceOf[float], sign: str = "") -> str:
    deviation = spread(values)
    shown = f"{mean(values):{sign}.4f}"
    return shown if deviation is None else f"{shown} +- {deviation:.4f}"


def _head(cells: SequenceOf[str]) -> list[str]:
    return [_line(cells), "|---" * len(cells) + "|"]


def _line(cells: SequenceOf[str]) -> str:
    return f"| {' | '.join(cells)} |"
