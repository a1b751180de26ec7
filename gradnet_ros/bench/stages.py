"""Where a frame's time goes, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import torch

from gradnet_ros.bench.clip import Clip
from gradnet_ros.bench.frames import warm_up
from gradnet_ros.bench.timing import Timing, summarise, time_once
from gradnet_ros.engines.crop_buffer import CropBuffer
from gradnet_ros.engines.protocol import Answer, Engine
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.crops import mean_colour
from gradnet_ros.tracking.target import Target

_ALWAYS = ("crop", "upload", "network", "host sync", "response")
_AT_TIMES = ("compare", "update", "box fit")


@dataclass(frozen=True)
class Stages:
    """Durations of the parts of a frame.

    Attributes:
        crop: squares of the picture, cut and scaled on the host.
        upload: the crops to the device, and to float32.
        network: what the engine's ``search`` takes beyond crop, upload and host sync: trunk, correlation, box
            branch. An engine that crops on the device does so here.
        host_sync: the response maps back to the host; next to nothing on a CPU.
        response: from the maps to a track: fusion, peak, size, memory.
        compare: the engine's ``compare``, crops and all; None where no sizes are compared.
        update: the template's step; None if there was none.
        box_fit: a step of fitting the box branch, in the frames before the others are timed; None without.
    """

    crop: Timing
    upload: Timing
    network: Timing
    host_sync: Timing
    response: Timing
    compare: Timing | None
    update: Timing | None
    box_fit: Timing | None


def time_stages(engine: Engine, config: TrackerConfig, clip: Clip, count: int) -> Stages:
    """Track a clip step by step.

    Crop, upload and host sync are done once more beside the engine, for they cannot be told apart inside it;
    what its ``search`` takes beyond them is the network's. A narrow search is taken at its word, for the
    clip's target moves evenly.
    """
    before = warm_up(config)
    frames = clip.play(1 + before + count)
    first = next(frames)
    target = Target(engine, first, clip.box, config)
    border = mean_colour(first)
    spec = engine.spec
    buffers = {
        size: CropBuffer(size, pinned=engine.device.type == "cuda")
        for size in (spec.search_size, spec.narrow_size)
    }
    seconds: dict[str, list[float]] = {part: [] for part in (*_ALWAYS, *_AT_TIMES)}
    for number, frame in enumerate(frames):
        queries = target.ask(config)
        times = {}
        start = perf_counter()
        cut = buffers[queries[0].pixels].cut(frame, [(query.region, border) for query in queries])
        times["crop"] = perf_counter() - start
        times["upload"] = time_once(partial(_upload, cut, engine.device), engine.device)
        start = perf_counter()
        answers = engine.search(frame, queries)
        searched = perf_counter() - start
        times["host sync"] = _time_download(answers, engine.device)
        times["network"] = max(0.0, searched - times["crop"] - times["upload"] - times["host sync"])
        start = perf_counter()
        found = target.find(queries, answers, config)
        times["response"] = perf_counter() - start
        cosines = None
        if config.compares_sizes:
            look = target.look(found.centre, found.size, config)
            start = perf_counter()
            (cosines,) = engine.compare(frame, [look])
            times["compare"] = perf_counter() - start
        start = perf_counter()
        target.settle(found, cosines, config)
        times["response"] += perf_counter() - start
        fitting = target.fits_boxes
        start = perf_counter()
        updated = target.learn(config)
        learned = time_once(lambda: None, engine.device) + perf_counter() - start
        if fitting and not updated:
            seconds["box fit"].append(learned)
        if updated and not fitting:
            times["update"] = learned
        if number >= before:
            _note(seconds, times)
    crop, upload, network, sync, response = (summarise(seconds[part]) for part in _ALWAYS)
    compare, update, box_fit = (summarise(seconds[part]) if seconds[part] else None for part in _AT_TIMES)
    return Stages(crop, upload, network, sync, response, compare, update, box_fit)


def _note(seconds: dict[str, list[float]], times: Mapping[str, float]) -> None:
    for part, value in times.items():
        seconds[part].append(value)


def _upload(crops: torch.Tensor, device: torch.device) -> torch.Tensor:
    return crops.to(device, non_blocking=True).permute(0, 3, 1, 2).float()


def _time_download(answers: Sequence[Answer], device: torch.device) -> float:
    """Seconds for maps of the answers' size to come back from the device."""
    maps = [each for answer in answers for each in (answer.fixed, answer.adaptive, answer.edges)]
    there = torch.cat([torch.from_numpy(each).flatten() for each in maps if each is not None]).to(device)
    return time_once(lambda: there.cpu().numpy(), device)
