# SPDX-License-Identifier: GPL-3.0-or-later
"""Good matches by a cut-off for each word: absolute, for each word of several, and none if nothing shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.filters import Term
from semantic_photos.domain.photo import Counts, PhotoId
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.domain.result_cutoff import Cutoff, WordCut
from semantic_photos.domain.vectors import normalise
from semantic_photos.services.search.good_matches import GoodMatches
from semantic_photos.services.search.search_service import SearchService
from tests.fakes.encoders import FakeImageEncoder, FakeTextEncoder, word_vector
from tests.fakes.packs import random_photos
from tests.unit.services.search.test_search_service import World, colours

#: A photo shows a word as likely as not at two spreads above the middle.
CUTOFF = Cutoff(3.0, -6.0, (0.3, 0.5, 0.7), (0.1, 0.15, 0.3), 0.5, {"fire sky": 2.0}, least_trust=0.5)


@pytest.fixture(scope="module")
def ordinary() -> FloatArray:
    return FakeImageEncoder().encode(random_photos(32, 400))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def service(world: World, ordinary: FloatArray, text: FakeTextEncoder | None = None) -> SearchService:
    made = SearchService(
        world.catalog, world.index, text or FakeTextEncoder(), world.encoder, world.decoders,
        counts=lambda: Counts(indexed=30),
        background=ordinary, cutoff=CUTOFF,
    )  # fmt: skip
    world.search = made
    return made


def stems(world: World, page: ResultPage, count: int) -> list[str]:
    photos = world.catalog.photos.get([PhotoId(i) for i in page.ids.tolist()])
    return [photos[PhotoId(i)].path.stem for i in page.ids[:count].tolist()]


def test_photos_that_show_a_word_are_good_whatever_else_there_is(world: World, ordinary: FloatArray) -> None:
    page = service(world, ordinary).run(Query.parse("red"))
    assert colours(stems(world, page, page.strong)) == {"red"}
    assert (page.strong, page.nothing_shows) == (5, "")


def test_where_nothing_shows_the_word_nothing_is_good_and_the_page_says_so(world: World, ordinary: FloatArray) -> None:
    page = service(world, ordinary).run(Query.parse("purple"))
    assert page.strong == 0
    assert len(page) == 30
    assert page.nothing_shows == "purple"
    # Inside a filter that leaves none of them, too.
    page = service(world, ordinary).run(Query.parse('red "blue"'))
    assert page.nothing_shows == ""


def test_a_library_full_of_one_thing_is_all_good(world: World, ordinary: FloatArray) -> None:
    gone = [int(i) for stem, i in world.ids.items() if not stem.startswith("red")]
    world.index.remove(gone)
    page = service(world, ordinary).run(Query.parse("red"))
    assert (page.strong, len(page)) == (5, 5)
    page = service(world, ordinary).run(Query.parse("green"))
    assert page.strong == 0


def test_of_several_words_a_good_photo_shows_each(world: World, ordinary: FloatArray) -> None:
    both = normalise(word_vector("red") + word_vector("blue"))
    world.index.add([int(world.ids["white-0"])], both[None])
    page = service(world, ordinary).run(Query.parse("red blue"))
    assert stems(world, page, page.strong) == ["white-0"]
    assert page.scores is not None
    assert service(world, ordinary).run(Query.parse("red purple")).strong == 0


def test_good_matches_of_either_alternative_come_before_weak_ones(world: World, ordinary: FloatArray) -> None:
    page = service(world, ordinary).run(Query.parse("red OR blue"))
    assert page.strong == 10
    assert colours(stems(world, page, 10)) == {"red", "blue"}


def test_minus_words_drop_what_clearly_shows_them_also_beyond_the_limit(world: World, ordinary: FloatArray) -> None:
    page = service(world, ordinary).run(Query.parse("-red"))
    assert len(page) == 25
    assert "red" not in colours(stems(world, page, 25))
    page = service(world, ordinary).run(Query.parse("red -red"), limit=5)
    assert len(page) == 5
    assert "red" not in colours(stems(world, page, 5))


def test_a_weak_word_is_never_clearly_shown(world: World, ordinary: FloatArray) -> None:
    page = service(world, ordinary, FakeTextEncoder({"red": 0.2})).run(Query.parse("red"))
    assert (page.strong, page.nothing_shows, page.weak_words) == (0, "red", ("red",))
    assert colours(stems(world, page, 5)) == {"red"}


def test_more_caution_leaves_fewer(world: World, ordinary: FloatArray) -> None:
    search = service(world, ordinary)
    counts = [search.run(Query.parse("yellow"), caution=caution).strong for caution in (0.0, 0.5, 1.0)]
    assert counts == sorted(counts, reverse=True)


def test_example_photos_and_votes_are_told_by_the_best_hits(world: World, ordinary: FloatArray) -> None:
    page = service(world, ordinary).run(Query.similar_to(world.ids["blue-3"]))
    assert page.strong >= 1
    assert page.nothing_shows == ""


def test_listed_phrases_count_as_one_word(ordinary: FloatArray) -> None:
    matches = GoodMatches(FakeTextEncoder(), CUTOFF, lambda: ordinary)
    cuts = matches.wanted([Term("red"), Term("fire"), Term("sky"), Term("the"), Term("blue", -1.0)])
    assert [cut.word for cut in cuts] == ["red", "fire sky"]
    assert [cut.word for cut in matches.unwanted([Term("red"), Term("blue", -1.0)])] == ["blue"]
    assert cuts[1].offset == CUTOFF.offset + 2.0


def test_the_border_as_a_cosine_is_that_of_the_probability(ordinary: FloatArray) -> None:
    cut = WordCut.of("red", word_vector("red"), ordinary, CUTOFF, "red", 1.0)
    scores = ordinary @ cut.vector
    assert np.array_equal(scores >= cut.border(0.5), cut.probabilities(ordinary) >= 0.5)
    weak = WordCut.of("red", word_vector("red"), ordinary, CUTOFF, "red", 0.1)
    assert weak.border(0.5) == np.inf


def test_only_fitted_words_have_a_probability_to_show(ordinary: FloatArray) -> None:
    matches = GoodMatches(FakeTextEncoder(), CUTOFF, lambda: ordinary)
    assert matches.probability("red", word_vector("red")) is None
    assert matches.probability("fire sky", normalise(word_vector("fire") + word_vector("sky"))) > 0.5  # type: ignore[operator]
    assert GoodMatches(FakeTextEncoder(), None, lambda: ordinary).probability("red", word_vector("red")) is None
