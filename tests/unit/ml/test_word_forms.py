# SPDX-License-Identifier: GPL-3.0-or-later
"""What people type, and the forms in which a word may be known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_photos.ml.word_forms import forms, same_thing, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red dogs, two CATS!", ["red", "dogs", "two", "cats"]),
        ("dog’s cat´s don't t‑shirt", ["dog's", "cat's", "don't", "t-shirt"]),
        ("a-b - c – d—e", ["a-b", "c", "d", "e"]),
        ("ﬁsh ｄｏｇ ＣＡＦÉ", ["fish", "dog", "café"]),
        ("cafe\u0301 soft\u00adware zero\u200bwidth", ["café", "software", "zerowidth"]),
        ("STRASSE straße İstanbul", ["strasse", "strasse", "i̇stanbul"]),
        ("'quoted' dogs' rock'n'roll", ["quoted'", "dogs'", "rock'n'roll"]),
        ("2023 4k mp3", ["2023", "4k", "mp3"]),
        ("собака 犬", ["собака", "犬"]),
        ("snake_case", ["snake", "case"]),
        ("", []),
        ("!?… -- '' 🐶", []),
    ],
)
def test_tokens(text: str, words: list[str]) -> None:
    assert tokens(text) == words


def test_a_pasted_book_is_cut() -> None:
    assert len(tokens("word " * 100_000)) < 1000
    assert tokens("x" * 10_000 + " dog") == ["dog"]


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("dogs", "dog"), ("dog's", "dog"), ("dogs'", "dog"), ("boxes", "box"), ("benches", "bench"),
        ("puppies", "puppy"), ("leaves", "leaf"), ("wolves", "wolf"), ("children", "child"), ("women", "woman"),
        ("potatoes", "potato"), ("horses", "horse"), ("olives", "olive"), ("movies", "movie"), ("buses", "bus"),
        ("lenses", "lens"), ("houses", "house"),
        ("glasses", "glass"), ("dresses", "dress"), ("smiling", "smile"), ("running", "run"), ("walking", "walk"),
        ("walked", "walk"), ("stopped", "stop"), ("carried", "carry"), ("rolling", "roll"), ("hugging", "hug"),
        ("baked", "bake"), ("café", "cafe"), ("ski's", "ski"), ("don't", "dont"), ("ran", "run"),
        ("jean", "jeans"), ("scissor", "scissors"), ("puppy", "puppies"), ("foot", "feet"), ("bench", "benches"),
    ],
)  # fmt: skip
def test_a_form_of_a_known_word_is_tried(word: str, known: str) -> None:
    assert known in list(forms(word))


@pytest.mark.parametrize(
    ("word", "other"),
    [("glass", "glas"), ("bus", "bu"), ("bed", "b"), ("king", "k"), ("ring", "r"), ("red", "r"), ("gas", "ga"),
     ("tennis", "tenni"), ("string", "str"), ("sled", "sl")],
)  # fmt: skip
def test_what_only_looks_like_a_form_is_not(word: str, other: str) -> None:
    assert other not in list(forms(word))


def test_the_word_itself_comes_first_and_singulars_before_plurals() -> None:
    assert list(forms("dogs"))[:2] == ["dogs", "dog"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [("dog", "dogs", True), ("dog", "dog's", True), ("puppy", "puppies", True), ("shoe", "shoes", True),
     ("horse", "horses", True), ("ice-cream", "icecream", True), ("dog", "puppy", False), ("glass", "grass", False),
     ("bus", "but", False), ("sea", "season", False)],
)  # fmt: skip
def test_forms_of_one_thing_are_known_as_such(first: str, second: str, same: bool) -> None:
    assert bool(same_thing(first) & same_thing(second)) is same


@given(st.text(max_size=80))
def test_any_text_gives_words_whose_forms_can_be_listed(text: str) -> None:
    for token in tokens(text):
        assert token
        assert not any(c.isspace() for c in token)
        assert next(iter(forms(token))) == token
        assert all(isinstance(form, str) for form in forms(token))
