# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the window without Qt: the grid's arithmetic, the history, words and numbers."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_photos.domain.photo import ContentKey, FileStamp, FolderId, Photo, PhotoFacts, PhotoId, PhotoState
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.gui.grid.grid_geometry import GridGeometry, Section
from semantic_photos.gui.search.search_history import QueryHistory
from semantic_photos.gui.widgets import formatting


@st.composite
def grids(draw: st.DrawFn) -> GridGeometry:
    n = draw(st.integers(1, 400))
    strong = draw(st.integers(0, n))
    sections = [Section(0, strong), Section(strong, n, "Weaker")]
    return GridGeometry(draw(st.integers(60, 2500)), draw(st.integers(40, 400)), 8, 16, sections)


@given(grids(), st.data())
def test_each_cell_is_found_where_it_lies(grid: GridGeometry, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, grid.count - 1))
    box = grid.box(row)
    assert grid.row_at(box.x + box.width // 2, box.y + box.height // 2) == row
    assert row in grid.rows_between(box.y, box.y + box.height)
    assert box.y + box.height + grid.margin <= grid.height


@given(grids())
def test_cells_do_not_overlap_and_fill_the_width(grid: GridGeometry) -> None:
    boxes = [grid.box(row) for row in range(min(grid.count, 2 * grid.columns))]
    for one, other in itertools.pairwise(boxes):
        assert other.y > one.y or other.x >= one.x + one.width
    if grid.count >= grid.columns and grid.sections[0].end >= grid.columns and grid.columns > 1:
        right = boxes[grid.columns - 1]
        assert abs(right.x + right.width + grid.margin - (boxes[0].x - grid.margin) - _width(grid)) <= 2


def _width(grid: GridGeometry) -> int:
    return round(2 * grid.margin + grid.columns * grid._exact + (grid.columns - 1) * grid.gap)


@given(grids(), st.data())
def test_up_undoes_down_within_full_lines(grid: GridGeometry, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, grid.count - 1))
    below = grid.step_line(row, 1)
    assert 0 <= below < grid.count
    if grid.box(below).x == grid.box(row).x and grid.box(below).y > grid.box(row).y:
        assert grid.step_line(below, -1) == row


@pytest.mark.parametrize(
    ("strong", "copies", "good", "ranked", "told"),
    [
        (1, 0, 1, True, "1 good match"),
        (3, 1, 4, True, "4 good matches, 1 of them a copy"),
        (3, 0, 3, False, "3 photos"),
        (500, 20, 1020, True, "The first 500 of at least 1,020 good matches"),
    ],
)
def test_photos_are_counted_in_words(strong: int, copies: int, good: int, ranked: bool, told: str) -> None:
    scores = np.ones(strong, np.float32) if ranked else None
    page = ResultPage(Query(), 0, np.arange(strong), scores, strong=strong, good=good, copies=copies)
    assert formatting.good(page) == told


def test_an_empty_grid_has_no_rows() -> None:
    grid = GridGeometry(800, 180, 8, 16, [Section(0, 0)])
    assert (grid.count, grid.height, len(grid.rows_between(0, 500)), grid.row_at(50, 50)) == (0, 0, 0, -1)
    assert grid.row_at(50, 50, nearest=True) == -1


def q(text: str) -> Query:
    return Query.parse(text)


def test_keys_of_one_word_take_one_place() -> None:
    history = QueryHistory()
    for text in ("d", "do", "dog"):
        history.push(q(text), typed=True)
    assert history.back() == q("")
    assert history.forward() == q("dog")
    assert not history.can_go_forward


def test_a_settled_question_keeps_its_place() -> None:
    history = QueryHistory()
    history.push(q("dog"), typed=True)
    history.settle()
    history.push(q("dogs"), typed=True)
    assert history.back() == q("dog")


def test_typed_and_deleted_again_leaves_no_trace_and_the_start_stays() -> None:
    history = QueryHistory()
    history.push(q("dog"), typed=True)
    history.push(q(""), typed=True)
    assert not history.can_go_back
    history.push(q("cat"), typed=True)
    assert history.can_go_back
    assert history.back() == q("")


def test_a_new_question_drops_what_lay_ahead() -> None:
    history = QueryHistory()
    history.push(q("a1"), typed=False)
    history.push(q("b2"), typed=False)
    history.back()
    history.push(q("c3"), typed=False)
    assert not history.can_go_forward
    assert history.back() == q("a1")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (12.4, "12 s"), (90, "2 min"), (3700, "1 h 2 min"), (7200, "2 h 0 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert formatting.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(512, "512 B"), (39_000, "39 kB"), (3_456_789, "3.5 MB"), (5 * 10**12, "5000.0 GB")]
)
def test_sizes(count: int, words: str) -> None:
    assert formatting.size(count) == words


def test_dates_are_read_and_nonsense_is_shown_as_it_is() -> None:
    assert formatting.moment("2024-05-12T14:22:05") == "12 May 2024, 14:22"
    assert formatting.moment("0000:00:00") == "0000:00:00"


def test_names_that_are_no_text_can_be_shown() -> None:
    assert formatting.shown("a\udcffb\x1b[1m") == "a�b�[1m"


def test_a_tooltip_holds_no_markup_of_a_name() -> None:
    photo = Photo(PhotoId(1), FolderId(1), Path("/p/<b>x</b>.jpg"), FileStamp(5, 5), ContentKey("k"),
                  PhotoState.INDEXED, PhotoFacts())  # fmt: skip
    assert "<b>" not in formatting.tooltip(photo, "")
    assert dict(formatting.facts(photo))["Size"] == "5 B"


def test_words_from_right_to_left_do_not_turn_the_sentence() -> None:
    assert formatting.quoted("dog") == "“dog”"
    assert formatting.quoted("שלום") == "“\u2068שלום\u2069”"
    assert formatting.quoted("a\u202eb") == "“a�b”"


@pytest.mark.parametrize("text", ["short.jpg", "x" * 39 + ".jpg", "holiday in the far north of norway IMG_4821.jpg"])
def test_the_ends_of_a_long_name_are_kept(text: str) -> None:
    cut = formatting.middle(text, 40)
    assert len(cut) == min(len(text), 40)
    assert text.startswith(cut[:15])
    assert text.endswith(cut[-15:] if len(text) > 40 else text)
