# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of photos by word are counted in the background and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from semantic_photos.domain.errors import CatalogError
from semantic_photos.services.search.word_counts import WordCounts


class Counted:
    """Counts letters, at the moment when it is told to work."""

    def __init__(self) -> None:
        self.generation, self.now, self.fails = 1, 0.0, False
        self.asked: list[list[str]] = []
        self.queue: list[Callable[[], None]] = []
        self.counts = WordCounts(self._count, lambda: self.generation, self.queue.append, lambda: self.now)

    def _count(self, words: Sequence[str]) -> list[int]:
        self.asked.append(list(words))
        if self.fails:
            raise CatalogError("gone")
        return [len(word) + self.generation for word in words]

    def work(self) -> None:
        while self.queue:
            self.queue.pop(0)()


def test_nothing_waits_and_the_next_time_knows() -> None:
    world = Counted()
    assert world.counts.known(["dog", "horse"]) == {}
    assert world.counts.known(["dog"]) == {}
    assert len(world.queue) == 1, "one at a time"
    world.work()
    assert world.counts.known(["dog", "horse"]) == {"dog": 4, "horse": 6}
    assert not world.queue


def test_numbers_stay_for_a_while_when_photos_come_and_are_then_counted_anew() -> None:
    world = Counted()
    world.counts.known(["dog"])
    world.work()
    world.generation = 5
    assert world.counts.known(["dog"]) == {"dog": 4}
    assert not world.queue
    world.now = 60.0
    assert world.counts.known(["dog"]) == {"dog": 4}
    world.work()
    assert world.counts.known(["dog"]) == {"dog": 8}
    world.now = 600.0
    world.counts.known(["dog"])
    assert not world.queue, "no photo has come since"


def test_what_fails_is_tried_again() -> None:
    world = Counted()
    world.fails = True
    world.counts.known(["dog"])
    world.work()
    world.fails = False
    assert world.counts.known(["dog"]) == {}
    world.work()
    assert world.counts.known(["dog"]) == {"dog": 4}
