# SPDX-License-Identifier: GPL-3.0-or-later
"""Steering and explaining on the command line: conditions on similar photos, reasons, votes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.conftest import COLOURS, Program

pytestmark = pytest.mark.slow


def names(answer: dict[str, object]) -> list[str]:
    results = answer["results"]
    assert isinstance(results, list)
    return [Path(result["path"]).name for result in results]


@pytest.fixture
def both(program: Program, photos: Path, tmp_path: Path) -> Path:
    """Index the photos, and return a picture of red beside blue that is not among them."""
    picture = Image.new("RGB", (120, 60), COLOURS["red"])
    picture.paste(COLOURS["blue"], (60, 0, 120, 60))
    picture.save(tmp_path / "both.png")
    program.json("index", photos)
    return tmp_path / "both.png"


@pytest.mark.parametrize(
    ("words", "colour"),
    [
        (("--focus", "blue"), "blue"), (("--away", "blue"), "red"), (("--region", "0,0,.4,1"), "red"),
        (("--minus", "red"), "blue"), (("--minus", "PHOTO"), "red"),
    ],
)  # fmt: skip
def test_conditions_on_similar_photos(
    program: Program, photos: Path, both: Path, words: tuple[str, str], colour: str
) -> None:
    given = [str(photos / "blue-02.jpg") if word == "PHOTO" else word for word in words]
    found = names(program.json("similar", both, *given, "-n", "4"))
    assert {name.split("-")[0] for name in found} == {colour}


def test_reasons(program: Program, photos: Path, both: Path, tmp_path: Path) -> None:
    before = both.read_bytes()
    answer = program.json(
        "why", both, "red", "-blue", "both", "--like", photos / "blue-02.jpg", "--out", tmp_path / "why.png"
    )
    assert {word["word"]: word["share"] > 0 for word in answer["words"]} == {"red": True, "blue": False}
    assert answer["exact"] == ["both"]
    assert "blue" in [concept["tag"] for concept in answer["shared"]]
    assert len(answer["heat"][0]) == 2 * len(answer["heat"])
    with Image.open(tmp_path / "why.png") as picture:
        assert picture.size == (120, 60)
    assert program.json("why", both, "red")["hottest"][0] < 0.5
    photo, review = photos / "red-00.jpg", tmp_path / "review.jsonl"
    review.write_text(json.dumps({"path": str(photo), "tag": "Family|Anna", "decision": "add"}))
    program.json("tags", "--review", review)
    assert program.json("why", photo, "red", "anna")["exact"] == ["red", "anna"]
    picture_of_mine = tmp_path / "mine.png"
    picture_of_mine.write_bytes(b"mine")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "gone.png")
    for there in (tmp_path / "why.png", picture_of_mine, tmp_path / "nowhere.png"):
        assert "not overwritten" in program.run("why", both, "red", "--out", there, code=2).stderr
    assert picture_of_mine.read_bytes() == b"mine"
    assert both.read_bytes() == before


@pytest.mark.usefixtures("both")
def test_votes(program: Program, photos: Path) -> None:
    told = program.json("feedback", "red", "--up", photos / "yellow-03.jpg", "--down", photos / "red-00.jpg")
    assert sorted(one["vote"] for one in told["votes"]) == [-1, 1]
    assert names(program.json("search", "red"))[0] == "yellow-03.jpg"
    assert len(program.json("feedback", "--list")["votes"]) == 2
    answer = program.json("feedback", "red", "--clear")
    assert (answer["cleared"], answer["votes"]) == (2, [])
