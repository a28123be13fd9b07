# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions as text: the same question comes back, and no text whatever is an error."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain.example_focus import Focus
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.query_text import (
    checked,
    in_words,
    is_written,
    photo_ids,
    portable,
    read,
    settled,
    write,
)
from semantic_photos.domain.tags import clean_text

_WEIGHTS = st.sampled_from([1.0, -0.6, 0.5])
_REGIONS = st.none() | st.just((0.25, 0.1, 0.5, 0.333))
_EXAMPLES = st.builds(
    Example, photo_id=st.integers(1, 2**40).map(PhotoId), weight=_WEIGHTS, region=_REGIONS
) | st.builds(
    Example,
    path=st.binary(min_size=1, max_size=12)
    .filter(lambda b: b"\0" not in b)
    .map(lambda b: Path("/p  x", os.fsdecode(b))),
    weight=_WEIGHTS,
    region=_REGIONS,
)
_FOCUSES = st.lists(st.builds(Focus, st.sampled_from(["dog", "red hat", "größe"]), _WEIGHTS), max_size=2, unique=True)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30), st.lists(_EXAMPLES, min_size=1, max_size=3), _FOCUSES)
def test_what_is_written_is_read_again(text: str, examples: list[Example], focuses: list[Focus]) -> None:
    # A question with control characters is cleaned where it comes from another library.
    text = clean_text(Query.parse(text).text, 100)
    query = Query(tree=Query.parse(text).tree, examples=tuple(examples), more_focus=tuple(focuses))
    written = write(query)
    assert read(written) == query
    assert is_written(written)
    # Whatever cleans text on its way leaves it alone.
    assert clean_text(written, len(written)) == written == checked(written)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40) | st.text(alphabet='{}[]":,examplstxt0 ', max_size=60).map(lambda text: "{" + text))
def test_what_is_typed_never_looks_written(text: str) -> None:
    typed = write(Query.parse(text))
    assert not is_written(typed)
    assert read(typed).tree == Query.parse(typed).tree


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"examples": 3}', None),
        ('{"examples": [3, null, {}, {"photo": true}, {"photo": -1}, {"photo": 1e9}, {"file": "a\\u0000"}]}', 0),
        ('{"examples": [{"photo": 5, "weight": 1e999}, {"photo": 5, "weight": "x"}, {"photo": 5, "weight": 0}]}', 0),
        ('{"examples": [{"photo": 5, "region": [0, 0, 0, 1]}, {"photo": 5, "region": [2, 2, 1, 1]}]}', 0),
        ('{"examples": [{"photo": 5}], "focus": [["a"], 3, [4, 4], ["dog", NaN]], "text": 9}', 1),
        ('{"examples": ' + "[" * 5000, None),
        ('{"examples": [{"photo": 1}' + ', {"photo": 1}' * 500 + "]}", 50),
    ],
)
def test_no_text_is_an_error(text: str, left: int | None) -> None:
    query = read(text)
    if left is not None:
        assert len(query.examples) == left
        assert not query.focuses
    assert read(checked(text)).examples == query.examples


def test_on_the_way_to_another_library_photos_stand_by_file_and_content() -> None:
    query = Query(examples=(Example(PhotoId(5)), Example(PhotoId(6), weight=-0.6), Example(path=Path("/x.jpg"))))
    text = portable(write(query.with_text("snow")), {PhotoId(5): ("/p/dog.jpg", "k5"), PhotoId(6): ("/p/cat.jpg", "")})
    assert "k5" in text
    assert photo_ids(text) == []
    assert checked(text) == text
    there = read(settled(text, lambda file, key: PhotoId(50) if key == "k5" else None))
    assert there == Query(examples=(
        Example(PhotoId(50)), Example(path=Path("/p/cat.jpg"), weight=-0.6), Example(path=Path("/x.jpg")),
    )).with_text("snow")  # fmt: skip


def test_a_photo_that_is_gone_already_stays_gone() -> None:
    text = portable(write(Query.similar_to(PhotoId(5))), {})
    query = read(settled(text, lambda _file, _key: None))
    assert [example.path for example in query.examples] == [None]
    assert json.loads(text)["examples"][0]["file"] == ""


def test_typed_questions_pass_as_they_are() -> None:
    for change in (lambda text: portable(text, {}), lambda text: settled(text, lambda *_: None), checked):
        assert change("dog -snow") == "dog -snow"
    assert checked(5) == checked(None) == ""


def test_a_question_in_words() -> None:
    query = Query.similar_to(PhotoId(5)).with_text("snow").with_more_focus("dog", -1.0)
    assert in_words(query) == "snow, like a photo, less of dog"
    assert in_words(query, ["rex.jpg"]) == "snow, like rex.jpg, less of dog"
