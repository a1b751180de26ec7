"""What the tracker asks of an engine, whatever runs the network: crops, network, responses, template steps.

An engine knows no rules. It is told where to look in which picture and answers with response maps; which
cell is the target, how large it is and when the template learns from what is decided by
:mod:`gradnet_ros.tracking`. So every engine tracks by the same rules, and one call of :meth:`Engine.search`
is all that a frame needs of it, from the picture to the maps, and one of :meth:`Engine.compare` where sizes
are compared at the place that was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from gradnet_ros.nn.trunk import TrunkSpec
from gradnet_ros.tracking.crops import Image
from gradnet_ros.tracking.response import Map

State: TypeAlias = Any
"""A target as its engine sees it (templates, border colour): made by ``start``, changed by ``teach``."""

Features: TypeAlias = Any
"""Search features as their engine holds them: part of an :class:`Answer`, or kept by ``keep``."""

Offsets: TypeAlias = NDArray[np.float32]
"""(k, 2): x, y of the target in each of k frames, from the middle of the search crop, in its pixels."""


@dataclass(frozen=True)
class Region:
    """Squares around one place of a picture, a crop of the network's input each.

    Attributes:
        centre: (x, y) in the picture, continuous pixel coordinates.
        sides: side of each square, pixels of the picture; from small to large, an odd number.
    """

    centre: tuple[float, float]
    sides: tuple[float, ...]


@dataclass(frozen=True)
class View:
    """A search crop in which the target's box is known.

    Attributes:
        region: the crop's square, one.
        offset: (x, y) of the target from the middle of the crop, its pixels.
        size: (w, h) of the target, pixels of the crop.
    """

    region: Region
    offset: tuple[float, float]
    size: tuple[float, float]


@dataclass(frozen=True)
class Query:
    """A place to search for a target.

    Attributes:
        state: the target.
        region: where.
        pixels: side of the search crops, ``search_size`` or ``narrow_size`` of the network.
        adaptive: the adaptive template takes part, on the middle square.
        boxes: the box branch takes part; the region has one square then.
    """

    state: State
    region: Region
    pixels: int
    adaptive: bool
    boxes: bool


@dataclass(frozen=True)
class Look:
    """A place at which a target is, to be compared with its exemplar at several sizes.

    Attributes:
        state: the target.
        region: as large as the exemplar's square was, for a target of each size.
    """

    state: State
    region: Region


@dataclass(frozen=True)
class Answer:
    """What the network says to a query.

    The arrays are the engine's: they hold until its next ``search``.

    Attributes:
        fixed: (S, r, r) raw scores of the fixed template, a map a square; r goes with the crop's side.
        adaptive: (r, r) raw scores of the adaptive template on the middle square; ``None`` if it takes no
            part or was never taught.
        edges: (4, r, r) distances from every cell to the left, top, right and bottom edge, pixels of the
            search crop; ``None`` without boxes.
        features: search features of all squares, for ``keep``; they hold until the next ``search``.
    """

    fixed: Map
    adaptive: Map | None
    edges: Map | None
    features: Features


class Engine(Protocol):
    """Runs the network; for one thread at a time.

    Whatever a call raises (out of memory, say), the states that were given stay as they were.
    """

    @property
    def name(self) -> str:
        """The name it is chosen by."""

    @property
    def detail(self) -> str:
        """How it runs, for logs and diagnostics: number format, fallback; may be empty."""

    @property
    def device(self) -> torch.device:
        """Where the network runs."""

    @property
    def spec(self) -> TrunkSpec:
        """Geometry of crops, features and responses."""

    @property
    def adjust(self) -> tuple[float, float]:
        """Scale and bias that make a logit of a raw score (SiamFC's adjust layer)."""

    @property
    def has_boxes(self) -> bool:
        """Whether the network has a box branch."""

    def start(
        self, image: Image, region: Region, size: tuple[float, float], border: tuple[float, ...]
    ) -> State:
        """Read a target.

        Args:
            image: HxWx3 uint8, BGR.
            region: the exemplar's square.
            size: w, h of the target, pixels of the picture.
            border: BGR colour of what lies outside the picture, now and in later frames.

        Returns:
            The target's state; its adaptive template was not taught yet.
        """

    def fit_template(self, state: State, image: Image, views: Sequence[View], steps: int) -> None:
        """Fit the target's fixed template to views of the picture that it was given in.

        See :func:`~gradnet_ros.nn.template_fit.fit_template`.

        Args:
            state: a target that was not searched for yet.
            image: HxWx3 uint8, BGR: that picture.
            views: those of :func:`~gradnet_ros.tracking.rehearsal.rehearsal_views`.
            steps: how many are taken, at least one.
        """

    def rehearse(self, state: State, image: Image, views: Sequence[View], steps: int) -> None:
        """Look at views of the picture that a target was given in, for :meth:`fit_boxes`.

        Args:
            state: a target of a network with a box branch.
            image: HxWx3 uint8, BGR: that picture.
            views: those of :func:`~gradnet_ros.tracking.rehearsal.rehearsal_views`.
            steps: how often :meth:`fit_boxes` is to be called, at least once.
        """

    def fit_boxes(self, state: State) -> None:
        """Fit the target's box template to its views, a step (:class:`~gradnet_ros.nn.box_fit.BoxFit`).

        Args:
            state: a target that :meth:`rehearse` has seen.
        """

    def forget_views(self, state: State) -> None:
        """Give up what :meth:`rehearse` keeps; the box template stays as it is."""

    def search(self, image: Image, queries: Sequence[Query]) -> list[Answer]:
        """Search one picture for one or more targets, or in several places for one.

        Args:
            image: HxWx3 uint8, BGR.
            queries: what to search for and where.

        Returns:
            An answer a query, in their order.
        """

    def compare(self, image: Image, looks: Sequence[Look]) -> list[NDArray[np.float32]]:
        """Compare what lies at a target's place with its exemplar, at several sizes.

        What an :class:`Answer` holds is left as it is.

        Args:
            image: HxWx3 uint8, BGR.
            looks: where, for each of one or more targets.

        Returns:
            For each (S,): the cosine of the fixed template with one made of the crop in each square.
        """

    def keep(self, features: Features, scale: int) -> Features:
        """A copy of the features of one square that outlives the next ``search``.

        Args:
            features: of an :class:`Answer`.
            scale: index of the square.
        """

    def teach(
        self, state: State, samples: Sequence[Features], offsets: Offsets, rate: float, from_first: bool
    ) -> None:
        """One gradient-guided step of the target's adaptive template (paper equations 2-5).

        ``hid <- (1 - rate) hid + rate h2``, ``beta* = U1(hid)``; the inner gradient is the sum over the
        samples.

        Args:
            state: the target.
            samples: kept features of k frames, 1 to :data:`MAX_SAMPLES`, of crops of ``search_size``.
            offsets: where the target is in each.
            rate: share of the new in the running feature.
            from_first: start the step from the exemplar's feature instead of the running one.
        """


MAX_SAMPLES = 5
"""Most frames that one step may learn from."""
