# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language and saved searches on the command line: what scripts get, what people read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.conftest import COLOURS, Program
from tests.e2e.test_commands import names

pytestmark = pytest.mark.slow


def test_filters_problems_and_what_emptied_a_page(program: Program, photos: Path) -> None:
    program.json("index", photos)
    answer = program.json("search", "red", "file:-0", "rating:lots", "-n", "2")
    assert all(name.startswith("red-0") for name in names(answer))
    assert len(answer["results"]) == 2
    (problem,) = answer["problems"]
    assert answer["query"][problem["start"] : problem["end"]] == "rating:lots"
    assert answer["emptied_by"] is None
    assert problem["meant"] == []

    (problem,) = program.json("search", "red", "is:faverite")["problems"]
    assert problem["meant"] == ["is:favourite"]
    assert "Did you mean “is:favourite”?" in program.run("search", "red", "is:faverite").stderr
    alone = program.run("search", "type:jpgg", code=2)
    assert "Did you mean “type:jpg”?" in alone.stderr

    empty = program.json("search", "red", "-type:jpg")
    assert empty["results"] == []
    assert empty["emptied_by"] == {"filter": "-type:jpg", "photos_without": 24}

    listed = program.json("search", "file:red", "-n", "4", "--order", "name")
    assert names(listed) == sorted(names(listed))
    assert {result["score"] for result in listed["results"]} == {None}
    assert len(listed["results"]) == 4
    assert listed["results"][0]["path"] in program.run("search", f'"{names(listed)[0]}"').stdout


def test_copies_are_stacked_where_people_look(program: Program, photos: Path) -> None:
    original = next(photos.rglob("red-*.jpg"))
    shutil.copy(original, photos / "copy of it.jpg")
    program.json("index", photos)
    alone = program.json("search", "red", "-n", "3")
    assert alone["stacks"] == []
    group_near_duplicates = program.json("search", "red", "-n", "3", "--stacks")
    behind = [name for stack in group_near_duplicates["stacks"] for name in [stack["path"], *stack["copies"]]]
    assert {Path(name).name for name in behind} >= {original.name, "copy of it.jpg"}


@pytest.mark.timeout(300)
def test_saved_searches(program: Program, photos: Path) -> None:
    program.json("index", photos)
    rows = program.json("searches", "save", "All red", "file:red", "-type:png")["searches"]
    assert rows == [
        {"name": "All red", "query": "file:red -type:png", "photos": 6, "examples": [], "focus": []}
    ]  # fmt: skip
    assert "already" in program.run("searches", "save", "ALL RED", "blue", code=2).stderr
    assert len(program.json("search", "--saved", "all red")["results"]) == 6
    assert [row["name"] for row in program.json("searches", "rename", "all red", "Red")["searches"]] == ["Red"]
    assert program.json("searches", "remove", "red")["searches"] == []
    assert "There is no saved search" in program.run("search", "--saved", "red", code=2).stderr


@pytest.mark.timeout(300)
def test_saved_searches_hold_photos(program: Program, photos: Path, tmp_path: Path) -> None:
    program.json("index", photos)
    both = Image.new("RGB", (120, 60), COLOURS["red"])
    both.paste(COLOURS["blue"], (60, 0, 120, 60))
    both.save(tmp_path / "both.png")
    words = ["--photo", tmp_path / "both.png", "--region", ".5,0,.5,1", "--minus", photos / "red-00.jpg"]
    done = program.run("searches", "save", "Blue side", *words)
    assert "Do not move" in done.stderr
    assert "like part of both.png, unlike red-00.jpg" in done.stdout
    answer = program.json("search", "--saved", "blue side", "-n", "4")
    assert {name.split("-")[0] for name in names(answer)} == {"blue"}
    gone = program.run("searches", "save", "gone", "--photo", tmp_path / "gone.png", code=2)
    assert gone.stderr == f"semantic-photos: There is no photo {tmp_path / 'gone.png'}.\n"
