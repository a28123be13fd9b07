# SPDX-License-Identifier: GPL-3.0-or-later
"""Why many photos were found, from their thumbnails alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semantic_photos.domain.errors import CancelledError, PhotoError, QueryError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import ImageRecipe, Photo
from semantic_photos.domain.ports import ByteArray, FloatArray
from semantic_photos.domain.query import Example, Query
from semantic_photos.media.thumbnail_squares import square_of
from semantic_photos.services.explain import thumbnail_explanation as module
from semantic_photos.services.explain.thumbnail_explanation import ThumbnailExplainer
from tests.fakes.encoders import FakeImageEncoder
from tests.unit.services.explain.test_explanation import World, patches


class Desk:
    """Photos, their thumbnails, and how often these were read."""

    def __init__(self, world: World) -> None:
        self.world, self.read = world, 0
        self.gone: set[str] = set()
        self.thumbnail_explainer = ThumbnailExplainer(world.explainer, world.encoder, self.thumbnail)

    def thumbnail(self, photo: Photo) -> bytes | None:
        self.read += 1
        if photo.path.stem in self.gone:
            raise PhotoError("gone")
        if photo.path.stem == "black-4":
            return None
        file = io.BytesIO()
        self.world.decoders.pictures[photo.path].resize((96, 64)).save(file, "JPEG", quality=95)
        return file.getvalue()

    def photos(self, *names: str) -> list[Photo]:
        found = self.world.catalog.photos.get([self.world.ids[name] for name in names])
        return [found[self.world.ids[name]] for name in names]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("glances"))
    yield made
    made.index.close()
    made.database.close()


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_the_heat_is_where_the_words_are(desk: Desk) -> None:
    photos = desk.photos("both", "red-1", "black-1")
    told = desk.thumbnail_explainer.explain(photos, Query.parse("red -blue"))
    both = told[photos[0].id]
    assert max(both.heat.shape) == module.SIDE
    assert both.hottest[0] < 0.5
    half = both.heat.shape[1] // 2
    assert both.heat[:, :half].mean() > both.heat[:, half:].mean()
    assert {one.word: np.sign(one.share) for one in both.words} == {"red": 1, "blue": -1}
    assert told[photos[2].id].heat.max() < 0.01


def test_what_the_words_have_to_do_with_it_is_said_as_by_the_close_look(desk: Desk) -> None:
    (photo,) = desk.photos("both")
    query = Query.parse("red green -blue both")
    quick, close = (
        desk.thumbnail_explainer.explain([photo], query)[photo.id],
        desk.world.explainer.explain(Example(photo.id), query),
    )
    assert quick.sentence() == close.sentence()


def test_thumbnails_are_looked_at_once_for_all_questions(desk: Desk) -> None:
    photos = desk.photos("red-0", "red-1", "both")
    desk.thumbnail_explainer.explain(photos, Query.parse("red"))
    assert desk.read == 3
    desk.thumbnail_explainer.explain(photos, Query.parse("blue"))
    assert desk.read == 3


def test_several_at_once_find_what_one_after_the_other_does(desk: Desk) -> None:
    lots = [desk.photos("red-0", "both"), desk.photos("blue-1", "corner"), desk.photos("green-2", "white-3")]
    query = Query.parse("red -blue")
    alone = [Desk(desk.world).thumbnail_explainer.explain(lot, query) for lot in lots]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda lot: desk.thumbnail_explainer.explain(lot, query), lots))
    for one, other in zip(alone, together, strict=True):
        assert list(one) == list(other)
        assert all(np.array_equal(one[i].heat, other[i].heat) and one[i].words == other[i].words for i in one)


class Counting(FakeImageEncoder):
    """Keeps how many pictures were looked at, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.example_chips: list[int] = []

    def encode_map(self, pictures: ByteArray) -> tuple[FloatArray, FloatArray]:
        self.example_chips.append(len(pictures))
        return super().encode_map(pictures)


def test_the_network_is_got_ready_once_and_before_the_first_look_or_with_it(desk: Desk) -> None:
    encoder = Counting()
    fresh = ThumbnailExplainer(desk.world.explainer, encoder, desk.thumbnail)
    fresh.prepare()
    fresh.prepare()
    assert (encoder.example_chips, desk.read) == ([1], 0)
    encoder = Counting()
    used = ThumbnailExplainer(desk.world.explainer, encoder, desk.thumbnail)
    used.explain(desk.photos("both", "red-1"), Query.parse("red"))
    used.prepare()
    assert encoder.example_chips == [2]
    ThumbnailExplainer(desk.world.explainer, None, desk.thumbnail).prepare()


def test_few_are_remembered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    photos = desk.photos("red-0", "red-1", "red-2")
    desk.thumbnail_explainer.explain(photos, Query.parse("red"))
    assert len(desk.thumbnail_explainer._known) == 2
    desk.thumbnail_explainer.explain(photos[1:], Query.parse("blue"))
    assert desk.read == 3


def test_the_photo_file_is_not_needed_and_an_unreadable_thumbnail_costs_itself(desk: Desk) -> None:
    photos = desk.photos("red-0", "red-1", "both", "black-4")
    desk.gone = {"red-1"}
    desk.world.decoders.asked.clear()
    told = desk.thumbnail_explainer.explain(photos, Query.parse("red"))
    assert set(told) == {photos[0].id, photos[2].id}
    assert not desk.world.decoders.asked


def test_likes_are_explained_and_the_example_itself_is_not(desk: Desk) -> None:
    photos = desk.photos("both", "blue-1")
    told = desk.thumbnail_explainer.explain(photos, Query.similar_to(photos[1].id))
    assert told[photos[0].id].hottest[0] > 0.5
    assert "blue" in [concept.tag for concept in told[photos[0].id].shared]
    assert told[photos[1].id].heat.max() == 0


def test_a_file_from_elsewhere_is_read_once_for_all(desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    desk.world.decoders.pictures[outside] = patches(("blue",))
    query = Query(examples=(Example(path=outside),))
    desk.world.decoders.asked.clear()
    for photo in desk.photos("both", "red-1", "blue-2"):
        desk.thumbnail_explainer.explain([photo], query)
    assert len([request for request in desk.world.decoders.asked if request.path == outside]) <= 2


def test_an_example_whose_file_changes_or_comes_back_is_looked_at_again(world: World, tmp_path: Path) -> None:
    outside, both = tmp_path / "outside.jpg", Example(world.ids["both"])
    query = Query(examples=(Example(path=outside),))
    named = query.with_text("red")

    def hottest(colour: str) -> float:
        outside.write_bytes(colour.encode())
        world.decoders.pictures[outside] = patches((colour,))
        return world.explainer.explain(both, query).hottest[0]

    # The drive is not there yet: the word alone counts.
    assert world.explainer.asked(named).usable == ()
    assert hottest("blue") > 0.5 > hottest("red")
    found = world.explainer.asked(named)
    assert [example.path for example, _ in found.usable] == [outside]
    assert world.explainer.asked(named) is found


def test_an_example_of_the_library_that_was_edited_is_looked_at_again(world: World) -> None:
    photo, query = world.ids["white-4"], Query.similar_to(world.ids["white-4"])
    before = world.explainer.asked(query)
    assert world.explainer.asked(query) is before
    (stored,) = world.catalog.photos.get([photo]).values()
    world.catalog.files.mark_changed([(photo, replace(stored.stamp, size=4711))])
    assert world.explainer.asked(query) is not before


def test_what_cannot_be_explained_is_said_and_a_token_gives_up(desk: Desk) -> None:
    photos = desk.photos("both")
    with pytest.raises(QueryError):
        desk.thumbnail_explainer.explain(photos, Query())
    with pytest.raises(QueryError):
        desk.thumbnail_explainer.explain(photos, Query.similar_to(desk.world.ids["both"] + 999))  # type: ignore[arg-type]
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        desk.thumbnail_explainer.explain(photos, Query.parse("red"), token)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0", None])
def test_what_is_no_thumbnail_is_an_error(data: bytes | None) -> None:
    if data is None:
        file = io.BytesIO()
        Image.new("RGB", (2000, 20)).save(file, "JPEG")
        data = file.getvalue()
    with pytest.raises(PhotoError):
        square_of(data, ImageRecipe(32))
