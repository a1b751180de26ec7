"""What the user calls trackers, and what is meant."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradnet_ros.evaluation.trackers.gradnet import GradNetSpec
from gradnet_ros.evaluation.trackers.interface import TrackerSpec
from gradnet_ros.evaluation.trackers.opencv import CLASSES, MODELS, OpenCVSpec
from gradnet_ros.nn.gradnet import NETWORKS

OWN = "gradnet"
"""Our tracker, as the options say; ``gradnet-NETWORK`` is a network as it is shipped."""
FIXED = f"{OWN}-fixed"
"""Our tracker, as the options say, without a gradient step: the first frame's template alone."""


def parse_trackers(text: str, options: argparse.Namespace) -> list[TrackerSpec]:
    """Turn ``gradnet,gradnet-fixed,csrt,nano:FOLDER`` into specs, in the same order.

    Args:
        text: names with commas between them; a model follows its tracker's name after a colon.
        options: ``network``, ``weights``, ``device``, ``engine`` and ``settings`` of ``gradnet`` and
            ``gradnet-fixed``, as
            :func:`gradnet_ros.cli.arguments.add_tracker_arguments` collects them. Of these,
            ``gradnet-NETWORK`` takes device and engine alone.

    Raises:
        ValueError: an unknown name, one that is there twice, or a model that is missing or not asked for.
    """
    specs: dict[str, TrackerSpec] = {}
    for entry in text.split(","):
        spec = _parse(entry.strip(), options)
        if spec.name in specs:
            raise ValueError(f"tracker {spec.name} is there twice")
        specs[spec.name] = spec
    return list(specs.values())


def _parse(entry: str, options: argparse.Namespace) -> TrackerSpec:
    name, colon, model = entry.partition(":")
    if name in MODELS:
        if not model:
            raise ValueError(f"tracker {name} needs a model: {name}:PATH, where PATH is {MODELS[name]}")
        return OpenCVSpec(name, Path(model))
    if colon:
        raise ValueError(f"tracker {name} takes no model, got {entry!r}; those that do: {', '.join(MODELS)}")
    if name in CLASSES:
        return OpenCVSpec(name)
    if name in (OWN, FIXED):
        settings = tuple((dict(options.settings) | ({} if name == OWN else {"update_interval": 0})).items())
        return GradNetSpec(name, options.network, options.device, options.engine, options.weights, settings)
    if name.startswith(f"{OWN}-") and (network := name.removeprefix(f"{OWN}-")) in NETWORKS:
        return GradNetSpec(name, network, options.device, options.engine)
    raise ValueError(f"unknown tracker {entry!r}; known are: {', '.join(known_trackers())}")


def known_trackers() -> list[str]:
    """The names, with the form of the model where one is needed."""
    own = [OWN, FIXED, *(f"{OWN}-{network}" for network in NETWORKS)]
    return own + [f"{name}:PATH" if name in MODELS else name for name in CLASSES]
