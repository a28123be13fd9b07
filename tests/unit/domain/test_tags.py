# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.domain.tags import (
    MOST_KEYWORDS,
    MOST_LEVEL,
    MOST_LEVELS,
    Act,
    Standing,
    after,
    clean_name,
    clean_rating,
    clean_text,
    from_slashes,
    gather,
    to_slashes,
)

ROOT = Path(__file__).resolve().parents[3]
FAMILY = "👩‍👩‍👧"
TREE = TagTree.parse("""
# comment
animal|dog: puppy, hound
animal|cat: kitten
food|fruit|apple
food|fruit|peach # and more
:: nonsense
""")


@pytest.mark.parametrize("standing", [Standing.CONFIRMED, Standing.MANUAL, Standing.IMPORTED, Standing.REJECTED])
@pytest.mark.parametrize("act", [Act.SUGGEST, Act.WITHDRAW])
def test_nothing_automatic_touches_what_somebody_said(standing: Standing, act: Act) -> None:
    assert after(standing, act) is standing


def test_a_rejection_is_only_taken_back_by_the_person() -> None:
    back = {act for act in Act if after(Standing.REJECTED, act) is not Standing.REJECTED}
    assert back == {Act.CONFIRM, Act.ADD}
    assert all(after(standing, Act.REJECT) is Standing.REJECTED for standing in (None, *Standing))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dog", "dog"),
        ("  new\nline\tand\x00nul\x1b[31m ", "new line and nul [31m"),
        ("animal|dog", "animal|dog"),
        ("|a||b|", "a|b"),
        ("AC/DC", "AC/DC"),
        (FAMILY, FAMILY),
        ("שלום עולם", "שלום עולם"),
        ("\u202eevil\u202c", "evil"),
        ("\u200d\u200d", ""),
        ("\ud800x", "x"),
        ("e\u0301", "é"),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_names_are_cleaned(text: object, name: str) -> None:
    assert clean_name(text) == name


def test_a_long_name_is_not_cut_inside_a_letter() -> None:
    text = "x" * (MOST_LEVEL - 2) + FAMILY
    assert clean_name(text) == "x" * (MOST_LEVEL - 2)
    assert len(clean_name("y" * 1_000_000)) == MOST_LEVEL
    assert clean_name("z|" * 100).count("|") == MOST_LEVELS - 1


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_a_cleaned_name_is_clean(text: str) -> None:
    name = clean_name(text)
    assert clean_name(name) == name
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name)
    assert all(0 < len(level) <= MOST_LEVEL for level in name.split("|")) or name == ""
    assert from_slashes(to_slashes(name)) == name or "\N{DIVISION SLASH}" in name


def test_fields_of_a_file_are_one_list() -> None:
    tags = gather(
        ["dog", "animal", "AC/DC", "dog", "Holiday", "a|b"],
        ["animal|dog", "Places|Sea/side"],
        ["animal/dog", "People/Ada", "solo"],
        ["Ada", "Grace|Hopper", "Grace|Hopper"],
    )
    assert tags == (
        "animal|dog", "Places|Sea/side", "People|Ada", "solo", "AC/DC", "Holiday", "a|b", "People|Grace Hopper",
    )  # fmt: skip


def test_ten_thousand_keywords_and_more() -> None:
    many = [f"k{i}" for i in range(MOST_KEYWORDS + 5)]
    assert gather(many, [], []) == tuple(many[:MOST_KEYWORDS])


@pytest.mark.parametrize(
    ("value", "rating"),
    [("4", 4), ("-1", -1), (5, 5), ("4.5", 4), ("0", 0), ("99", None), ("nan", None), ("five", None), (None, None)],
)
def test_ratings(value: object, rating: int | None) -> None:
    assert clean_rating(value) == rating


def test_captions_keep_their_lines() -> None:
    assert clean_text("one\n two \x07\r\nthree\n", 100, lines=True) == "one\ntwo\nthree"


def test_words_of_the_tree() -> None:
    assert TREE.find("Puppy") == "animal|dog"
    assert TREE.find("fruit") == "food|fruit"
    assert TREE.find("nothing") is None
    assert TREE.same("puppy", "dog")
    assert not TREE.same("cat", "dog")
    assert TREE.above("animal", "puppy")
    assert TREE.above("hound", "dog")
    assert not TREE.above("dog", "animal")
    assert TREE.exclude("apple", "peach")
    assert not TREE.exclude("apple", "fruit")
    assert not TREE.exclude("apple", "dog")


def test_the_words_of_the_person_go_first() -> None:
    assert TREE.own_word("puppy", ["Tiere|Hund", "pets|Dog"]) == "pets|Dog"
    assert TREE.own_word("puppy", ["dog", "My puppy", "pets|puppy"]) == "pets|puppy"
    assert TREE.own_word("puppy", ["cat"]) is None


def test_the_shipped_tree_says_each_word_once() -> None:
    text = (ROOT / "resources/tags/hierarchy.txt").read_text(encoding="utf-8")
    words = []
    for line in text.splitlines():
        name, _, others = line.split("#")[0].partition(":")
        if name.strip():
            words += [name.strip().split("|")[-1], *(word.strip() for word in others.split(",") if word.strip())]
    assert len(words) > 300
    assert sorted(words) == sorted(set(words))
    tree = TagTree.parse(text)
    assert tree.same("puppy", "dog")
