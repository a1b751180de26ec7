"""From sequences and a search space to settings: search on one half, report on both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from pathlib import Path

from optuna.trial import TrialState

from gradnet_ros.evaluation.frame_cache import FrameCache, cached
from gradnet_ros.evaluation.search.halves import Halves, short_first, split
from gradnet_ros.evaluation.search.plot import plot_search
from gradnet_ros.evaluation.search.report import (
    Section,
    compared,
    measure,
    table,
    write_settings,
    write_trials,
)
from gradnet_ros.evaluation.search.scorer import Player, Score, Scorer
from gradnet_ros.evaluation.search.space import SearchSpace
from gradnet_ros.evaluation.search.study import SharedStudy
from gradnet_ros.evaluation.search.trials import search
from gradnet_ros.evaluation.segments import FRAMES, cut_segments
from gradnet_ros.evaluation.sequences import Sequence
from gradnet_ros.tracking.config import TrackerConfig


@dataclass(frozen=True)
class TuneConfig:
    """How to search.

    Attributes:
        trials: trials of the search, the checkpoint's own settings among them; at least 1.
        seed: of the draws and of the order of sequences; at least 0.
        half: what to search on, see :data:`gradnet_ros.evaluation.search.halves.HALVES`.
        max_frames: frames of a sequence that a trial plays at most; 0 plays all. The report always does.
        segments: a trial plays so many pieces of a sequence, each with a start of its own; 0 plays it in one.
            The report is on whole sequences and on such pieces.
        segment_frames: frames of a piece.
        cache_megabytes: memory for decoded frames.
        resume: go on with, or join, a search that is there.
    """

    trials: int
    seed: int = 0
    half: str = "even"
    max_frames: int = 0
    segments: int = 0
    segment_frames: int = FRAMES
    cache_megabytes: float = 1500.0
    resume: bool = False

    def __post_init__(self) -> None:
        """Check the bounds that nobody else checks.

        Raises:
            ValueError: a field is outside its bound.
        """
        if self.trials < 1:
            raise ValueError(f"trials must be at least 1, got {self.trials}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")
        if self.max_frames != 0 and self.max_frames < 2:
            raise ValueError(f"max_frames must be 0 (all) or at least 2, got {self.max_frames}")
        if self.segments < 0:
            raise ValueError(f"segments must be 0 (none) or at least 1, got {self.segments}")
        if self.segments and self.max_frames:
            raise ValueError(
                "max_frames are the first of a sequence, segments lie all over it: give one of them"
            )


def tune(
    sequences: SequenceOf[Sequence],
    space: SearchSpace,
    own: TrackerConfig,
    score: Scorer,
    play: Player,
    output: Path,
    config: TuneConfig,
    weights: Mapping[str, str],
    facts: Mapping[str, str],
    say: Callable[[str], None],
) -> bool:
    """Search, and report once the last trial of all processes is done.

    Writes ``trials.csv``, ``search.png``, ``best.json``, ``best.yaml`` and ``table.md`` to the output folder.

    Args:
        sequences: all sequences; the frames of those of the other half are not opened before the report.
        space: what is searched.
        own: the checkpoint's own settings.
        score: scores settings on a sequence, for a trial.
        play: scores settings on many sequences, for the report.
        output: folder of the search.
        config: how to search.
        weights: what tells these weights from others; a search goes on with the same ones only.
        facts: name -> value of what else belongs to the figures.
        say: is told how it goes.

    Returns:
        Whether the report was written; if not, another process is still at a trial and will write it.

    Raises:
        OSError, ValueError: see :class:`~gradnet_ros.evaluation.search.study.SharedStudy`; or a sequence
            cannot be read.
    """
    halves = split(sequences, config.half)
    cache = FrameCache(config.cache_megabytes)
    # Halved first: pieces of one sequence belong to one half.
    searched = _cut(halves.search, config)
    played = short_first([cached(each, cache, config.max_frames) for each in searched], config.seed)
    plan = {
        **weights,
        "seed": config.seed,
        "half": config.half,
        "max_frames": config.max_frames,
        "sequences": [[each.name, len(each.truth)] for each in played],
        "space": space.outline(),
    }
    with SharedStudy(output, plan, space, own, config.seed, len(played), config.resume) as study:
        search(study, played, score, config.trials, say)
        if study.busy_elsewhere:
            return False
        del cache, played  # several processes may need that memory now
        write_trials(output / "trials.csv", study)
        plot_search(output / "search.png", study, space)
        settings = study.settings(study.best)
        write_settings(output, settings)
        known = {} if config.max_frames or config.segments else _known(study)
        ways = [("Whole sequences", halves, known)]
        if config.segments:
            pieces = Halves(tuple(searched), tuple(_cut(halves.other, config)))
            ways.append((f"Segments of up to {config.segment_frames} frames", pieces, _known(study)))
        configs = compared(own, study.config(study.best))
        sections = [
            Section(title, each, measure(configs, (*each.search, *each.other), play, measured, say))
            for title, each, measured in ways
        ]
        outline = _outline(study, config, len(halves.search), len(searched))
        (output / "table.md").write_text(table(sections, settings, {**outline, **facts}))
        return True


def _cut(sequences: SequenceOf[Sequence], config: TuneConfig) -> SequenceOf[Sequence]:
    """What trials play."""
    if not config.segments:
        return sequences
    return cut_segments(sequences, config.segments, config.segment_frames)


def _known(study: SharedStudy) -> dict[TrackerConfig, dict[str, Score]]:
    """What the trials that ran to the end have measured already."""
    done = [trial for trial in study.finished if trial.state == TrialState.COMPLETE]
    return {study.config(trial): study.scores(trial) for trial in done}


def _outline(study: SharedStudy, config: TuneConfig, sequences: int, searched: int) -> dict[str, str]:
    dropped = sum(trial.state == TrialState.PRUNED for trial in study.finished)
    frames = f", first {config.max_frames} frames of each" if config.max_frames else ""
    pieces = f"{searched} segments of up to {config.segment_frames} frames of " if config.segments else ""
    return {
        "search": f"{len(study.finished)} trials ({dropped} dropped early) on {pieces}{sequences} sequences"
        f" ({config.half}{frames}), seed {config.seed}; best is trial {study.best.number}"
    }
