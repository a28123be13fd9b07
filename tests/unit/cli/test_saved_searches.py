# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches with a name on the command line: photos, parts and focus in them, what is told of them, what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from semantic_photos.cli import arguments, commands, explain_and_feedback, saved_searches
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.query import Query
from semantic_photos.services.library.library import Library
from tests.e2e.conftest import COLOURS, make_photo
from tests.fakes.packs import build_tiny_pack

# Real commands on a library of their own.
pytestmark = pytest.mark.slow


def check(*words: str) -> None:
    saved_searches.check(arguments.parse(["searches", *words]))


class Shell:
    """Commands in this process, on a library of its own: red, green, blue and yellow photos, three of each."""

    def __init__(self, place: Path) -> None:
        self.place, self.photos = place, place / "photos"

    def parsed(self, *words: str | Path) -> Any:
        return arguments.parse(["--home", str(self.place / "home"), "--pack", str(self.place / "pack"),
                                *map(str, words)])  # fmt: skip

    def run(self, *words: str | Path) -> int:
        return commands.run(self.parsed(*words))

    def photo(self, name: str) -> Path:
        return self.photos / f"{name}.jpg"

    def library(self, *, read_only: bool) -> Library:
        return commands.open_library(self.parsed("searches"), read_only=read_only)

    def query_from(self, *words: str | Path) -> Query:
        """Return what ``searches save`` would save under a name."""
        with self.library(read_only=True) as library:
            return saved_searches.query_from(library, self.parsed("searches", "save", "name", *words))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("saved")
    build_tiny_pack(place / "pack")
    for number in range(12):
        colour = list(COLOURS)[number % 4]
        make_photo(place / "photos" / f"{colour}-{number // 4}.jpg", colour, number=number)
    both = Image.new("RGB", (120, 60), COLOURS["red"])
    both.paste(COLOURS["blue"], (60, 0, 120, 60))
    both.save(place / "photos" / "both.jpg", quality=95)
    shutil.copy(place / "photos" / "both.jpg", place / "elsewhere.jpg")
    Shell(place).run("index", place / "photos")
    return place


@pytest.fixture
def shell(made: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(made)
    with shell.library(read_only=False) as library:
        for one in library.catalog.searches.list():
            library.catalog.searches.remove(one.id)
        assert library.search.feedback is not None
        library.search.feedback.clear()
    capsys.readouterr()
    return shell


@pytest.fixture
def told(shell: Shell, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command and return its JSON."""

    def run(*words: str | Path) -> Any:
        capsys.readouterr()
        assert shell.run(*words, "--json") == 0
        return json.loads(capsys.readouterr().out)

    return run


# What can be said


def test_options_may_stand_among_the_words() -> None:
    options = arguments.parse(["searches", "save", "mine", "cat", "--photo", "a.jpg", "--region", "0,0,.5,1",
                               "-sofa", "--photo", "b.jpg", "--focus", "dog", "--minus", "c.jpg", "snow"])  # fmt: skip
    assert options.arguments == ["mine", "cat", "-sofa", "snow"]
    assert options.photos == [Path("a.jpg"), (0, 0, 0.5, 1), Path("b.jpg")]
    assert (options.focus, options.away, options.minus) == (["dog"], [], ["c.jpg"])
    assert arguments.parse(["searches"]).photos == []


def test_what_makes_no_sense_together_is_refused() -> None:
    for good in (["save", "x", "cat"], ["save", "x", "--photo", "a.jpg"], ["save", "x", "--minus", "a.jpg"], []):
        check(*good)
    for bad in (["save", "x"], ["save", "x", "--focus", "dog"], ["save", "--photo", "a.jpg"], ["list", "x"]):
        with pytest.raises(UserFacingError, match="Wrong arguments"):
            check(*bad)
    for bad in (["remove", "x", "--photo", "a.jpg"], ["--photo", "a.jpg"], ["rename", "x", "y", "--focus", "dog"]):
        with pytest.raises(UserFacingError, match="only be used with “save”"):
            check(*bad)


# What is saved


def test_a_region_is_of_the_photo_before_it(shell: Shell) -> None:
    one, other = shell.photo("both"), shell.photo("red-0")

    def regions(*words: str | Path) -> list[object]:
        return [example.region for example in shell.query_from(*words).examples]

    part = (0.0, 0.0, 0.5, 1.0)
    assert regions("--photo", one, "--region", "0,0,.5,1", "--photo", other) == [part, None]
    assert regions("--photo", one, "--photo", other, "--region", "0,0,.5,1") == [None, part]
    assert regions("--region", "0,0,.5,1", "--photo", one, "--photo", other) == [part, None]


def test_it_asks_what_similar_asks(shell: Shell) -> None:
    conditions = ["--plus", "sky", "--minus", shell.photo("red-0"), "--region", "0,0,.5,1", "--away", "red",
                  "--minus", "blue", "--focus", "blue"]  # fmt: skip
    with shell.library(read_only=True) as library:
        similar = explain_and_feedback.similar_query(library, shell.parsed("similar", shell.photo("both"), *conditions))
    assert shell.query_from("--photo", shell.photo("both"), *conditions) == similar


def test_added_words_hold_for_every_alternative(shell: Shell) -> None:
    wanted = Query.parse("(red OR green) sky -blue")
    assert shell.query_from("red", "OR", "green", "--plus", "sky", "--minus", "blue") == wanted


def test_everything_is_told_and_asked_again(
    shell: Shell, told: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = shell.place / "elsewhere.jpg"
    words = ["-yellow", "--photo", elsewhere, "--region", "0.5,0,0.5,1", "--minus", shell.photo("red-0"),
             "--away", "red"]  # fmt: skip
    assert shell.run("searches", "save", "Blue", *words) == 0
    said = capsys.readouterr()
    assert said.err == f"Do not move {elsewhere}: the file is not in the library.\n"
    assert said.out.startswith("Blue: -yellow, like part of elsewhere.jpg, unlike red-0.jpg, less of red  (")
    (row,) = told("searches")["searches"]
    assert row == {
        "name": "Blue",
        "query": "-yellow",
        "photos": row["photos"],
        "examples": [
            {"path": str(elsewhere), "in_library": False, "weight": 1.0, "region": [0.5, 0.0, 0.5, 1.0]},
            {"path": str(shell.photo("red-0")), "in_library": True, "weight": -1.0, "region": None},
        ],
        "focus": [{"word": "red", "weight": -1.0}],
    }
    found = [Path(one["path"]).stem for one in told("search", "--saved", "blue")["results"]]
    assert row["photos"] > 0
    assert {name.split("-")[0] for name in found[:3]} == {"blue"}


def test_a_photo_of_the_library_is_remembered_wherever_it_goes(shell: Shell, told: Callable[..., Any]) -> None:
    wanderer = make_photo(shell.photos / "wanderer.jpg", "green", number=77)
    shell.run("index", shell.photos)
    shell.run("searches", "save", "green", "--photo", wanderer)
    before = told("search", "--saved", "green")["results"][0]
    wanderer.rename(shell.photos / "moved.jpg")
    shell.run("index", shell.photos)
    (row,) = told("searches")["searches"]
    assert [one["path"] for one in row["examples"]] == [str(shell.photos / "moved.jpg")]
    after = told("search", "--saved", "green")["results"][0]
    assert (before["path"], after["path"]) == (str(wanderer), str(shell.photos / "moved.jpg"))
    (shell.photos / "moved.jpg").unlink()


def test_votes_and_reasons_for_a_saved_search(shell: Shell, told: Callable[..., Any]) -> None:
    shell.run("searches", "save", "red", "red", "--photo", shell.photo("red-0"))
    vote = told("feedback", "--saved", "red", "--up", shell.photo("yellow-1"))
    assert [one["vote"] for one in vote["votes"]] == [1]
    assert Path(told("search", "--saved", "red")["results"][0]["path"]) == shell.photo("yellow-1")
    assert told("feedback", "--saved", "red", "--clear")["cleared"] == 1
    why = told("why", shell.photo("both"), "--saved", "red")
    assert (why["query"], [word["word"] for word in why["words"]]) == ("red, like red-0.jpg", ["red"])
    with pytest.raises(UserFacingError, match="not both"):
        shell.run("feedback", "blue", "--saved", "red", "--up", shell.photo("red-0"))


@pytest.mark.parametrize("nothing", [["--saved", ""], ["--saved", " "], [""], [" "]])
def test_an_empty_name_or_question_does_not_take_back_all_votes(shell: Shell, nothing: list[str]) -> None:
    shell.run("feedback", "red", "--up", shell.photo("red-1"))
    with pytest.raises(UserFacingError):
        shell.run("feedback", *nothing, "--clear")
    with shell.library(read_only=True) as library:
        assert library.search.feedback is not None
        assert len(library.search.feedback.all_votes()) == 1


def test_votes_are_told_in_words(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run("searches", "save", "red", "red", "--photo", shell.photo("red-0"))
    shell.run("feedback", "--saved", "red", "--up", shell.photo("red-1"))
    capsys.readouterr()
    shell.run("feedback", "--list")
    assert capsys.readouterr().out == f"+  {shell.photo('red-1')}  (red, like a photo)\n"


# What is refused


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--photo", "gone.jpg"], "There is no photo .*gone.jpg"),
        (["red", "--plus", "gone.jpg"], "There is no photo gone.jpg"),
        (["--photo", "notes.jpg"], "notes.jpg: Not a picture"),
        (["--photo", "photos/red-0.jpg", "--region", "2,0,1,1"], "outside"),
        (["--photo", "photos/red-0.jpg", "--region", "0,0,1"], "four numbers"),
        (["--photo", "photos/red-0.jpg", "--region", "nan,0,1,1"], "finite"),
        (["--photo", "photos/red-0.jpg", "--region", "0,0,1,1", "--region", "0,0,1,1"], "only one --region"),
        (["red", "--region", "0,0,1,1"], "--region needs a photo"),
        (["red", "--focus", "red"], "name it with --photo"),
        (["--minus", "photos/red-0.jpg", "--away", "red"], "name it with --photo"),
        (["--photo", "photos/red-0.jpg", "--focus", "qqqq"], "“qqqq” is an unknown word"),
        (["--photo", "photos/red-0.jpg"] * 51, "at most 50 photos"),
        (["red", "--minus", "rating:lots"], "Enter a rating"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_saved(
    shell: Shell, told: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    monkeypatch.chdir(shell.place)
    (shell.place / "notes.jpg").write_text("notes")
    with pytest.raises(UserFacingError, match=sentence) as caught:
        shell.run("searches", "save", "bad", *words)
    assert "\n" not in caught.value.sentence()
    assert told("searches")["searches"] == []


def test_a_photo_that_has_left_the_library(
    shell: Shell, told: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guest = make_photo(tmp_path / "guest.jpg", "red", number=99)
    shell.run("index", tmp_path)
    shell.run("searches", "save", "alone", "--photo", guest)
    shell.run("searches", "save", "with words", "red", "--photo", guest)
    with shell.library(read_only=False) as library:
        library.remove_folder(next(folder.id for folder in library.folders() if folder.path == tmp_path))
    alone, with_words = told("searches")["searches"]
    assert alone["photos"] is None
    assert alone["examples"] == [{"path": None, "in_library": False, "weight": 1.0, "region": None}]
    assert with_words["photos"] > 0
    assert told("search", "--saved", "with words")["left_out"] == ["The example photo is no longer in the library."]
    with pytest.raises(UserFacingError, match="no longer in the library"):
        shell.run("search", "--saved", "alone")
    shell.run("searches")
    assert "alone: like a missing photo  (no longer available)\n" in capsys.readouterr().out
