"""Checkpoints: safetensors files that carry the network's name and settings beside its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from gradnet_ros.nn.gradnet import NETWORKS, GradNet

FORMAT = "gradnet_ros/1"
"""Value of ``format`` in a checkpoint's metadata."""

_UNSHARED = "unshared"
"""Value of ``updated_head`` in the metadata where the updated template has a U1 of its own."""


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message says what was expected and what was found."""


@dataclass(frozen=True)
class Checkpoint:
    """A network and what its file says of it.

    Attributes:
        net: the network, in evaluation mode, on the CPU, float32.
        tracker: tracker settings that go with these weights (names of ``TrackerConfig``).
        training: how the weights were made, free form.
    """

    net: GradNet
    tracker: dict[str, object] = field(default_factory=dict)
    training: dict[str, object] = field(default_factory=dict)


def save_network(
    path: Path,
    net: GradNet,
    tracker: Mapping[str, object] | None = None,
    training: Mapping[str, object] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a checkpoint.

    Args:
        path: file to write.
        net: the network.
        tracker: tracker settings that go with the weights.
        training: how the weights were made; anything JSON can hold.
        dtype: floating-point type on disk; float16 halves the file. A tensor with values beyond its range
            (variances of batch norm) stays as it is.
    """
    tensors = {name: _stored(value.detach(), dtype) for name, value in net.state_dict().items()}
    metadata = {
        "format": FORMAT,
        "network": net.spec.name,
        "tracker": json.dumps(dict(tracker or {})),
        "training": json.dumps(dict(training or {})),
    }
    if net.updated_head is not None:
        metadata["updated_head"] = _UNSHARED
    path.write_bytes(save(tensors, metadata))


def load_network(path: Path, network: str | None = None) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: a safetensors file written by :func:`save_network`.
        network: the network that is expected; ``None`` takes the file's own.

    Raises:
        CheckpointError: no such file, damaged, not a GradNet checkpoint, another network's, or tensors
            missing, left over or of another shape.
    """
    if not path.is_file():
        raise CheckpointError(f"no weights at {path}")
    metadata, tensors = _read(path)
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: expected a checkpoint of format {FORMAT!r}, found {metadata.get('format')!r}"
        )
    found = metadata.get("network", "")
    if found not in NETWORKS or (network is not None and found != network):
        wanted = network or " or ".join(NETWORKS)
        raise CheckpointError(f"{path}: expected weights of network {wanted}, found {found!r}")
    net = GradNet(found)
    head = metadata.get("updated_head")
    if head not in (None, _UNSHARED):
        raise CheckpointError(f"{path}: expected updated_head {_UNSHARED!r} or none, found {head!r}")
    if head == _UNSHARED:
        net.unshare_head()
    _check(path, net.state_dict(), tensors)
    net.load_state_dict(tensors)
    return Checkpoint(net.eval(), _json(path, metadata, "tracker"), _json(path, metadata, "training"))


def save_settings(path: Path, output: Path, tracker: Mapping[str, object]) -> None:
    """Write a checkpoint anew with other tracker settings; every tensor stays as it is on disk.

    Args:
        path: a checkpoint that :func:`load_network` reads.
        output: file to write; may be ``path``.
        tracker: the settings, in place of those that the file has.
    """
    metadata, tensors = _read(path)
    output.write_bytes(save(tensors, {**metadata, "tracker": json.dumps(dict(tracker))}))


def average_networks(checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """The mean of networks, tensor by tensor; settings are those of the first.

    Networks trained on from one start lie in one basin; their mean keeps most of what the longer training
    learned and most of what it forgot (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

    Args:
        checkpoints: at least one; the ``training`` of each is kept, in order, under ``average``.

    Raises:
        CheckpointError: they are of different networks, or only some have a U1 of their own for the updated
            template.
    """
    first = checkpoints[0]
    states = [checkpoint.net.state_dict() for checkpoint in checkpoints]
    for checkpoint, state in zip(checkpoints, states, strict=True):
        if checkpoint.net.spec != first.net.spec or state.keys() != states[0].keys():
            names = ", ".join(each.net.spec.name for each in checkpoints)
            raise CheckpointError(f"expected checkpoints of one network with the same layers, got {names}")
    net = GradNet(first.net.spec.name)
    if first.net.updated_head is not None:
        net.unshare_head()
    net.load_state_dict(
        {
            # Whole numbers (counters of batch norm) have no mean.
            name: torch.stack([state[name] for state in states]).mean(0)
            if value.is_floating_point()
            else value
            for name, value in states[0].items()
        }
    )
    return Checkpoint(net.eval(), first.tracker, {"average": [each.training for each in checkpoints]})


def shipped_weights(network: str) -> Path:
    """Path of the weights that come with the package.

    Raises:
        CheckpointError: an unknown network, or one without shipped weights.
    """
    if network not in NETWORKS:
        raise CheckpointError(f"network must be one of {', '.join(NETWORKS)}, got {network!r}")
    path = Path(str(resources.files("gradnet_ros"))) / "weights" / f"{network}.safetensors"
    if not path.is_file():
        raise CheckpointError(
            f"no weights are shipped for network {network!r}; give a file of your own (weights=...)"
        )
    return path


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: expected a safetensors file, could not read it: {error}") from error
    return metadata, tensors


def _stored(value: Tensor, dtype: torch.dtype) -> Tensor:
    fits = value.is_floating_point() and bool(value.abs().max() <= torch.finfo(dtype).max)
    return value.to(dtype if fits else value.dtype).cpu().contiguous()


def _check(path: Path, expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    missing = sorted(set(expected) - set(found))
    extra = sorted(set(found) - set(expected))
    if missing or extra:
        raise CheckpointError(
            f"{path}: expected {len(expected)} tensors; missing: {', '.join(missing[:3]) or 'none'}"
            f" ({len(missing)}); left over: {', '.join(extra[:3]) or 'none'} ({len(extra)})"
        )
    for name, tensor in expected.items():
        if tensor.shape != found[name].shape:
            raise CheckpointError(
                f"{path}: expected {name} of shape {tuple(tensor.shape)}, found {tuple(found[name].shape)}"
            )
        if not torch.isfinite(found[name]).all():
            raise CheckpointError(f"{path}: {name} holds values that are not finite numbers")


def _json(path: Path, metadata: Mapping[str, str], name: str) -> dict[str, object]:
    try:
        value = json.loads(metadata.get(name, "{}"))
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}: expected JSON in metadata {name!r}: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: expected a JSON object in metadata {name!r}, found {value!r}")
    return value
