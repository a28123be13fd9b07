# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language and saved searches on the command line: what scripts get, what people read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import Program
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
    stacked = program.json("search", "red", "-n", "3", "--stacks")
    behind = [name for stack in stacked["stacks"] for name in [stack["path"], *stack["copies"]]]
    assert {Path(name).name for name in behind} >= {original.name, "copy of it.jpg"}


def test_saved_searches(program: Program, photos: Path) -> None:
    program.json("index", photos)
    assert program.json("searches")["searches"] == []
    rows = program.json("searches", "save", "All red", "red", "file:red", "-type:png")["searches"]
    assert [(row["name"], row["query"]) for row in rows] == [("All red", "red file:red -type:png")]
    program.json("searches", "save", "Second", "file:-02")
    rows = program.json("searches")["searches"]
    assert rows[1]["photos"] == len(program.json("search", "--saved", "second")["results"])
    answer = program.run("searches", "save", "ALL RED", "blue", code=2)
    assert "already" in answer.stderr
    program.json("searches", "rename", "second", "First")
    assert [row["name"] for row in program.json("searches", "remove", "all red")["searches"]] == ["First"]
    assert "There is no saved search" in program.run("search", "--saved", "x", code=2).stderr
