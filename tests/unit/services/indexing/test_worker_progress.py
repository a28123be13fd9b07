# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress is told whatever happens to the catalog."""

from __future__ import annotations

from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.messages import IndexingPhase
from semantic_photos.domain.photo import Counts
from semantic_photos.services.indexing.worker_progress import ProgressMeter
from semantic_photos.services.threads.concurrency import EventBus


def test_numbers_that_cannot_be_read_are_the_last_known_ones() -> None:
    answers: list[Counts | CatalogError] = [Counts(3, 4, 0, 0), CatalogError("no disk")]

    def counts() -> Counts:
        answer = answers.pop(0)
        if isinstance(answer, CatalogError):
            raise answer
        return answer

    meter = ProgressMeter(EventBus(), counts)
    meter.show(IndexingPhase.IDLE, force=True)
    meter.show(IndexingPhase.PAUSED, force=True)
    assert meter.last.phase is IndexingPhase.PAUSED
    assert meter.last.counts == Counts(3, 4, 0, 0)
