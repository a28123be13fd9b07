# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's collector does not stop the window in the middle of something."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from semantic_photos.domain.messages import IndexingPhase, IndexingProgress
from semantic_photos.domain.photo import Counts
from semantic_photos.gui.shell import app
from semantic_photos.gui.shell.garbage_collection import MOST_PUT_OFF, GarbageCollection
from tests.fakes.library import FakeLibrary

pytestmark = pytest.mark.gui


class Knot:
    """Something that only the cycle collector can free."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collecting() -> Iterator[GarbageCollection]:
    # Whatever ran before in this process: Python's own thresholds.
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    made = GarbageCollection()
    yield made
    made.close()
    gc.set_threshold(*before)


def whole_looks(work: Callable[[], object]) -> int:
    """Return how often everything was looked through while ``work`` was done."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        seen.append(info["generation"] if phase == "start" else 0)

    gc.callbacks.append(note)
    try:
        work()
    finally:
        gc.callbacks.remove(note)
    return seen.count(2)


def many_objects() -> list[Any]:
    return [[number] for number in range(600_000)]


def test_python_itself_looks_through_everything_only_without_us(collecting: GarbageCollection) -> None:
    assert whole_looks(many_objects) == 0
    collecting.close()
    assert gc.get_threshold() == (700, 10, 10)
    # Python looks through everything only when a quarter of it is new: what earlier tests left must not count.
    gc.collect()
    gc.freeze()
    gc.collect()
    assert whole_looks(many_objects) > 0


def test_what_only_the_collector_can_free_is_freed_by_a_look(collecting: GarbageCollection) -> None:
    gone = weakref.ref(Knot())
    assert collecting.look()
    assert gone() is None


def test_while_folders_are_compared_a_look_is_put_off_but_not_for_ever(collecting: GarbageCollection) -> None:
    collecting.take_progress(IndexingProgress(IndexingPhase.SCANNING, Counts()))
    assert [collecting.look() for _ in range(MOST_PUT_OFF + 2)] == [False] * MOST_PUT_OFF + [True, False]
    collecting.take_progress(IndexingProgress(IndexingPhase.IDLE, Counts()))
    assert collecting.look()


def test_the_window_takes_the_collector_over_and_gives_it_back(qtbot: QtBot) -> None:
    before = gc.get_threshold()
    session = app.Session(lambda: FakeLibrary(20), [], None)
    session.start()
    qtbot.waitUntil(lambda: session.window.page is not None)
    assert whole_looks(many_objects) == 0
    with qtbot.waitSignal(session.ended, timeout=8000):
        session.close()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
