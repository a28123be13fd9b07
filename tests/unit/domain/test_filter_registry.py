# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter registry: what holds for every filter, one that is added tomorrow included."""

from __future__ import annotations

from typing import get_args

import pytest

from semantic_photos.domain.filter_registry import FILTERS, FilterKind, InvalidValue, find
from semantic_photos.domain.filters import Exact, Fact
from semantic_photos.domain.query_language import read

every_filter = pytest.mark.parametrize("kind", FILTERS, ids=lambda kind: kind.name)


@every_filter
def test_what_a_filter_shows_can_be_typed_and_is_read_back(kind: FilterKind) -> None:
    assert kind.examples
    for value in (*kind.examples, *kind.values):
        reading = read(f"{kind.name}:{value}")
        assert not reading.problems
        fact = reading.tree
        assert isinstance(fact, get_args(Fact))
        assert str(fact).startswith(f"{kind.name}:")
        assert read(str(fact)).tree == fact
        assert read(f"-{kind.name.upper()}:{value}").tree == read(f"-({fact})").tree


@every_filter
def test_an_alias_means_the_same_filter(kind: FilterKind) -> None:
    for alias in kind.aliases:
        assert find(alias) is kind
        assert read(f"{alias}:{kind.examples[0]}").tree == read(f"{kind.name}:{kind.examples[0]}").tree


@every_filter
@pytest.mark.parametrize("blank", ["", '""', '"  "', " dog"])
def test_a_filter_without_a_value_asks_for_one(kind: FilterKind, blank: str) -> None:
    (problem,) = read(f"{kind.name}:{blank}").problems
    assert problem.message == f"Enter a value after “{kind.name}:”."
    with pytest.raises(InvalidValue):
        kind.read("")


@every_filter
def test_a_name_with_two_letters_swapped_leads_to_the_filter(kind: FilterKind) -> None:
    wrong = kind.name[:-2] + kind.name[-1] + kind.name[-2]
    (problem,) = read(f"{wrong}:{kind.examples[0]}").problems
    assert problem.kept
    assert f"{kind.name}:" in problem.meant


@every_filter
def test_help_is_part_of_a_sentence_for_one_line(kind: FilterKind) -> None:
    assert kind.finds[0].islower()
    assert len(kind.finds) <= 50
    assert not kind.help.endswith(".")
    assert not set("|\n") & set(kind.help)


def test_names_are_unique_and_every_kind_of_value_has_a_filter() -> None:
    names = [name for kind in FILTERS for name in (kind.name, *kind.aliases)]
    assert len(set(names)) == len(names)
    made = {type(kind.read(value.strip('"'))) for kind in FILTERS for value in kind.examples}
    # Quoted text has no name.
    assert made == {*get_args(Fact)} - {Exact}
