"""Which frames may teach the template (official code: reliable samples, early failure)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from gradnet_ros.engines.protocol import Features
from gradnet_ros.tracking.config import TrackerConfig


@dataclass(frozen=True)
class Sample:
    """A search region in which the target was found with confidence.

    Attributes:
        features: search features as computed when the frame was tracked, kept by the engine.
        offset: (x, y) of the target from the region's centre, pixels of the search crop.
        strength: the peak that found it.
    """

    features: Features
    offset: tuple[float, float]
    strength: float


class ReliableMemory:
    """Keeps the last reliable samples and the reference peak T.

    Settings are given with every call, so that they may change while running.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self._warmup: list[float] = []
        self.misses = 0
        """Frames since the last reliable sample."""

    def reference(self) -> float:
        """T: the mean peak of the first frames; 0 before the first."""
        return sum(self._warmup) / len(self._warmup) if self._warmup else 0.0

    def see(self, strength: float, config: TrackerConfig) -> bool:
        """Count a frame in; tell whether it is reliable: ``F >= min(ratio * T, mean of the kept peaks)``."""
        if len(self._warmup) < config.warmup_frames:
            self._warmup.append(strength)
        bound = config.reliable_ratio * self.reference()
        if self._samples:
            bound = min(bound, sum(sample.strength for sample in self._samples) / len(self._samples))
        reliable = strength >= bound
        self.misses = 0 if reliable else self.misses + 1
        return reliable

    def keep(self, sample: Sample, config: TrackerConfig) -> None:
        """Add a sample; the oldest goes when more than ``memory_size`` are kept."""
        self._samples.append(sample)
        while len(self._samples) > config.memory_size:
            self._samples.popleft()

    def best(self, count: int) -> list[Sample]:
        """The kept samples with the highest peaks, at most ``count``."""
        return sorted(self._samples, key=lambda sample: sample.strength, reverse=True)[:count]

    def newest(self, count: int) -> list[Sample]:
        """The samples that were kept last, at most ``count``."""
        return list(self._samples)[-count:]

    def __len__(self) -> int:
        return len(self._samples)
