# SPDX-License-Identifier: GPL-3.0-or-later
"""Typing errors: what a user probably meant, nearest and most frequent first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_photos.domain.spelling import meant, nearest, similar, typing_errors

WORDS = ["dog", "beach", "sunset", "sunsets", "bench", "dig", "mountain", "fountain", "ice-cream", "bear", "beard"]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("baech", "beach"), ("sunst", "sunset"), ("dgo", "dog"), ("moutain", "mountain"), ("mountian", "mountain"),
     ("icecream", "ice-cream"), ("sunnset", "sunset"), ("bnech", "bench")],
)  # fmt: skip
def test_the_first_suggestion_is_what_was_meant(typed: str, wanted: str) -> None:
    assert nearest(typed, WORDS, 3)[0] == wanted


def test_the_more_frequent_word_wins_and_a_wrong_first_letter_loses() -> None:
    assert nearest("dxg", WORDS, 5) == ["dog", "dig"]
    assert nearest("sountain", WORDS, 5) == ["mountain", "fountain"]
    assert nearest("beax", WORDS, 1) == ["bear"]


def test_nothing_alike_gives_nothing_and_the_word_itself_is_not_alike() -> None:
    assert nearest("xqzzv", WORDS, 5) == []
    assert "dog" not in nearest("dog", WORDS, 5)
    assert nearest("", WORDS, 5) == []
    assert nearest("dog", WORDS, 0) == []
    assert nearest("dog", [], 3) == []
    assert nearest("\ud800og", WORDS, 3) == ["dog"]


def distance(first: str, second: str) -> int:
    """Return the optimal string alignment distance, by its definition."""
    rows = [list(range(len(second) + 1))]
    for i, letter in enumerate(first, start=1):
        rows.append([i])
        for j, other in enumerate(second, start=1):
            cost = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, rows[i - 2][j - 2] + 1)
            rows[i].append(cost)
    return rows[-1][-1]


@given(
    st.lists(st.text("abcde", min_size=1, max_size=9), min_size=1, max_size=30, unique=True),
    st.text("abcde", min_size=1, max_size=9),
)
def test_all_words_within_the_typing_errors_are_found_nearest_first(words: list[str], typed: str) -> None:
    far = {word: distance(typed, word) + 0.5 * (word[0] != typed[0]) for word in words}
    wanted = [word for word in words if word != typed and distance(typed, word) <= typing_errors(len(typed))]
    assert nearest(typed, words, 99) == sorted(wanted, key=far.__getitem__)


def test_a_name_that_is_begun_comes_before_one_that_is_spelled_alike() -> None:
    names = {"jpg": "jpg", "jpeg": "jpg", "heic": "heic", "heif": "heic", "favourite": "favourite"}
    assert meant("jpge", names) == ("jpg",)
    assert meant("hei", names) == ("heic",)
    assert meant("fav", names) == ("favourite",)
    assert meant("f", names) == ()
    assert meant("zebra", names) == ()


def test_similar_names_come_best_first() -> None:
    assert similar("birthdy party", ["birth", "birthday party", "party", "dog"], 2, 0.5) == ["birthday party", "birth"]
    assert similar("zebra", ["dog"], 2, 0.6) == []
