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
        features: search features as computed when the frame was tracked, kept by the engine; ``None`` for a
            frame that nothing can be learned from, such as one that was searched narrowly.
        offset: (x, y) of the target from the region's centre, pixels of the search crop.
        strength: the peak that found it.
    """

    features: Features | None
    offset: tuple[float, float]
    strength: float


class ReliableMemory:
    """Keeps the peaks of the last reliable frames, the last samples to learn from, and the reference peak T.

    Settings are given with every call, so that they may change while running.
    """

    def __init__(self) -> None:
        self._peaks: deque[float] = deque()
        # Apart from the peaks: most frames may teach nothing, and are not to crowd out those that do.
        self._samples: deque[Sample] = deque()
        self._warmup: list[float] = []
        self.misses = 0
        """Frames since the last reliable sample."""

    def reference(self) -> float:
        """T: the mean peak of the first frames; 0 before the first."""
        return sum(self._warmup) / len(self._warmup) if self._warmup else 0.0

    def is_reliable(self, strength: float, config: TrackerConfig) -> bool:
        """Whether a frame would be: ``F >= min(ratio * T, mean of the kept peaks)``, T with that frame."""
        warmup = self._warmup
        if len(warmup) < config.warmup_frames:
            warmup = [*warmup, strength]
        bound = config.reliable_ratio * (sum(warmup) / len(warmup) if warmup else 0.0)
        if self._peaks:
            bound = min(bound, sum(self._peaks) / len(self._peaks))
        return strength >= bound

    def add(self, strength: float, sample: Sample | None, config: TrackerConfig) -> None:
        """Count a frame in.

        Args:
            strength: its peak.
            sample: of a reliable frame. Of peaks, and of samples with features, ``memory_size`` are kept; the
                oldest goes.
            config: the settings in force.
        """
        if len(self._warmup) < config.warmup_frames:
            self._warmup.append(strength)
        if sample is None:
            self.misses += 1
            return
        self.misses = 0
        self._peaks.append(strength)
        if sample.features is not None:
            self._samples.append(sample)
        while len(self._peaks) > config.memory_size:
            self._peaks.popleft()
        while len(self._samples) > config.memory_size:
            self._samples.popleft()

    def best(self, count: int) -> list[Sample]:
        """The kept samples with the highest peaks, at most ``count``."""
        return sorted(self._samples, key=lambda sample: sample.strength, reverse=True)[:count]

    def newest(self, count: int) -> list[Sample]:
        """The samples kept last, at most ``count``."""
        return list(self._samples)[-count:]
