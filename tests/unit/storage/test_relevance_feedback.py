# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes are kept per question, can be listed, taken back and brought back, and go with their photo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from semantic_photos.domain.photo import FileStamp, PhotoId
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.database import Database
from semantic_photos.storage.relevance_feedback import VoteStore


class World:
    def __init__(self, folder: Path) -> None:
        self.database = Database.open(folder / "catalog.sqlite")
        self.catalog = Catalog(self.database)
        self.root = self.catalog.folders.add(folder / "photos")
        files = [(folder / "photos" / f"{n}.jpg", FileStamp(n + 1, n + 1)) for n in range(4)]
        self.ids = self.catalog.files.add(self.root.id, files)
        self.time = 100.0
        self.votes = VoteStore(self.database, self._now)

    def _now(self) -> float:
        self.time += 1
        return self.time


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.database.close()


def test_votes_belong_to_their_question(world: World) -> None:
    a, b, c, _ = world.ids
    world.votes.cast("dog", [a, b], 1)
    world.votes.cast("dog", [c], -1)
    world.votes.cast("cat", [a], -1)
    assert world.votes.of("dog") == {a: 1, b: 1, c: -1}
    assert world.votes.of("cat") == {a: -1}
    assert world.votes.of("bird") == {}
    assert [(one.query, one.photo_id, one.vote) for one in world.votes.all()] == [
        ("dog", a, 1), ("dog", b, 1), ("dog", c, -1), ("cat", a, -1),
    ]  # fmt: skip


def test_a_vote_can_be_changed_and_taken_back_and_undone(world: World) -> None:
    a = world.ids[0]
    world.votes.cast("dog", [a], 1)
    changed = world.votes.cast("dog", [a], -1)
    assert world.votes.of("dog") == {a: -1}
    world.votes.restore(changed)
    assert world.votes.of("dog") == {a: 1}
    gone = world.votes.cast("dog", [a], 0)
    assert world.votes.of("dog") == {}
    world.votes.restore(gone)
    assert world.votes.of("dog") == {a: 1}


def test_undoing_a_first_vote_leaves_none(world: World) -> None:
    before = world.votes.cast("dog", world.ids[:2], 1)
    world.votes.restore(before)
    assert world.votes.all() == []


def test_votes_survive_a_power_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    durable: list[bool] = []
    real = world.database.transaction

    def watched(*, durable_before: list[bool] = durable, **how: bool) -> object:
        durable_before.append(how.get("durable", False))
        return real(**how)

    monkeypatch.setattr(world.database, "transaction", watched)
    world.votes.restore(world.votes.cast("dog", world.ids[:1], 1))
    assert durable == [True, True]


def test_clearing_one_question_or_all(world: World) -> None:
    for query in ("dog", "cat"):
        world.votes.cast(query, world.ids, 1)
    gone = world.votes.clear("dog")
    assert len(gone) == 4
    assert len(world.votes.all()) == 4
    assert len(world.votes.clear()) == 4
    assert world.votes.all() == []
    world.votes.restore(gone)
    assert len(world.votes.of("dog")) == 4


def test_unknown_photos_and_odd_questions_are_no_trouble(world: World) -> None:
    world.votes.cast("dog", [PhotoId(999)], 1)
    assert world.votes.all() == []
    world.votes.cast("d\udcff\0g", [world.ids[0]], 1)
    assert len(world.votes.of("d\udcff\0g")) == 1


def test_votes_go_with_their_photo(world: World) -> None:
    world.votes.cast("dog", world.ids, 1)
    gone = world.votes.clear("dog")
    world.catalog.folders.remove(world.root.id)
    world.votes.restore(gone)
    assert world.votes.all() == []
