# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion: what is offered where the cursor stands, and what it replaces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain.filter_registry import FILTERS, FilterKind
from semantic_photos.domain.query import Query
from semantic_photos.services.search.completion import Completion, Completions
from semantic_photos.services.search.vocabulary import Vocabulary
from tests.fakes.encoders import FakeTextEncoder
from tests.unit.services.search.test_filtered_search import Tagged


@pytest.fixture(scope="module")
def completions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Completions]:
    world = Tagged(Path(tmp_path_factory.mktemp("completion")))
    with world.database.transaction() as connection:
        connection.execute("INSERT INTO photo_tag VALUES (1, 2, 2, NULL, 0)")
        connection.execute("INSERT INTO tag (name) VALUES ('animal|big dog')")
        connection.execute("INSERT INTO photo_tag VALUES (1, 3, 2, NULL, 0), (2, 3, 2, NULL, 0)")
    vocabulary = Vocabulary(world.catalog, world.index, None, FakeTextEncoder())  # type: ignore[arg-type]
    yield Completions(world.catalog, vocabulary)
    world.close()


def put(text: str, completion: Completion) -> str:
    return text[: completion.start] + completion.text + text[completion.end :]


def test_words_and_operators(completions: Completions) -> None:
    offered = completions.at("red re", 6)
    assert ("red", "word") in [(one.text, one.kind) for one in offered]
    assert next(one.text for one in completions.at("fol", 3)) == "folder:"
    assert next(one.text for one in completions.at("-ta", 3)) == "tag:"
    assert next(one.text for one in completions.at("roun", 4)) == "tag:round"


def test_own_names_come_with_their_numbers(completions: Completions) -> None:
    (one,) = completions.at("red tag:ro", 10)
    assert (one.text, one.kind, one.count) == ("tag:round", "tag", 12)
    assert put("red tag:ro", one) == "red tag:round"
    assert [(c.text, c.count) for c in completions.at("tag:", 4)] == [
        ("tag:round", 12), ('tag:"animal|big dog"', 2), ("tag:Birthday", 1),
    ]  # fmt: skip
    assert [c.text for c in completions.at("tag:do", 6)] == ['tag:"animal|big dog"']
    assert [c.text for c in completions.at("folder:ph", 9)] == ["folder:photos"]
    assert [c.text for c in completions.at("is:fav", 6)] == ["is:favourite"]
    assert [c.text for c in completions.at("date:last-", 10)] == ["date:last-week", "date:last-month", "date:last-year"]


@pytest.mark.parametrize("kind", FILTERS, ids=lambda kind: kind.name)
def test_every_filter_is_offered_and_completed(completions: Completions, kind: FilterKind) -> None:
    for length in range(2, len(kind.name) + 1):
        offered = completions.at(kind.name[:length], length, 40)
        assert (f"{kind.name}:", "operator", kind.finds) in [(one.text, one.kind, one.hint) for one in offered]
    for name in (kind.name, *(alias.upper() for alias in kind.aliases)):
        offered = completions.at(f"-{name}:", len(name) + 2, 40)
        assert {one.kind for one in offered} <= {kind.name}
        assert {put(f"-{name}:", one) for one in offered} >= {f"-{kind.name}:{value}" for value in kind.values}
        assert all(not Query.parse(one.text).problems for one in offered)
        # The album behind this has tags, folders and types, and no camera.
        assert bool(offered) == bool(kind.values or kind.names in ("tag", "folder"))


def test_what_is_replaced(completions: Completions) -> None:
    text = "(tag:rou) beach"
    (one,) = completions.at(text, 6)
    assert put(text, one) == "(tag:round) beach"
    text = 'tag:"big d" beach'
    (one,) = completions.at(text, 8)
    assert put(text, one) == 'tag:"animal|big dog" beach'


@pytest.mark.parametrize(("text", "cursor"), [("", 0), ("red ", 4), ('"red', 4), ("near:4", 6), ("red", 99), ("(", 1)])
def test_where_nothing_is_offered(completions: Completions, text: str, cursor: int) -> None:
    assert not [one for one in completions.at(text, cursor) if one.text == text]
    if text != "red":
        assert completions.at(text, cursor) == []


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet='tag:rofldei"()- “|x', max_size=24), st.integers(0, 24))
def test_anything_may_be_typed(completions: Completions, text: str, cursor: int) -> None:
    for one in completions.at(text, cursor):
        assert 0 <= one.start <= min(cursor, len(text)) <= one.end <= len(text)
        assert not [p for p in Query.parse(one.text).problems if one.kind != "operator"]
