# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said on the command line, and how it complains."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from semantic_photos.cli import arguments, search, tags
from semantic_photos.domain.errors import UserFacingError


def test_no_words_mean_the_window() -> None:
    assert arguments.parse([]).command == "window"


def test_folders_mean_the_window() -> None:
    options = arguments.parse(["--home", "h", "photos", "./search"])
    assert options.command == "window"
    assert options.folders == [Path("photos"), Path("./search")]
    assert options.home == Path("h")


@pytest.mark.parametrize(
    "place", [["--home", "h", "search", "dog"], ["search", "--home", "h", "dog"], ["search", "dog", "--home", "h"]]
)
def test_home_may_stand_anywhere(place: list[str]) -> None:
    options = arguments.parse(place)
    assert (options.command, options.home, options.words) == ("search", Path("h"), ["dog"])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["dog", "-snow"], "dog -snow"),
        (["-snow"], "-snow"),
        (["-night", "dog", "-n", "5"], "-night dog"),
        (["dog -snow", "--json"], "dog -snow"),
        (["-n5", "cat"], "cat"),
    ],
)
def test_minus_words_are_words(words: list[str], text: str) -> None:
    assert " ".join(arguments.parse(["search", *words]).words) == text


def test_searches_with_a_name() -> None:
    options = arguments.parse(["searches", "save", "my cats", "cat", "-sofa", "--json"])
    assert (options.action, options.arguments, options.json) == ("save", ["my cats", "cat", "-sofa"], True)
    assert arguments.parse(["searches"]).action == "list"
    options = arguments.parse(["search", "cat", "--no-stacks", "--order", "date", "--caution", "0.7"])
    assert (options.words, options.stacks, options.order, options.caution) == (["cat"], False, "date", 0.7)
    for wrong in (["--caution", "2"], ["--order", "size"]):
        with pytest.raises(UserFacingError):
            arguments.parse(["search", "cat", *wrong])


@pytest.mark.parametrize(
    "words",
    [
        ["--remove-automatic", "a.jpg"], ["--auto", "a.jpg"], ["--review", "r.jsonl", "a.jpg"], ["--auto", "--dry-run"],
        ["--remove-automatic", "--embed"], ["--review", "r", "--adobe"], ["--auto", "--retry"],
    ],
)  # fmt: skip
def test_options_that_would_be_ignored_are_refused(words: list[str]) -> None:
    with pytest.raises(UserFacingError):
        tags.check(arguments.parse(["tags", *words]))
    tags.check(arguments.parse(["tags", "--write", "--embed", "--dry-run", "a.jpg"]))


class Known:
    """A library that knows every photo and counts what is done."""

    def __init__(self) -> None:
        self.catalog = self.tags = self
        self.done = 0

    def photo_by_path(self, path: Path) -> object:
        os.fsencode(path)
        return SimpleNamespace(id=1)

    def act(self, *_: object) -> object:
        self.done += 1
        return SimpleNamespace(tags=())


@pytest.mark.parametrize("bad", ["[" * 100_000, '{"path": "\\ud800", "tag": "x", "decision": "add"}', "{}"])
def test_a_bad_line_of_a_review_or_of_questions_is_one_sentence(tmp_path: Path, bad: str) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text('{"path": "a.jpg", "tag": "x", "decision": "add", "query": "x"}\n' + bad + "\n")
    library = Known()
    with pytest.raises(UserFacingError, match="line 2"):
        tags.act(library, arguments.parse(["tags", "--review", str(file)]))  # type: ignore[arg-type]
    assert library.done == 0, "nothing above the bad line is done"
    if "tag" not in bad:
        with pytest.raises(UserFacingError, match="line 2"):
            list(search._read_queries(file))


def test_options_of_search() -> None:
    options = arguments.parse(["search", "-n", "7", "--json", "dog"])
    assert options.n == 7
    assert options.json


@pytest.mark.parametrize(
    "words",
    [["index"], ["search", "-n", "0", "x"], ["search", "-n", "many", "x"], ["similar"], ["--nonsense"], ["words"]],
)
def test_nonsense_is_one_sentence(words: list[str]) -> None:
    with pytest.raises(UserFacingError) as caught:
        arguments.parse(words)
    assert "\n" not in str(caught.value)


def test_similar_takes_conditions_of_several_kinds() -> None:
    options = arguments.parse(
        ["similar", "a.jpg", "--focus", "dog", "--focus", "snow", "--away", "people", "--region", "0,.5,1,0.5"]
    )
    assert (options.focus, options.away, options.plus) == (["dog", "snow"], ["people"], [])
    assert options.region == (0, 0.5, 1, 0.5)


@pytest.mark.parametrize("region", ["1,2,3", "a,b,c,d", ""])
def test_a_region_is_four_numbers(region: str) -> None:
    with pytest.raises(UserFacingError):
        arguments.parse(["similar", "a.jpg", "--region", region])


def test_why_and_feedback_take_minus_words() -> None:
    options = arguments.parse(["why", "a.jpg", "dog", "-snow", "--out", "b.png"])
    assert (options.words, options.out) == (["dog", "-snow"], Path("b.png"))
    options = arguments.parse(["feedback", "dog", "-snow", "--up", "a.jpg", "--up", "b.jpg", "--down", "c.jpg"])
    assert (options.words, len(options.up), len(options.down)) == (["dog", "-snow"], 2, 1)


def test_a_saved_search_whose_name_begins_with_a_minus_is_found_again() -> None:
    assert arguments.parse(["searches", "save", "-beach", "dog"]).arguments == ["-beach", "dog"]
    for command in (["search"], ["feedback"], ["why", "a.jpg"]):
        assert arguments.parse([*command, "--saved", "-beach"]).saved == "-beach"
