# SPDX-License-Identifier: GPL-3.0-or-later
"""The language of the search bar: what is meant, what is refused and where, and that no text whatever is an error."""

from __future__ import annotations

import datetime
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain.alternatives import MAX_BRANCHES, alternatives
from semantic_photos.domain.filter_registry import FILTERS
from semantic_photos.domain.filters import (
    Exact,
    Named,
    Near,
    Node,
    Outside,
    Rating,
    Taken,
    Term,
)
from semantic_photos.domain.periods import RELATIVE, Period
from semantic_photos.domain.query_language import MAX_DEPTH, MAX_TERMS, MAX_TEXT, all_of, any_of, negated, read


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("beach without people", "beach -people"),
        ("street no cars", "street -cars"),
        ("beach without a dog", "beach -dog"),
        ("street no", "street"),
        ("without", ""),
        ("street without OR beach", "street OR beach"),
        ("no no cars", "-cars"),
        ("without -cars", "-cars"),
        ("NOT cars", "-cars"),
        ("dog AND cat", "dog cat"),
        ("dog or cat", "dog or cat"),
        ("dog^2 cat^0.50", "dog^2 cat^0.5"),
        ("-dog^2", "-dog^2"),
        ("dog^99", "dog^10"),
        ('"IMG_4821"', '"img_4821"'),
        ("“two  words”", '"two words"'),
        ('-"x"', '-"x"'),
        ("FILE:Img", "file:img"),
        ("file:IMG(1).jpg", 'file:"img(1).jpg"'),
        ('tag:"birthday party" tag:dog,', 'tag:"birthday party" tag:dog'),
        ("-tag:x", "-tag:x"),
        ("no tag:x", "-tag:x"),
        ("camera:EOS", "camera:eos"),
        ("rating:4", "rating:4"),
        ("rating:>=4", "rating:>=4"),
        ("rating:4+", "rating:>=4"),
        ("rating:3..5", "rating:>=3"),
        ("rating:2-3", "rating:2..3"),
        ("rating:<3", "rating:1..2"),
        ("rating:none", "rating:0"),
        ("rating:rejected", "rating:-1"),
        ("type:JPEG", "type:jpg"),
        ("date:2024 date:2024-5 date:2024/05/17", "date:2024 date:2024-05 date:2024-05-17"),
        ("date:2023..2024", "date:2023..2024"),
        ("date:2023..", "date:2023.."),
        ("before:today after:last year", "before:today after:last-year"),
        ('date:"last month"', "date:last-month"),
        ("near:48.85,2.35", "near:48.85,2.35"),
        ('near:"-48.85, 2.35, 5 km"', "near:-48.85,2.35,5"),
        ("is:favorite is:PENDING", "is:favourite is:waiting"),
        ("(dog OR cat) beach", "(dog OR cat) beach"),
        ("((dog)) OR (cat OR bird)", "dog OR cat OR bird"),
        ("-(dog cat)", "-(dog cat)"),
        ("-(dog)", "-dog"),
        ("-(-tag:x)", "tag:x"),
        ("-(-no)", "no^1"),
        ("dog OR OR cat OR", "dog OR cat"),
        ("() dog", "dog"),
        ("http://x.y", "http://x.y"),
    ],
)
def test_what_is_typed_has_a_normal_form(typed: str, normal: str) -> None:
    reading = read(typed)
    assert ("" if reading.tree is None else str(reading.tree)) == normal
    assert not reading.problems
    assert read(normal).tree == reading.tree


@pytest.mark.parametrize(
    ("typed", "marked"),
    [
        ("dog rating:lots cat", "rating:lots"),
        ("rating:5..3", "rating:5..3"),
        ("rating:>5", "rating:>5"),
        ("near:paris", "near:paris"),
        ("near:95,0", "near:95,0"),
        ("near:1,1,0", "near:1,1,0"),
        ("date:2024-02-30", "date:2024-02-30"),
        ("before:sometime", "before:sometime"),
        ("date:..", "date:.."),
        ("type:movie", "type:movie"),
        ("is:nice", "is:nice"),
        ("tag:", "tag:"),
        ('tag:""', 'tag:""'),
        ("dog^much", "dog^much"),
        ("dog (cat", "("),
        ("dog) cat", ")"),
        ('dog "cat and', '"cat and'),
    ],
)
def test_what_makes_no_sense_is_marked_where_it_stands(typed: str, marked: str) -> None:
    (problem,) = read(typed).problems
    assert typed[problem.start : problem.end] == marked
    assert problem.message.endswith(".")
    assert read(typed.replace(marked, "", 1)).tree is None or read(typed).tree is not None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("is:faverite", ("is:favourite",)),
        ("is:favorit", ("is:favourite",)),
        ("is:untaged", ("is:untagged",)),
        ("type:jpgg", ("type:jpg",)),
        ("type:.JPGE", ("type:jpg",)),
        ("type:hei", ("type:heic",)),
        ("date:yesterdya", ("date:yesterday",)),
        ("after:last-yaer", ("after:last-year", "after:last-week")),
        ("date:2023..yesterdya", ("date:2023..yesterday",)),
        ("date:lastweek..", ("date:last-week..",)),
        ("rating:unratd", ("rating:unrated",)),
        ("-is:faverite", ("is:favourite",)),
        ("is:zebra", ()),
        ("is:", ()),
        ("type:x", ()),
        ("date:soon", ()),
        ("near:zurich", ()),
    ],
)
def test_a_value_that_does_not_exist_is_answered_with_the_nearest_that_do(typed: str, meant: tuple[str, ...]) -> None:
    (problem,) = read(typed).problems
    assert problem.meant == meant
    assert problem.advice == problem.message + (
        f" Did you mean {' or '.join(f'“{one}”' for one in meant)}?" if meant else ""
    )
    for other in meant:
        mended = read(typed[: problem.start] + other + typed[problem.end :])
        assert not mended.problems
        assert mended.tree is not None


@given(st.sampled_from(["is", "type", "date", "rating"]), st.text(max_size=12))
def test_what_is_meant_always_makes_sense(field: str, value: str) -> None:
    for problem in read(f'{field}:"{value}').problems:
        for other in problem.meant:
            assert not read(other).problems


@pytest.mark.parametrize(
    ("typed", "named", "meant"),
    [
        ("dog tpye:jpg", "tpye:", ("type:",)),
        ("-TPYE:.JPEG", "TPYE:", ("type:",)),
        ("tga:dog cat", "tga:", ("tag:",)),
        ('(keywrd:"birthday party")', "keywrd:", ("tag:",)),
        ("cam:canon", "cam:", ("camera:",)),
        ("http://x.y", "", ()),
        ("id:123", "", ()),
        ("rate:5", "", ()),
        ("tpye: jpg", "", ()),
        ("12:30", "", ()),
    ],
)
def test_a_filter_that_is_misspelled_stays_a_word_and_the_right_one_is_offered(
    typed: str, named: str, meant: tuple[str, ...]
) -> None:
    reading = read(typed)
    assert any(
        term.word.startswith(named.rstrip(":").casefold())
        for branch in alternatives(reading.tree)
        for term in branch.terms
    )
    if not meant:
        assert not reading.problems
        return
    (problem,) = reading.problems
    assert typed[problem.start : problem.end] == named
    assert (problem.message, problem.meant, problem.kept) == (f"Unknown filter “{named}”.", meant, True)
    assert not read(typed[: problem.start] + meant[0] + typed[problem.end :]).problems


def test_names_of_places_are_refused_with_the_way_that_works() -> None:
    assert "latitude,longitude" in read("near:paris").problems[0].message


def test_words_of_or_are_alternatives_and_filters_stay_together() -> None:
    def shown(text: str) -> list[str]:
        return [" ".join(map(str, (*b.terms, *b.where))) for b in alternatives(read(text).tree)]

    assert shown("beach (dog OR cat) tag:x") == ["beach dog tag:x", "beach cat tag:x"]
    assert shown("dog (tag:a OR tag:b)") == ["dog tag:a OR tag:b"]
    assert shown("dog OR tag:a OR tag:b") == ["dog", "tag:a OR tag:b"]
    assert shown("-(dog tag:x)") == ["-dog -tag:x"]
    assert shown("") == []
    assert len(alternatives(read(" ".join(f"(a{i} OR b{i})" for i in range(40))).tree)) == MAX_BRANCHES


def test_nesting_has_an_end() -> None:
    deep = "(" * 900 + "dog" + ")" * 900
    reading = read(deep)
    assert str(reading.tree) == "dog"
    assert len(reading.problems) == 900 - MAX_DEPTH
    assert read("-(" * 900 + "dog").tree is not None


def test_relative_periods_are_seen_from_today() -> None:
    day = datetime.date
    today = day(2024, 3, 1)  # a Friday after a leap day
    wanted = {
        "today": (today, today),
        "yesterday": (day(2024, 2, 29), day(2024, 2, 29)),
        "this-week": (day(2024, 2, 26), day(2024, 3, 3)),
        "last-week": (day(2024, 2, 19), day(2024, 2, 25)),
        "this-month": (day(2024, 3, 1), day(2024, 3, 31)),
        "last-month": (day(2024, 2, 1), day(2024, 2, 29)),
        "this-year": (day(2024, 1, 1), day(2024, 12, 31)),
        "last-year": (day(2023, 1, 1), day(2023, 12, 31)),
        "2023-12": (day(2023, 12, 1), day(2023, 12, 31)),
        "2023-12-24": (day(2023, 12, 24), day(2023, 12, 24)),
    }
    assert set(RELATIVE) <= set(wanted)
    for text, days in wanted.items():
        period = Period.read(text)
        assert period is not None
        assert period.days(today) == days


# Sweeps

_TEXTS = st.sampled_from(["img_4821", "a b", "x(1).jpg", "-", "straße", "c;d", "e,", "^", "2024", "or", "no", "ǰ"])
_PERIODS = st.sampled_from([*RELATIVE, "2024", "2024-05", "2024-05-17"]).map(Period)
_SHOWN = [kind.read(value.strip('"')) for kind in FILTERS for value in (*kind.examples, *kind.values)]
_FACTS: st.SearchStrategy[Node] = st.one_of(
    st.sampled_from(_SHOWN),
    _TEXTS.map(lambda text: Exact(text.replace("ß", "ss"))),
    st.builds(Named, st.sampled_from(["file", "folder", "tag", "camera"]), _TEXTS.map(lambda t: t.replace("ß", "ss"))),
    st.tuples(st.integers(-1, 5), st.integers(-1, 5)).map(lambda pair: Rating(min(pair), max(pair))),
    st.builds(lambda first, last: Taken(first, last or first), _PERIODS, st.none() | _PERIODS),
    st.builds(lambda last: Taken(None, last), _PERIODS),
    st.builds(Outside, st.booleans(), _PERIODS),
    st.builds(lambda a, b, km: Near(round(a, 6) + 0.0, round(b, 6) + 0.0, round(km, 3)),
              st.floats(-90, 90), st.floats(-180, 180), st.floats(0.001, 20_000)),
)  # fmt: skip
_WORDS = st.builds(
    Term,
    st.sampled_from(["dog", "t-shirt", "no", "or", "not", "last", "x:y"]),
    st.sampled_from([1, -1, 2, -0.5, 0.125]),
)
_TREES: st.SearchStrategy[Node | None] = st.recursive(
    _FACTS | _WORDS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(all_of),
        st.lists(inner, min_size=1, max_size=4).map(any_of),
        inner.map(negated),
    ),
    max_leaves=12,
)


@settings(max_examples=20, deadline=None)
@given(_TREES)
def test_every_tree_can_be_typed(tree: Node | None) -> None:
    reading = read(str(tree))
    assert reading.tree == tree
    assert not reading.problems


_PIECES = [
    "dog", "-", "−", "^2", "^", '"', "“", "”", "(", ")", "OR", "AND",
    "NOT", "no", "without", "a", "tag:", "file:", "is:",
    "rating:", ">=4", "3..5", "near:", "1,2", "date:", "last", "year",
    "..", "2024-05", " ", "  ", "\t", "\n", "\0", ":", ",",
    ".", "'", "ß", "İ", "ŉ", "ﬁ", "K", "ſ", "e\u0301", "\u0301",
    "\ud800", "😀", "\u202e", "\x85", "\x1c", "٣", "²", "x",
    "folder:/a/b", "camera:", "type:jpg", "before:", "after:", "-(", "*", "%", "_", "\\", "/",
]  # fmt: skip


def hostile(seed: int) -> str:
    rng = random.Random(seed)
    kind = rng.random()
    if kind < 0.7:
        return "".join(rng.choice(_PIECES) for _ in range(rng.randint(0, 30)))
    if kind < 0.9:
        return "".join(chr(rng.choice([rng.randint(0, 0x2FF), rng.randint(0, 0x10FFFF)])) for _ in range(40))
    return rng.choice(_PIECES) * rng.randint(1, 1500)


def read_and_read_again(text: str) -> None:
    reading = read(text)
    normal = "" if reading.tree is None else str(reading.tree)
    again = read(normal)
    assert again.tree == reading.tree, repr(text)
    assert not again.problems or len(reading.problems) >= len(again.problems), repr(text)
    assert len(normal) <= MAX_TEXT
    alternatives(reading.tree)
    for problem in reading.problems:
        assert 0 <= problem.start <= problem.end <= len(text), repr(text)


@pytest.mark.parametrize(
    ("text", "start"),
    [("word " * 600, MAX_TEXT), ("a " * 600, 2 * MAX_TERMS), ("x" * (MAX_TEXT + 1), MAX_TEXT)],
)
def test_a_question_that_is_cut_says_where(text: str, start: int) -> None:
    (problem,) = [problem for problem in read(text).problems if problem.cut]
    assert (problem.start, problem.end) == (start, len(text))
    assert problem.message.startswith("This query is too long; only its first ")
    assert not any(problem.cut for problem in read(text[:start]).problems)


def test_a_question_whose_normal_form_is_too_long_says_that_it_is_cut() -> None:
    text = "file:a(b) " * (MAX_TEXT // 10)
    reading = read(text)
    assert str(reading.tree).count("file:") < MAX_TEXT // 10
    assert [problem.cut for problem in reading.problems] == [True]


def test_hostile_text_is_no_error() -> None:
    for seed in range(150):
        read_and_read_again(hostile(seed))


@pytest.mark.slow
def test_much_hostile_text_is_no_error() -> None:
    for seed in range(1_000, 21_000):
        read_and_read_again(hostile(seed))
