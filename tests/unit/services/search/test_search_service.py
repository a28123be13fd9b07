# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions become vectors, vectors become pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semantic_photos.domain.errors import CancelledError, PhotoError, QueryError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import Counts, FileStamp, PhotoFacts, PhotoId
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.vectors import normalise
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.services.search.search_service import SearchService
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database
from tests.fakes.encoders import DIM, FakeImageEncoder, FakeTextEncoder, word_vector

WORDS = ("red", "green", "blue", "yellow", "black", "white")


class World:
    """Thirty photos, five of each colour, without files."""

    def __init__(self, tmp_path: Path) -> None:
        self.database = Database.open(tmp_path / "catalog.sqlite")
        self.catalog = Catalog(self.database)
        self.encoder = FakeImageEncoder()
        self.index = HybridIndex(tmp_path / "index", DIM, self.encoder.fingerprint)
        self.decoders = DecoderPool(1)
        self.root = tmp_path / "photos"
        self.root.mkdir()
        self.search = self.service(text=FakeTextEncoder())
        self._fill()

    def service(
        self, text: FakeTextEncoder | None, images: bool = True, background: FloatArray | None = None
    ) -> SearchService:
        encoder = self.encoder if images else None
        return SearchService(
            self.catalog, self.index, text, encoder, self.decoders, counts=lambda: Counts(indexed=30, pending=4),
            background=background,
        )  # fmt: skip

    def _fill(self) -> None:
        folder = self.catalog.folders.add(self.root)
        rng = np.random.default_rng(2)
        files = [(self.root / f"{word}-{n}.jpg", FileStamp(10 + n, 20 + n)) for word in WORDS for n in range(5)]
        ids = self.catalog.files.add(folder.id, files)
        vectors = normalise(
            np.stack([word_vector(path.stem.split("-")[0]) for path, _ in files])
            + 0.05 * rng.normal(size=(30, DIM)).astype(np.float32)
        )
        rows = [
            IndexedPhoto(photo_id, stamp, f"{i:032x}", PhotoFacts(), vectors[i])  # type: ignore[arg-type]
            for i, (photo_id, (_, stamp)) in enumerate(zip(ids, files, strict=True))
        ]
        self.catalog.queue.commit(self.encoder.fingerprint, rows)
        self.index.add([int(i) for i in ids], vectors)
        self.ids = {path.stem: photo_id for photo_id, (path, _) in zip(ids, files, strict=True)}

    def stems(self, query: Query, limit: int = 5) -> list[str]:
        ids = [PhotoId(i) for i in self.search.run(query, limit=limit).ids.tolist()]
        photos = self.catalog.photos.get(ids)
        return [photos[i].path.stem for i in ids]

    def close(self) -> None:
        self.decoders.close()
        self.index.close()
        self.database.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def colours(stems: list[str]) -> set[str]:
    return {stem.split("-")[0] for stem in stems}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_finds_its_photos(world: World, word: str) -> None:
    assert colours(world.stems(Query.parse(word))) == {word}


def test_two_words_want_both(world: World) -> None:
    assert colours(world.stems(Query.parse("red blue"), 10)) == {"red", "blue"}


def test_a_minus_word_pushes_away(world: World) -> None:
    assert colours(world.stems(Query.parse("red blue -blue"), 5)) == {"red"}
    assert "red" not in colours(world.stems(Query.parse("-red"), 25))


def test_the_page_says_what_happened(world: World) -> None:
    page = world.search.run(Query.parse("red qqqq"), generation=7, limit=3)
    assert page.generation == 7
    assert page.unknown_words == ("qqqq",)
    assert (page.searched, page.total) == (30, 34)
    assert page.scores is not None
    assert page.scores.tolist() == sorted(page.scores.tolist(), reverse=True)
    assert page.milliseconds > 0
    assert page.engine == "exact"


def test_only_unknown_words_bring_nothing_and_say_so(world: World) -> None:
    page = world.search.run(Query.parse("gren"))
    assert len(page) == 0
    assert page.unknown_words == ("gren",)
    assert "green" in page.suggestions["gren"]


def test_an_empty_question_shows_everything(world: World) -> None:
    page = world.search.run(Query())
    assert len(page) == 30
    assert page.scores is None


def test_a_photo_finds_itself_first_and_then_its_likes(world: World) -> None:
    stems = world.stems(Query.similar_to(world.ids["blue-3"]))
    assert stems[0] == "blue-3"
    assert colours(stems) == {"blue"}


def test_a_photo_and_a_word_together(world: World) -> None:
    query = Query.similar_to(world.ids["blue-3"]).with_text("red")
    assert colours(world.stems(query, 10)) == {"red", "blue"}


def test_an_example_that_is_gone_does_not_take_the_rest_with_it(world: World) -> None:
    gone = Example(PhotoId(10_000))
    page = world.search.run(Query.parse("red").with_example(gone))
    assert colours(world.stems(page.query)) == {"red"}
    assert page.left_out == ("The example photo is no longer in the library.",)
    two = Query.similar_to(world.ids["blue-3"]).with_example(gone)
    assert (colours(world.stems(two)), world.search.count(two) > 0) == ({"blue"}, True)
    with pytest.raises(QueryError, match="no longer in the library"):
        world.search.run(Query(examples=(gone,)))


@pytest.mark.slow
def test_a_file_that_is_gone_is_named(world: World, tmp_path: Path) -> None:
    page = world.search.run(Query.parse("red").with_example(Example(path=tmp_path / "nothing.png")))
    assert page.left_out == ("nothing.png: The file no longer exists.",)
    assert len(page)


@pytest.mark.slow
def test_any_file_can_be_the_example(world: World, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), (220, 20, 20)).save(tmp_path / "mine.png")
    assert colours(world.stems(Query.similar_to_file(tmp_path / "mine.png"))) == {"red"}
    with pytest.raises(PhotoError):
        world.search.run(Query.similar_to_file(tmp_path / "nothing.png"))


@pytest.mark.slow
def test_focus_chooses_the_part(world: World) -> None:
    image = Image.new("RGB", (64, 64), (220, 20, 20))
    image.paste((20, 30, 230), (32, 0, 64, 64))
    path = world.root / "red-0.jpg"
    image.save(path, quality=95)
    query = Query.similar_to(world.ids["red-0"])
    assert colours(world.stems(query.with_focus("blue"), 4)) == {"blue"}
    assert colours(world.stems(query.with_focus("red"), 4)) == {"red"}


def test_focus_without_the_file_still_leans_towards_the_word(world: World) -> None:
    query = Query.similar_to(world.ids["red-1"]).with_focus("blue")
    assert colours(world.stems(query, 10)) == {"red", "blue"}


def test_an_unknown_focus_is_an_error(world: World) -> None:
    with pytest.raises(QueryError, match="zzz"):
        world.search.run(Query.similar_to(world.ids["red-1"]).with_focus("zzz"))


def test_without_a_pack_the_reason_is_said(world: World) -> None:
    service = world.service(text=None, images=False)
    assert len(service.run(Query())) == 30
    with pytest.raises(QueryError):
        service.run(Query.parse("red"))
    with pytest.raises(QueryError):
        service.run(Query.similar_to(world.ids["red-1"]))


def test_a_cancelled_question_is_not_answered(world: World) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        world.search.run(Query.parse("red"), token=token)
