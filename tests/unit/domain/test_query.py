# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language: what is typed is what is meant, and no text is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_photos.domain.alternatives import MAX_BRANCHES
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import MAX_TERMS, MAX_TEXT, Query


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("dog beach", [("dog", 1), ("beach", 1)]),
        ("  Dog\t BEACH\n", [("dog", 1), ("beach", 1)]),
        ("cat -sofa", [("cat", 1), ("sofa", -1)]),
        ("cat −sofa –table", [("cat", 1), ("sofa", -1), ("table", -1)]),
        ("t-shirt", [("t-shirt", 1)]),
        ("- -- ... “”", []),
        ("", []),
        ("dog, beach!", [("dog", 1), ("beach", 1)]),
        ("old “exactly this” car", [("old", 1), ("car", 1)]),
        ("straße", [("strasse", 1)]),
    ],
)
def test_parsing(text: str, terms: list[tuple[str, int]]) -> None:
    assert [(term.word, int(term.weight)) for term in Query.parse(text).terms] == terms


@given(st.text())
def test_any_text_is_a_query_and_its_text_means_the_same(text: str) -> None:
    query = Query.parse(text)
    assert Query.parse(query.text) == query


def test_long_questions_are_cut_and_say_so() -> None:
    query = Query.parse("dog " * 10_000)
    assert len(query.terms) == MAX_TEXT // 4
    assert query.problems
    assert len(Query.parse("a " * 5_000).terms) == MAX_TERMS
    assert len(Query.parse("ß" * 5_000).text) <= MAX_TEXT


def test_one_word_is_replaced_wherever_it_stands() -> None:
    query = Query.parse("cat -(dgo tag:x) OR dgo^2 tag:y")
    assert query.replacing("dgo", "dog").text == "cat -(dog tag:x) OR dog^2 tag:y"
    assert query.replacing("tag:y", 'tag:"a b"').text == 'cat -(dgo tag:x) OR dgo^2 tag:"a b"'
    assert Query.parse("-dgo").replacing("dgo", "tag:dog").text == "-tag:dog"


def test_more_alternatives_than_are_asked_are_admitted() -> None:
    query = Query.parse(" OR ".join(f"w{i}" for i in range(40)))
    assert len(query.alternatives) == MAX_BRANCHES
    assert "alternatives" in query.problems[-1].message
    assert not Query.parse(" OR ".join(f"tag:w{i}" for i in range(40))).problems
    assert Query.parse("(a OR b OR tag:x) " * 5).problems


def test_problems_do_not_make_another_question() -> None:
    assert Query.parse("dog rating:lots") == Query.parse("dog")
    assert Query.parse("dog rating:lots").problems


def test_copies_keep_what_they_do_not_change() -> None:
    query = Query.similar_to(PhotoId(7)).with_focus(" cat ").with_text("night -people")
    assert query.examples[0].photo_id == 7
    assert query.focus == "cat"
    assert query.text == "night -people"
    assert query.without("Rain").text == "night -people -rain"
    assert query.without("hot dog").text == "night -people -hot -dog"
    assert Query.parse("a OR b").without("c").text == "(a OR b) -c"
    assert not query.is_empty
    assert Query().is_empty
