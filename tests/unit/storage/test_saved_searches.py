# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches with a name: kept, unique, and in the words of today."""

from __future__ import annotations

import pytest

from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.storage.saved_searches import LONGEST_NAME
from tests.unit.storage.conftest import Shelf


def test_what_was_saved_is_there_after_a_restart(shelf: Shelf) -> None:
    saved = shelf.catalog.searches
    made = saved.add("  Last  summer ", Query.parse("Beach date:last year"))
    assert (made.name, made.text, made.created) == ("Last summer", "beach date:last-year", 1_000_000.0)
    saved.add("a first", Query.parse("tag:x"))
    shelf.reopen()
    saved = shelf.catalog.searches
    assert [one.name for one in saved.list()] == ["a first", "Last summer"]
    assert saved.get("LAST SUMMER").query == Query.parse("beach date:last-year")


def test_example_photos_are_kept_with_it(shelf: Shelf) -> None:
    query = Query.similar_to(PhotoId(7)).with_region((0.1, 0.2, 0.3, 0.4)).with_text("snow -people")
    query = query.with_more_focus("dog").with_more_focus("red hat", -1.0)
    made = shelf.catalog.searches.add("Like Rex", query)
    shelf.reopen()
    (kept,) = shelf.catalog.searches.list()
    assert kept == made
    assert kept.query == query


def test_names_are_changed_and_freed(shelf: Shelf) -> None:
    saved = shelf.catalog.searches
    one, two = saved.add("one", Query.parse("x")), saved.add("two", Query.parse("y"))
    saved.rename(one.id, "ONE")
    saved.remove(two.id)
    saved.remove(two.id)
    saved.rename(one.id, "two")
    assert [search.name for search in saved.list()] == ["two"]


@pytest.mark.parametrize("name", ["", "  ", "x" * (LONGEST_NAME + 1), "ONE"])
def test_names_that_cannot_be(shelf: Shelf, name: str) -> None:
    saved = shelf.catalog.searches
    saved.add("one", Query.parse("x"))
    other = saved.add("other", Query.parse("x"))
    for attempt in (lambda: saved.add(name, Query.parse("y")), lambda: saved.rename(other.id, name)):
        with pytest.raises(QueryError) as caught:
            attempt()
        assert caught.value.code == "search.name"
    assert [search.name for search in saved.list()] == ["one", "other"]


def test_what_cannot_be_saved_is_said(shelf: Shelf) -> None:
    saved = shelf.catalog.searches
    for query, code in (
        (Query(), "search.empty"),
        (Query.parse("near:paris"), "search.empty"),
    ):
        with pytest.raises(QueryError) as caught:
            saved.add("name", query)
        assert caught.value.code == code
    with pytest.raises(QueryError, match="no longer"):
        saved.rename(99, "name")
    with pytest.raises(QueryError, match="There is no saved search"):
        saved.get("nothing")
