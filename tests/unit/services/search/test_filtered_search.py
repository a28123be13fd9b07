# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters and words together: what is searched among what, what comes first, and what is said of an empty page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.photo import FileStamp
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.domain.vectors import normalise
from semantic_photos.services.search import candidates
from semantic_photos.services.search.search_service import Order
from semantic_photos.storage import listing
from tests.fakes.encoders import DIM, FakeTextEncoder
from tests.unit.services.search.test_search_service import World, colours


class Tagged(World):
    """Thirty coloured photos; those with the number 0 and 1 are tagged "round", blue ones rated."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        with self.database.transaction() as connection:
            connection.execute("INSERT INTO tag (name) VALUES ('round'), ('Birthday')")
            for stem, photo_id in self.ids.items():
                if stem[-1] in "01":
                    connection.execute("INSERT INTO photo_tag VALUES (?, 1, 2, NULL, 0)", (photo_id,))
                if stem.startswith("blue"):
                    connection.execute("INSERT INTO remark (photo_id, rating) VALUES (?, 4)", (photo_id,))

    def ask(self, text: str, limit: int | None = 10, order: Order = "relevance") -> ResultPage:
        return self.search.run(Query.parse(text), limit=limit, order=order)

    def shown(self, page: ResultPage) -> list[str]:
        stems = {int(photo_id): stem for stem, photo_id in self.ids.items()}
        return [stems[i] for i in page.ids.tolist()]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tagged]:
    """A library that tests only ask."""
    made = Tagged(tmp_path_factory.mktemp("filtered"))
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Tagged]:
    """A library that a test may change."""
    made = Tagged(tmp_path)
    yield made
    made.close()


def test_words_are_ranked_among_what_filters_leave(world: Tagged) -> None:
    shown = world.shown(world.ask("red tag:round", 12))
    assert set(shown[:2]) == {"red-0", "red-1"}
    assert len(shown) == 12
    assert all(stem[-1] in "01" for stem in shown)
    assert colours(world.shown(world.ask("red -tag:round", 3))) == {"red"}


_ASKED = [
    "",
    "tag:round",
    "rating:>=1 -tag:round",
    "tag:round OR red rating:4",
    'red "blue-1"',
    "is:missing",
    "type:gif",
]


@pytest.mark.parametrize("text", _ASKED)
def test_large_libraries_are_listed_like_small_ones(world: Tagged, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Order] = ["date", "name"]
    small = [world.ask(text, 40, order) for order in orders]
    # Whatever is found is too much to be looked up by itself now.
    monkeypatch.setattr(candidates, "FEW", 0)
    monkeypatch.setattr(listing, "FEW", 0)
    for page, order in zip(small, orders, strict=True):
        large = world.ask(text, 40, order)
        assert (large.ids.tolist(), large.strong) == (page.ids.tolist(), page.strong)
        assert large.emptied_by == page.emptied_by


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("red-0", ["red-0"]), ("Blue-1 green", ["blue-1"]), ("red-0 OR blue-3", ["blue-3", "red-0"]),
        ("red-0 rating:4", []),
    ],
)  # fmt: skip
def test_the_name_of_a_file_needs_no_quotes(world: Tagged, text: str, found: list[str]) -> None:
    page = world.ask(text, None)
    assert sorted(world.shown(page)) == found
    assert page.query == Query.parse(text)
    assert set(page.by_name) <= set(text.lower().split())
    assert page.by_name
    assert not set(page.by_name) & set(page.unknown_words)
    assert world.search.count(page.query) == len(found)


def test_a_filter_that_is_a_name_is_told_as_it_was_typed(world: Tagged) -> None:
    emptied = world.ask("rating:4 red-0").emptied_by
    assert emptied is not None
    assert emptied.term == "red-0"


def test_what_may_be_a_word_is_not_taken_for_a_name(world: Tagged) -> None:
    for text in ("0", "red 0", "red-9", "red"):
        assert world.ask(text).by_name == ()
    assert world.shown(world.ask("-red-0", None)).count("red-0") == 0


def test_filters_alone_list_by_date_or_name(world: Tagged) -> None:
    page = world.ask("rating:4", None)
    assert page.scores is None
    assert world.shown(page) == [f"blue-{n}" for n in (4, 3, 2, 1, 0)]
    assert world.shown(world.ask("rating:4", None, "name")) == [f"blue-{n}" for n in range(5)]
    assert len(world.ask("-tag:round", 7)) == 7
    assert page.strong == len(page)


def test_filters_are_counted_to_the_end(world: Tagged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semantic_photos.services.search.search_service._COUNTED", 7)
    assert world.search.count(Query.parse("-tag:round")) == 18
    assert world.search.count(Query.parse("rating:4")) == 5
    assert world.search.count(Query.parse("red -tag:round")) <= 7


def test_or_takes_the_better_of_two_words(world: Tagged) -> None:
    page = world.ask("red OR blue")
    assert colours(world.shown(page)) == {"red", "blue"}
    assert page.scores is not None
    single: dict[str, float] = {}
    for text in ("red", "blue"):
        alone = world.ask(text, 30)
        assert alone.scores is not None
        pairs = zip(world.shown(alone), alone.scores.tolist(), strict=True)
        single |= {stem: score for stem, score in pairs if stem.startswith(text)}
    for stem, score in zip(world.shown(page), page.scores, strict=True):
        assert score == pytest.approx(single[stem])
    assert colours(world.shown(world.ask("(red OR blue) rating:4"))) == {"blue"}


def test_a_filter_beside_a_word_comes_first(world: Tagged) -> None:
    page = world.ask("red OR rating:4")
    shown = world.shown(page)
    assert colours(shown[:5]) == {"blue"}
    assert colours(shown[5:]) == {"red"}
    assert page.strong >= 5


def test_an_exact_hit_is_never_hidden(fresh: Tagged) -> None:
    root = fresh.catalog.folders.all()[0]
    (waiting,) = fresh.catalog.files.add(root.id, [(fresh.root / "green-new.jpg", FileStamp(1, 2))])
    fresh.ids["green-new"] = waiting
    page = fresh.ask('red "GREEN-"')
    assert set(fresh.shown(page)) == {f"green-{n}" for n in (0, 1, 2, 3, 4, "new")}
    assert page.strong == 6
    assert fresh.shown(fresh.ask('"green-new"')) == ["green-new"]


def test_an_unknown_word_that_is_in_names_can_be_asked_for(fresh: Tagged) -> None:
    root = fresh.catalog.folders.all()[0]
    fresh.catalog.files.add(root.id, [(fresh.root / "qqqq4821.jpg", FileStamp(1, 2))])
    assert fresh.ask("4821").suggestions["4821"][0] == '"4821"'
    assert not any('"' in way for way in fresh.ask("4822").suggestions["4822"])
    assert fresh.ask("qqqq4822").unknown_words == ("qqqq4822",)
    assert len(fresh.ask("qqqq4821")) == 1


def test_the_filter_that_emptied_a_page_is_named(world: Tagged) -> None:
    page = world.ask("red rating:4 tag:round type:png -tag:nothing")
    assert len(page) == 0
    assert page.emptied_by is not None
    assert (page.emptied_by.term, page.emptied_by.without) == ("type:png", 2)
    page = world.ask("red (rating:5 OR rating:1)")
    assert page.emptied_by is not None
    assert (page.emptied_by.term, page.emptied_by.without) == ("(rating:5 OR rating:1)", 30)
    assert world.ask("red").emptied_by is None
    assert world.ask("qqqq tag:round").emptied_by is None


def test_unknown_names_come_with_the_person_s_own(world: Tagged) -> None:
    page = world.ask("tag:rond")
    assert page.suggestions["tag:rond"] == ("tag:round",)
    assert page.emptied_by is not None
    assert page.emptied_by.term == "tag:rond"
    assert world.ask("folder:photoss").suggestions["folder:photoss"] == ("folder:photos",)
    # A tag that no photo has is not worth offering.
    assert world.ask("red -tag:brithday").suggestions == {"tag:brithday": ()}
    assert world.ask("tag:round").suggestions == {}


def test_good_matches_can_be_read_by_name(fresh: Tagged) -> None:
    others = normalise(np.random.default_rng(1).normal(size=(500, DIM)).astype(np.float32))
    fresh.search = fresh.service(FakeTextEncoder(), background=others)
    page = fresh.ask("red", 30)
    strong = page.strong
    assert 0 < strong < 30
    named = fresh.ask("red", 30, "name")
    assert fresh.shown(named)[:strong] == sorted(fresh.shown(page)[:strong])
    assert fresh.shown(named)[strong:] == fresh.shown(page)[strong:]
    assert named.strong == strong


def test_weights_move_the_answer(world: Tagged) -> None:
    assert colours(world.shown(world.ask("red blue^4", 5))) == {"blue"}
    assert colours(world.shown(world.ask("red^4 blue", 5))) == {"red"}


def test_words_that_say_nothing_leave_the_filters(world: Tagged) -> None:
    assert colours(world.shown(world.ask("the rating:4"))) == {"blue"}
    assert len(world.ask("the")) == 0


def test_problems_travel_with_the_page(world: Tagged) -> None:
    page = world.ask("red rating:lots")
    assert len(page) == 10
    assert [problem.start for problem in page.problems] == [4]
