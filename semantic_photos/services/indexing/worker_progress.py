# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of the indexing worker: counts, rate and time left, published at most ten times a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.messages import IndexingPhase, IndexingProgress
from semantic_photos.domain.photo import Counts
from semantic_photos.services.threads.concurrency import EventBus

#: Least seconds between two messages.
_INTERVAL_S = 0.1
#: The rate is taken over the last seconds, so that it follows a change from small to large photos.
_WINDOW_S = 10.0


class ProgressMeter:
    """Counts finished photos and publishes ``IndexingProgress``.

    Thread: the indexer's; ``last`` may be read from any.
    """

    def __init__(self, bus: EventBus, counts: Callable[[], Counts]) -> None:
        self._bus, self._counts = bus, counts
        self._done = 0
        self._running = False
        self._samples: deque[tuple[float, int]] = deque()
        self._told = 0.0
        self.last = IndexingProgress(IndexingPhase.IDLE, Counts())

    def begin(self) -> None:
        """Start a run, unless one is under way."""
        if not self._running:
            self._running, self._done = True, 0
            self._samples.clear()
            self._samples.append((time.monotonic(), 0))

    def finished(self, photos: int) -> None:
        """Count photos that are done, indexed or failed."""
        self._done += photos
        now = time.monotonic()
        self._samples.append((now, self._done))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_S:
            self._samples.popleft()

    def end(self) -> None:
        """End the run."""
        self._running = False

    def show(self, phase: IndexingPhase, *, current: str = "", force: bool = False) -> None:
        """Publish how far things are, if the last message is old enough or ``force`` is set."""
        now = time.monotonic()
        if not force and now - self._told < _INTERVAL_S:
            return
        self._told = now
        try:
            counts = self._counts()
        except CatalogError:
            # Told just when the catalog is in trouble: the last known numbers do, and the worker must live on.
            counts = self.last.counts
        rate = self._rate(now) if phase is IndexingPhase.INDEXING else 0.0
        left = counts.pending / rate if rate > 0 else None
        message = IndexingProgress(phase, counts, self._done, self._done + counts.pending, rate, left, current)
        if force and message == self.last:
            return
        self.last = message
        self._bus.publish(message)

    def _rate(self, now: float) -> float:
        if len(self._samples) < 2:
            return 0.0
        then, before = self._samples[0]
        return (self._done - before) / max(now - then, 0.05)
