# SPDX-License-Identifier: GPL-3.0-or-later
"""Steering a question: where it ends, what emptied it, stacks, parts, reasons, focus, votes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication

from semantic_photos.domain.example_focus import Focus
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.gui.grid.cell_overlays import DOWN, STACK, UP, places
from semantic_photos.gui.grid.photo_menu import build_menu
from semantic_photos.gui.grid.result_model import Role
from semantic_photos.gui.grid.result_rows import NEAREST, WEAKER
from tests.fakes.library import COLOURS, FakeLibrary
from tests.gui.conftest import Desk

NAMES = list(COLOURS)


def press_mark(desk: Desk, row: int, mark: str) -> None:
    view = desk.page.view
    copies = view.model().index(row).data(Role.COPIES)
    cell = view.visualRect(view.model().index(row))
    place = places(cell, copies, voting=True, metrics=view.viewport().fontMetrics())[mark].center()
    desk.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place))


# The end


def test_weaker_matches_come_when_wanted_and_never_all(desk: Desk) -> None:
    desk.search("blue")
    page = desk.page.pane.page
    assert page is not None
    assert desk.page.model.rowCount() == page.strong < len(page)
    desk.page.cutoff_bar._more.click()
    assert desk.page.model.rowCount() == page.strong + WEAKER
    assert f"{WEAKER} weaker" in desk.page.cutoff_bar.text()
    desk.page.cutoff_bar._fewer.click()
    assert desk.page.model.rowCount() == page.strong


def test_without_a_good_match_the_closest_are_shown_at_once(desk: Desk) -> None:
    desk.page.cutoff_bar._slider.setValue(0)
    desk.search("red green blue white black")
    page = desk.page.pane.page
    assert page is not None
    desk.until(lambda: desk.page.pane.page is not None and desk.page.pane.page.strong == 0)
    assert desk.page.model.rowCount() == NEAREST
    assert desk.page.cutoff_bar.text() == f"Nothing clearly shows “red green blue white black”. The nearest {NEAREST}:"
    assert desk.page.view.geometry_now.sections[0].title == "The nearest photos"


def test_generous_lets_more_count_as_good(desk: Desk) -> None:
    desk.search("blue")
    before = desk.page.model.rowCount()
    desk.page.cutoff_bar._slider.setValue(20)
    desk.until(lambda: desk.page.model.rowCount() > before)
    desk.page.cutoff_bar._slider.setValue(0)
    desk.until(lambda: desk.page.model.rowCount() < before)


def test_good_matches_can_be_ordered_by_name(desk: Desk) -> None:
    desk.search("blue")
    good = set(desk.page.model.ids.tolist())
    desk.page.cutoff_bar._orders["name"].trigger()
    desk.until(lambda: (np.diff(desk.page.model.ids) > 0).all())
    assert set(desk.page.model.ids.tolist()) == good


def test_the_term_that_emptied_the_page_is_named_and_can_be_dropped(desk: Desk) -> None:
    desk.search("blue rating:5")
    desk.until(lambda: not desk.page.pane.shows_photos)
    state = desk.page.pane.state_page.state()
    assert "rating:5" in state.title
    assert "20 photos are left to search" in state.text
    state.ways[0].go()
    desk.settle()
    assert desk.page.bar.text() == "blue"
    assert desk.page.pane.shows_photos


def test_what_filters_find_has_no_best_and_no_border(desk: Desk) -> None:
    desk.search("blue")
    assert desk.page.cutoff_bar._orders["relevance"].isVisible()
    page = dataclasses.replace(desk.page.pane.page, scores=None)  # type: ignore[type-var]
    desk.page.cutoff_bar.show_page(page, desk.page.model.arrangement)
    assert not desk.page.cutoff_bar._orders["relevance"].isVisible()
    assert not desk.page.cutoff_bar._slider.isVisible()
    assert desk.page.cutoff_bar._sort.text() == "Newest first"


# Stacks


def test_a_stack_opens_and_closes_in_place(open_desk: Callable[..., Desk]) -> None:
    library = FakeLibrary(240)
    blue = NAMES.index("blue")
    library.copies = {blue: (blue + 12, blue + 24, blue + 36)}
    desk = open_desk(library)
    desk.search("blue")
    model = desk.page.model
    row, rows = model.row_of(blue), model.rowCount()
    assert model.index(row).data(Role.COPIES) == 3
    told = f"{model.strong + 3} good matches, 3 of them near-duplicates"
    assert desk.page.cutoff_bar.text() == told
    assert model.row_of(blue + 12) == -1
    press_mark(desk, row, STACK)
    assert model.ids[row : row + 4].tolist() == [blue, blue + 12, blue + 24, blue + 36]
    assert desk.page.view.selected_count() == 0
    assert desk.page.cutoff_bar.text() == told
    desk.page.pane.toggle_group(row + 2)
    assert model.rowCount() == rows


# Parts and reasons


def test_a_part_of_a_photo_is_looked_for(desk: Desk) -> None:
    desk.page.open_viewer(0)
    desk.page.viewer.part_requested.emit(7, 0.25, 0.5, 0.25, 0.5)
    desk.settle()
    assert not desk.page.is_viewing
    example = desk.page.search.query.examples[0]
    assert (example.photo_id, example.region) == (7, (0.25, 0.5, 0.25, 0.5))
    desk.until(lambda: desk.page.bar._chips[0].text().startswith("Region of "))


def test_why_this_photo_tells_words_and_places(desk: Desk) -> None:
    desk.search("blue teal")
    ids = [PhotoId(int(desk.page.model.ids[0]))]
    entry = next(e for e in desk.page._menu_entries(ids) if e.text == "Why this photo?")
    entry.go()
    assert desk.page.is_viewing
    desk.until(lambda: "blue · teal" in desk.page.viewer._said.text())
    assert desk.page.viewer._canvas._heat is not None
    desk.page.viewer.step(1)
    desk.until(lambda: desk.page.viewer._canvas._heat is not None)


def test_photos_that_were_leafed_past_are_not_explained(desk: Desk) -> None:
    desk.search("blue")
    desk.page.open_viewer(0)
    desk.library.explainer.delay_s = 0.2
    desk.page.viewer._why.click()
    for _ in range(12):
        desk.page.viewer.step(1)
    desk.until(lambda: desk.page.viewer._canvas._heat is not None)
    assert desk.page.viewer.row == 12
    # Those that were begun at once, and the one that is shown.
    assert desk.library.explainer.explained <= 5


def test_who_rests_on_the_button_of_the_viewer_has_the_network_ready(desk: Desk) -> None:
    desk.search("blue")
    desk.page.open_viewer(0)
    QApplication.sendEvent(desk.page.viewer._why, QEvent(QEvent.Type.Enter))
    desk.until(lambda: desk.library.thumbnail_explainer.prepared)
    assert not desk.library.explainer.explained


def test_without_a_question_there_is_nothing_to_explain(desk: Desk) -> None:
    desk.page.open_viewer(0)
    assert not desk.page.viewer._why.isVisible()
    assert all(entry.text != "Why this photo?" for entry in desk.page._menu_entries([PhotoId(3)]))


# Focus


def test_a_right_press_pushes_away_at_once(desk: Desk) -> None:
    desk.page.query_builder.similar(NAMES.index("teal"))
    desk.until(lambda: "blue" in desk.page.focus_bar._chips)
    desk.qtbot.mouseClick(desk.page.focus_bar._chips["blue"], Qt.MouseButton.RightButton)
    desk.settle()
    assert desk.page.search.query.focuses == (Focus("blue", -1.0),)


def test_any_word_can_be_looked_at_or_away_from(desk: Desk) -> None:
    desk.page.query_builder.similar(NAMES.index("teal"))
    desk.settle()
    edit = desk.page.focus_bar._edit
    for typed in ("red", "-green"):
        desk.qtbot.keyClicks(edit, typed)
        desk.qtbot.keyClick(edit, Qt.Key.Key_Return)
        desk.settle()
    assert desk.page.search.query.focuses == (Focus("red", 1.0), Focus("green", -1.0))
    desk.page.focus_bar._none.click()
    desk.settle()
    assert desk.page.search.query.focuses == ()


# More and less


def test_more_and_less_like_this_join_the_question(desk: Desk) -> None:
    desk.search("blue")
    menu = build_menu(desk.page.query_builder, desk.page._bridge, [PhotoId(4)], desk.page, asked=True)
    entries = {action.text(): action for action in menu.actions()}
    entries["More like this"].trigger()
    desk.settle()
    entries["Less like this"].trigger()
    desk.settle()
    (example,) = desk.page.search.query.examples
    assert example.photo_id == 4
    assert example.weight < 0
    assert not desk.page.focus_bar.isVisible()
    assert desk.page.search.query.text == "blue"


# Votes


def test_a_thumb_counts_at_once_and_can_be_taken_back(desk: Desk) -> None:
    desk.search("blue")
    desk.qtbot.mouseMove(desk.page.view.viewport(), desk.page.view.visualRect(desk.page.model.index(5)).center())
    chosen, worst = int(desk.page.model.ids[5]), int(desk.page.model.ids[1])
    press_mark(desk, 5, UP)
    desk.until(lambda: int(desk.page.model.ids[0]) == chosen)
    assert desk.page.voting.line.text() == "1 marked as good match"
    press_mark(desk, desk.page.model.row_of(worst), DOWN)
    desk.until(lambda: desk.page.model.row_of(worst) == -1)
    assert desk.page.voting.line.text() == "1 marked as good match · 1 marked as not a match"
    desk.page.voting.line._clear.click()
    desk.until(lambda: not desk.page.voting.line.isVisible())
    assert desk.page.model.row_of(worst) >= 0


def test_thumbs_have_keys(desk: Desk) -> None:
    desk.search("blue")
    view = desk.page.view
    view.setFocus()
    view.show_row(3)
    chosen = int(desk.page.model.ids[3])
    desk.qtbot.keyClick(view, Qt.Key.Key_Plus)
    desk.until(lambda: int(desk.page.model.ids[0]) == chosen)
    desk.qtbot.keyClick(view, Qt.Key.Key_Backspace)
    desk.until(lambda: not desk.page.voting.line.isVisible())


def test_after_a_thumb_down_the_next_photo_is_chosen(desk: Desk) -> None:
    desk.search("blue")
    view = desk.page.view
    view.setFocus()
    view.show_row(3)
    chosen, following = desk.page.model.photo_id(3), desk.page.model.photo_id(4)
    desk.qtbot.keyClick(view, Qt.Key.Key_Minus)
    desk.until(lambda: desk.page.model.row_of(int(chosen or 0)) == -1)
    desk.until(lambda: view.selected_ids() == [following])


def test_votes_belong_to_their_question(desk: Desk) -> None:
    desk.search("blue")
    desk.page.voting.vote([PhotoId(int(desk.page.model.ids[2]))], 1)
    desk.until(desk.page.voting.line.isVisible)
    desk.search("red")
    assert not desk.page.voting.line.isVisible()
    assert desk.library.feedback.votes(Query.parse("BLUE")) != {}
