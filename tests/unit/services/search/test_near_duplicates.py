# SPDX-License-Identifier: GPL-3.0-or-later
"""Near-identical hits take one place; nothing is lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.query import Query
from semantic_photos.domain.vectors import normalise
from semantic_photos.services.search.near_duplicates import SAME, group_near_duplicates
from tests.fakes.encoders import DIM, word_vector
from tests.unit.services.search.test_filtered_search import Tagged


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Tagged]:
    made = Tagged(tmp_path)
    yield made
    made.close()


def test_copies_go_behind_the_best_of_them(world: Tagged) -> None:
    # red-1 and red-3 become copies of red-0, the others stay apart.
    base = world.index.vectors_of([int(world.ids["red-0"])])[0]
    for stem in ("red-1", "red-3"):
        world.index.add([int(world.ids[stem])], base[None])
    apart = normalise(np.eye(DIM, dtype=np.float32)[:2] + 0.8 * word_vector("red"))
    world.index.add([int(world.ids["red-2"]), int(world.ids["red-4"])], apart)
    flat = world.search.run(Query.parse("red file:red"), limit=30)
    page = world.search.run(Query.parse("red file:red"), limit=30, stacks=True)
    copies = {int(world.ids[f"red-{n}"]) for n in (0, 1, 3)}
    ((first, behind),) = page.stacks.items()
    assert {first, *behind} == copies
    assert first == next(i for i in flat.ids.tolist() if i in copies)
    assert sorted([*page.ids.tolist(), *behind]) == sorted(flat.ids.tolist())
    assert page.strong <= flat.strong
    assert page.scores is not None
    assert len(page.scores) == len(page)
    assert len(world.search.run(Query.parse("red file:red"), limit=3, stacks=True)) == 3


@pytest.mark.parametrize("caution", [0.0, 0.5, 1.0])
def test_a_page_tells_the_number_that_is_counted(world: Tagged, caution: float) -> None:
    base = world.index.vectors_of([int(world.ids["red-0"])])[0]
    for stem in ("red-1", "red-3"):
        world.index.add([int(world.ids[stem])], base[None])
    query = Query.parse("red")
    page = world.search.run(query, stacks=True, caution=caution)
    assert page.copies >= 2
    assert page.good == page.strong + page.copies == world.search.count(query, caution)
    listed = world.search.run(Query.parse("file:red"), stacks=True)
    assert listed.good == len(listed) + listed.copies == world.search.count(Query.parse("file:red"))


def test_a_page_that_is_cut_off_tells_so(world: Tagged) -> None:
    page = world.search.run(Query.parse("red"), limit=1, stacks=True, caution=0.0)
    assert page.strong == 1
    assert page.good > page.strong + page.copies


def test_lists_are_stacked_and_photos_without_vector_stay(world: Tagged) -> None:
    world.index.remove([int(world.ids["red-0"])])
    page = world.search.run(Query.parse("file:red"), stacks=True)
    assert int(world.ids["red-0"]) in page.ids.tolist()
    assert page.scores is None
    assert page.strong == len(page)


def test_a_chain_is_no_stack() -> None:
    # Each looks like the next one, the ends do not look like each other.
    angles = np.arange(5) * np.arccos(SAME) * 0.9
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    ids = np.arange(5)
    shown, behind = group_near_duplicates(ids, lambda some: vectors[some], lambda some: np.ones(len(some), np.bool_))
    assert shown.tolist() == [True, False, True, False, True]
    assert behind == {0: (1,), 2: (3,)}
