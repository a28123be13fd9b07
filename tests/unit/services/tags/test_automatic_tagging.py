# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic tags of a whole library, on a real catalog and the pack whose tags are colours."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import CancelledError, CatalogError
from semantic_photos.domain.messages import CancelToken, PhotosChanged
from semantic_photos.domain.photo import ContentKey, FileStamp, PhotoFacts, PhotoId
from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.domain.tags import Act, Standing, TaggingProgress
from semantic_photos.ml.model_pack import ModelPack, load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.services.search.vocabulary import Vocabulary
from semantic_photos.services.tags import automatic_tagging
from semantic_photos.services.tags.automatic_tagging import AutoTagger
from semantic_photos.services.tags.tag_words import TagWords
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database
from tests.fakes.encoders import word_vector
from tests.fakes.packs import build_tiny_pack

pytestmark = pytest.mark.slow  # a catalog on the disk for each test

TREE = TagTree.parse("colour|red: crimson\ncolour|blue: azure\nfood|banana")
LEAST = 0.6


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> ModelPack:
    return load_pack(build_tiny_pack(tmp_path_factory.mktemp("pack")))


class World:
    def __init__(self, folder: Path, pack: ModelPack) -> None:
        self.database = Database.open(folder / "catalog.sqlite")
        self.catalog, self.bus = Catalog(self.database), EventBus()
        self.store = self.catalog.tags
        self.pack, self.root = pack, self.catalog.folders.add(Path("/photos"))
        self.colours = True
        self.tagger = AutoTagger(
            self.catalog, self.store, pack, WordTableEncoder(pack), self.bus, TREE, colours=lambda: self.colours
        )
        self.number = 0

    def add(self, *words: str) -> list[PhotoId]:
        """Add photos that look like words."""
        ids = []
        for word in words:
            self.number += 1
            stamp = FileStamp(self.number, self.number)
            ids += self.catalog.files.add(self.root.id, [(Path(f"/photos/{self.number}.jpg"), stamp)])
            row = IndexedPhoto(ids[-1], stamp, ContentKey(f"{self.number:032x}"), PhotoFacts(), word_vector(word))
            self.catalog.queue.commit(self.pack.fingerprint, [row])
        return ids

    def tags(self, photo: PhotoId) -> dict[str, Standing]:
        return {line.tag: line.standing for line in self.store.lines([photo], rejected=True).get(photo, [])}


@pytest.fixture
def world(tmp_path: Path, pack: ModelPack) -> Iterator[World]:
    made = World(tmp_path, pack)
    yield made
    made.tagger.close()
    made.database.close()


def test_a_tag_that_was_often_wrong_must_be_surer_than_the_run_asks_for(world: World) -> None:
    (red,) = world.add("red")
    world.tagger.run(LEAST)
    assert "red" in world.tags(red)
    world.tagger.undo()
    stats = tuple(dataclasses.replace(stat, least=1.0) for stat in world.pack.tag_table.stats)
    table = dataclasses.replace(world.pack.tag_table, stats=stats)
    strict = dataclasses.replace(world.pack, tag_table=table)
    tagger = AutoTagger(world.catalog, world.store, strict, WordTableEncoder(strict), world.bus, TREE)
    tagger.run(LEAST)
    tagger.close()
    assert not world.tags(red)


def test_a_run_its_undo_and_a_second_run(world: World) -> None:
    red, blue = world.add("red", "blue")
    messages: list[TaggingProgress] = []
    world.bus.subscribe(TaggingProgress, messages.append)
    run = world.tagger.run(LEAST)
    assert "red" in world.tags(red)
    assert "blue" in world.tags(blue)
    assert (messages[-1].done, messages[-1].running) == (2, False)
    assert world.tagger.run(LEAST).tags == 0
    world.tagger.last_run = run
    world.tagger.undo()
    assert world.tags(red) == world.tags(blue) == {}
    assert world.tagger.least_now is None


def test_the_words_of_the_person_are_used(world: World) -> None:
    red, other = world.add("red", "black")
    world.store.act(Act.ADD, [other], "My colours|Crimson")
    world.tagger.run(LEAST)
    assert world.tags(red) == {"My colours|Crimson": Standing.AUTOMATIC}


def test_what_was_rejected_does_not_come_back_under_another_name(world: World) -> None:
    (red,) = world.add("red")
    world.store.act(Act.REJECT, [red], "crimson")
    world.tagger.run(LEAST)
    assert "red" not in world.tags(red)


def test_new_photos_get_tags_once_a_run_was_made(world: World) -> None:
    (first,) = world.add("red")
    world.tagger.follow()
    world.bus.publish(PhotosChanged(added=(first,)))
    assert world.tagger.settle(20)
    assert world.tags(first) == {}
    world.tagger.run(LEAST)
    (second,) = world.add("blue")
    world.bus.publish(PhotosChanged(added=(second,)))
    assert world.tagger.settle(20)
    assert "blue" in world.tags(second)
    world.tagger.remove_automatic()
    assert world.tags(second) == {}
    (third,) = world.add("green")
    world.bus.publish(PhotosChanged(added=(third,)))
    assert world.tagger.settle(20)
    assert world.tags(third) == {}


def test_cancelled_paused_and_resumed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic_tagging, "CHUNK", 1)
    photos = world.add("red", "blue", "green")
    token = CancelToken()
    world.bus.subscribe(PhotosChanged, lambda _: token.cancel())
    run = world.tagger.run(LEAST, token=token)
    assert run.cancelled
    assert run.photos == 1
    assert [bool(world.tags(photo)) for photo in photos] == [True, False, False]
    paused = threading.Event()
    world.bus.subscribe(TaggingProgress, lambda message: paused.set() if message.paused else None)
    world.tagger.pause()
    world.tagger.start(LEAST)
    assert paused.wait(20)
    world.tagger.resume()
    assert world.tagger.settle(20)
    assert all(world.tags(photo) for photo in photos)


@pytest.mark.parametrize("undo", [False, True])
def test_what_is_taken_off_during_a_run_stays_off(world: World, monkeypatch: pytest.MonkeyPatch, undo: bool) -> None:
    monkeypatch.setattr(automatic_tagging, "CHUNK", 1)
    photos = world.add(*["red", "blue"] * 10)
    begun = threading.Event()
    world.bus.subscribe(PhotosChanged, lambda _: begun.set())
    world.tagger.start(LEAST)
    world.tagger.start(LEAST)
    assert begun.wait(20)
    assert world.tagger.undo() if undo else world.tagger.remove_automatic()
    assert world.tagger.settle(20)
    assert [world.tags(photo) for photo in photos] == [{}] * 20
    assert world.tagger.least_now is None


def test_a_run_that_fails_half_way_can_be_undone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic_tagging, "CHUNK", 1)
    red, _ = world.add("red", "blue")
    real, calls = world.store.suggest, []

    def failing(found: dict[int, dict[str, float]]) -> object:
        calls.append(found)
        if len(calls) > 1:
            raise CatalogError("The disk is full.")
        return real(found)

    monkeypatch.setattr(world.store, "suggest", failing)
    with pytest.raises(CatalogError):
        world.tagger.run(LEAST)
    assert world.tags(red)
    assert not world.tagger.last.running
    assert world.tagger.undo()
    assert world.tags(red) == {}


def test_of_tags_that_exclude_each_other_only_a_clear_winner_stays() -> None:
    words = TagWords(["red", "blue", "azure", "other"], TREE)
    confidences = np.array([[0.9, 0.85, 0.1, 0.9], [0.9, 0.3, 0.1, 0.5], [0.2, 0.7, 0.95, 0.1]], np.float32)
    clear, won, same = words.likely(confidences, 0.6)
    assert set(clear) == {"other"}
    assert set(won) == {"red"}
    assert same == {"blue": pytest.approx(0.95)}


def test_what_is_shown_of_a_photo(world: World) -> None:
    red, new = world.add("red", "red")
    world.store.act(Act.ADD, [red], "holiday")
    world.store.act(Act.REJECT, [red], "red")
    world.store.act(Act.REJECT, [new], "banana")
    vocabulary = Vocabulary(world.catalog, None, world.pack, None, store=world.store, tree=TREE)  # type: ignore[arg-type]
    shown = vocabulary.tags([red, new], n=5, least=0.0)
    assert (shown[red][0].tag, shown[red][0].source, shown[red][0].confidence) == ("holiday", "manual", 1.0)
    assert "red" not in [guess.tag for guess in shown[red]]
    assert vocabulary.tags([new], n=5)[new][0].tag == "red"
    kinds = [guess.tag in ("sky", "forest", "beach") for guess in shown[new]]
    assert kinds == sorted(kinds, reverse=True), "things before colours"
    assert "banana" not in [guess.tag for guess in shown[new]]
    assert [len(shown[photo]) for photo in (red, new)] == [5, 5]


def test_colours_are_set_only_if_they_are_wanted(world: World) -> None:
    (red,) = world.add("red")
    world.tagger.run(LEAST)
    assert "red" in world.tags(red)
    world.colours = False
    world.tagger.run(LEAST)
    assert "red" not in world.tags(red)
    assert "red" not in dict(world.tagger.preview(0.4).at(LEAST).commonest)


def test_a_preview_counts_what_the_run_then_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic_tagging, "CHUNK", 2)
    photos = world.add(*["red"] * 5, *["blue"] * 3, "banana")
    world.store.act(Act.REJECT, photos[:1], "crimson")
    world.store.act(Act.ADD, photos[1:2], "red")
    preview = world.tagger.preview(0.4)
    assert not any(Standing.AUTOMATIC in world.tags(photo).values() for photo in photos)
    assert preview.examined == len(photos)
    for least in (0.4, LEAST, 0.8, 0.95):
        counts = preview.at(least)
        world.tagger.run(least)
        tags = [name for photo in photos for name, standing in world.tags(photo).items()
                if standing is Standing.AUTOMATIC]  # fmt: skip
        assert counts.tags == len(tags)
        assert counts.photos == sum(Standing.AUTOMATIC in world.tags(photo).values() for photo in photos)
        assert dict(counts.commonest) == dict(Counter(tags).most_common(8))
        world.store.remove_automatic()


def test_a_preview_ends_when_it_is_told_to(world: World) -> None:
    world.add("red")
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        world.tagger.preview(0.4, token)
