# SPDX-License-Identifier: GPL-3.0-or-later
"""Typing errors: what a person probably meant, nearest and most frequent first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_photos.domain.edit_distance import edit_distance
from semantic_photos.ml.spell_checker import Speller

WORDS = ["dog", "beach", "sunset", "sunsets", "bench", "dig", "mountain", "fountain", "ice-cream", "bear", "beard"]


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("dog", "dog", 0), ("dog", "dig", 1), ("dog", "dogs", 1), ("god", "gdo", 1), ("abcd", "badc", 2), ("", "abc", 3),
     ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ca", "abc", 3)],
)  # fmt: skip
def test_edit_distance(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second, 9) == distance
    assert edit_distance(second, first, 9) == distance
    if distance:
        assert edit_distance(first, second, distance - 1) == distance


@given(st.text("abc-", max_size=8), st.text("abc-", max_size=8), st.integers(0, 4))
def test_a_limit_never_changes_what_is_below_it(first: str, second: str, limit: int) -> None:
    assert edit_distance(first, second, limit) == min(edit_distance(first, second, 20), limit + 1)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("baech", "beach"), ("sunst", "sunset"), ("dgo", "dog"), ("moutain", "mountain"), ("mountian", "mountain"),
     ("icecream", "ice-cream"), ("sunnset", "sunset"), ("bnech", "bench")],
)  # fmt: skip
def test_the_first_suggestion_is_what_was_meant(typed: str, meant: str) -> None:
    assert Speller(WORDS, range(len(WORDS))).alike(typed, 3)[0] == meant


def test_the_more_frequent_word_wins_and_a_wrong_first_letter_loses() -> None:
    speller = Speller(WORDS, range(len(WORDS)))
    assert speller.alike("dxg", 5) == ["dog", "dig"]
    assert speller.alike("sountain", 5) == ["mountain", "fountain"]
    assert speller.alike("beax", 1) == ["bear"]


def test_nothing_alike_gives_nothing_and_the_word_itself_is_not_alike() -> None:
    speller = Speller(WORDS, range(len(WORDS)))
    assert speller.alike("xqzzv", 5) == []
    assert "dog" not in speller.alike("dog", 5)
    assert speller.alike("", 5) == []
    assert speller.alike("dog", 0) == []
    assert Speller([], []).alike("dog", 3) == []


def test_only_rows_that_were_offered_are_suggested() -> None:
    assert Speller(WORDS, [5]).alike("dxg", 5) == ["dig"]


@given(
    st.lists(st.text("abcde", min_size=1, max_size=9), min_size=1, max_size=30, unique=True),
    st.text("abcde", min_size=1, max_size=9),
)
def test_the_short_cut_over_letter_counts_loses_nothing(words: list[str], typed: str) -> None:
    limit = 1 if len(typed) <= 4 else 2 if len(typed) <= 8 else 3
    want = {word for word in words if 0 < edit_distance(typed, word, 99) <= limit}
    assert set(Speller(words, range(len(words))).alike(typed, 99)) == want
