# SPDX-License-Identifier: GPL-3.0-or-later
"""Steering and explaining on the command line: conditions on similar photos, reasons, votes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.conftest import COLOURS, Program

pytestmark = pytest.mark.slow


def names(answer: dict[str, object]) -> list[str]:
    results = answer["results"]
    assert isinstance(results, list)
    return [Path(result["path"]).name for result in results]


def test_conditions_reasons_and_votes(program: Program, photos: Path, tmp_path: Path) -> None:
    both = Image.new("RGB", (120, 60), COLOURS["red"])
    both.paste(COLOURS["blue"], (60, 0, 120, 60))
    both.save(tmp_path / "both.png")
    given = (tmp_path / "both.png").read_bytes()
    program.json("index", photos)

    for words, colour in (
        (("--focus", "blue"), "blue"), (("--away", "blue"), "red"), (("--region", "0,0,.4,1"), "red"),
        (("--minus", "red"), "blue"), (("--minus", str(photos / "blue-02.jpg")), "red"),
    ):  # fmt: skip
        found = names(program.json("similar", tmp_path / "both.png", *words, "-n", "4"))
        assert {name.split("-")[0] for name in found} == {colour}, words

    answer = program.json("why", tmp_path / "both.png", "red", "-blue", "--out", tmp_path / "why.png")
    assert {word["word"]: word["share"] > 0 for word in answer["words"]} == {"red": True, "blue": False}
    assert answer["hottest"][0] < 0.5
    with Image.open(tmp_path / "why.png") as picture:
        assert picture.size == (120, 60)
    assert program.json("why", tmp_path / "both.png", "both")["exact"] == ["both"]
    likeness = program.json("why", tmp_path / "both.png", "--like", photos / "blue-02.jpg")
    assert "blue" in [concept["tag"] for concept in likeness["shared"]]

    told = program.json("feedback", "red", "--up", photos / "yellow-03.jpg", "--down", photos / "red-00.jpg")
    assert sorted(one["vote"] for one in told["votes"]) == [-1, 1]
    assert names(program.json("search", "red"))[0] == "yellow-03.jpg"
    assert len(program.json("feedback", "--list")["votes"]) == 2
    assert program.json("feedback", "red", "--clear")["cleared"] == 2
    assert program.json("feedback", "red", "--list")["votes"] == []
    assert (tmp_path / "both.png").read_bytes() == given
