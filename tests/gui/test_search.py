# SPDX-License-Identifier: GPL-3.0-or-later
"""From keys to photos: answers on every key, late ones dropped, words that help, back and forward."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.example_focus import Focus
from semantic_photos.domain.query import Emptied, Query, ResultPage
from semantic_photos.gui.search import search_bar
from semantic_photos.gui.widgets import placeholders
from semantic_photos.gui.widgets.controls import Chip
from tests.fakes.library import COLOURS, FakeLibrary
from tests.gui.conftest import Desk

NAMES = list(COLOURS)


def test_everything_is_shown_newest_first(desk: Desk) -> None:
    assert desk.page.model.rowCount() == 240
    assert desk.page.model.photo_id(0) == 239
    assert desk.page.jobs.found_text() == "240 photos"
    desk.until(lambda: desk.pictures() >= len(desk.page.view.seen_rows()) - 3)


def test_typing_brings_photos_of_that_colour_first(desk: Desk) -> None:
    desk.search("blue")
    first = [int(i) % len(NAMES) for i in desk.page.model.ids[:10]]
    assert first == [NAMES.index("blue")] * 10
    assert "good matches" in desk.page.cutoff_bar.text()
    assert "240 photos searched" in desk.page.jobs.found_text()


def test_each_key_asks_within_60_ms(desk: Desk) -> None:
    assert search_bar.DELAY_MS <= 60
    asked = len(desk.library.asked)
    start = time.monotonic()
    desk.type("r")
    desk.until(lambda: len(desk.library.asked) > asked)
    assert desk.library.asked[-1].text == "r"
    assert time.monotonic() - start < 1.0


def test_a_held_key_does_not_starve_the_search(desk: Desk) -> None:
    desk.page.bar.take_focus()
    asked = len(desk.library.asked)
    for _ in range(12):
        desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_A)
        desk.qtbot.wait(15)
    assert len(desk.library.asked) - asked >= 2


def test_a_late_answer_is_dropped(desk: Desk) -> None:
    desk.library.search_delays["red"] = 0.4
    desk.type("red")
    desk.until(lambda: any(q.text == "red" for q in desk.library.asked))
    desk.search("green")
    desk.qtbot.wait(600)
    assert desk.page.pane.page is not None
    assert desk.page.pane.page.query.text == "green"
    assert int(desk.page.model.ids[0]) % len(NAMES) == NAMES.index("green")


def test_minus_pushes_away(desk: Desk) -> None:
    desk.search("red -orange")
    assert desk.page.search.query.terms[1].weight < 0


def test_escape_clears_and_shows_everything(desk: Desk) -> None:
    desk.search("blue")
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Escape)
    if desk.page.bar.text():  # the first Escape may only have closed the completions
        desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Escape)
    desk.until(lambda: desk.page.jobs.found_text() == "240 photos")
    assert desk.page.bar.text() == ""


def test_completion_offers_words_and_takes_one(desk: Desk) -> None:
    desk.page.bar.take_focus()
    if not desk.page.bar._edit.hasFocus():
        desk.window.activateWindow()
    desk.qtbot.waitUntil(desk.page.bar._edit.hasFocus)
    desk.type("pur")
    desk.until(desk.page.bar._words.isVisible)
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Tab)
    assert desk.page.bar.text() == "purple "
    desk.until(lambda: desk.page.pane.page is not None and desk.page.pane.page.query.text == "purple")


def test_an_unknown_word_offers_the_nearest_known_ones(desk: Desk) -> None:
    desk.search("grene")
    desk.until(lambda: not desk.page.pane.shows_photos)
    state = desk.page.pane.state_page.state()
    assert "grene" in state.title
    assert "green" in state.words
    desk.page.pane.state_page.word_chosen.emit("green")
    desk.settle()
    assert desk.page.bar.text() == "green"
    assert desk.page.pane.shows_photos


def test_an_unknown_word_beside_a_known_one_is_said_above_the_photos(desk: Desk) -> None:
    desk.search("blue purpel")
    assert desk.page.pane.shows_photos
    assert desk.page.advice.isVisible()
    chip = next(c for c in desk.page.advice.findChildren(Chip) if c.text() == "purple")
    chip.click()
    desk.settle()
    assert desk.page.search.query.text == "blue purple"
    assert not desk.page.advice.isVisible()


def test_a_word_that_was_taken_for_a_name_is_said_above_the_photos(desk: Desk) -> None:
    desk.search("blue")
    page = desk.page.pane.page
    assert page is not None
    desk.page.advice.show_page(dataclasses.replace(page, by_name=("img_5195",)))
    assert desk.page.advice.isVisible()
    texts = [said.text() for said in desk.page.advice.findChildren(QLabel)]
    assert any("“img_5195” was searched in file names" in text for text in texts)


def test_stop_words_alone_are_explained(desk: Desk) -> None:
    desk.search("the of")
    desk.until(lambda: not desk.page.pane.shows_photos)
    assert "describes nothing visible" in desk.page.pane.state_page.state().title


def test_half_a_word_does_not_flash_an_empty_page(desk: Desk) -> None:
    desk.search("blue")
    desk.window.activateWindow()
    desk.page.bar.take_focus()
    desk.qtbot.waitUntil(desk.page.bar._edit.hasFocus)
    desk.type("yello")
    desk.until(lambda: desk.library.asked[-1].text == "yello")
    desk.qtbot.wait(150)
    assert desk.page.pane.shows_photos
    desk.qtbot.keyClicks(desk.page.bar._edit, "w")
    desk.until(lambda: desk.page.pane.page is not None and desk.page.pane.page.query.text == "yellow")
    assert desk.page.pane.shows_photos


def test_a_failing_search_says_why_and_offers_a_way_on(desk: Desk) -> None:
    desk.library.search_error = QueryError("Without a model pack photos cannot be compared.", advice="Install it.")
    desk.type("red")
    desk.until(lambda: not desk.page.pane.shows_photos)
    state = desk.page.pane.state_page.state()
    assert (state.title, state.text) == ("Without a model pack photos cannot be compared.", "Install it.")
    desk.library.search_error = None
    state.ways[0].go()
    desk.settle()
    assert desk.page.pane.shows_photos


def test_a_bug_in_the_search_is_shown_without_ending_the_program(desk: Desk) -> None:
    desk.library.search_error = ZeroDivisionError("oops")
    desk.type("red")
    desk.until(lambda: not desk.page.pane.shows_photos)
    assert desk.page.pane.state_page.state().title == "This search failed"


def test_back_and_forward_lead_through_questions(desk: Desk) -> None:
    desk.page.query_builder.word("red")
    desk.settle()
    desk.page.query_builder.word("green")
    desk.settle()
    desk.page.search.back()
    desk.settle()
    assert desk.page.bar.text() == "red"
    desk.page.search.back()
    desk.settle()
    assert (desk.page.bar.text(), desk.page._back.isEnabled()) == ("", False)
    desk.page.search.forward()
    desk.page.search.forward()
    desk.settle()
    assert (desk.page.bar.text(), desk.page._forward.isEnabled()) == ("green", False)


def test_find_similar_shows_the_example_and_joins_with_words(desk: Desk) -> None:
    example = NAMES.index("teal") + 12 * 5
    desk.page.query_builder.similar(example)
    desk.settle()
    assert int(desk.page.model.ids[0]) % 12 == NAMES.index("teal")
    desk.until(lambda: desk.page.bar._chips and desk.page.bar._chips[0].text().endswith((".jpg", ".jpeg")))
    desk.type("red")
    desk.until(lambda: desk.page.pane.page is not None and desk.page.pane.page.query.text == "red")
    assert desk.page.pane.page is not None
    assert desk.page.pane.page.query.examples[0].photo_id == example
    desk.page.bar._chips[0].click()
    desk.settle()
    assert desk.page.search.query == Query.parse("red")


def test_focus_words_of_the_example_narrow_it(desk: Desk) -> None:
    desk.page.query_builder.similar(NAMES.index("teal"))
    desk.until(lambda: "blue" in desk.page.focus_bar._chips)
    desk.page.focus_bar._chips["blue"].click()
    desk.settle()
    assert desk.page.search.query.focuses == (Focus("blue", 1.0),)
    assert desk.page.focus_bar._chips["blue"].isChecked()
    desk.page.focus_bar._chips["blue"].click()
    desk.settle()
    assert desk.page.search.query.focuses == (Focus("blue", -1.0),)
    assert not desk.page.focus_bar._chips["blue"].isChecked()
    assert "less of it" in desk.page.focus_bar._chips["blue"].accessibleName()
    desk.page.focus_bar._chips["blue"].click()
    desk.settle()
    assert desk.page.search.query.focuses == ()


def test_engine_and_its_reason_are_told(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(FakeLibrary(60, engine="exact"))
    desk.search("red")
    assert desk.page.jobs._how.text().endswith(" ms")
    desk.until(lambda: "annoy is not installed" in desk.page.jobs._how.toolTip())


def test_coverage_is_told_while_indexing(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(FakeLibrary(1024, indexed=812, step=0, pause_s=5))
    desk.search("blue")
    assert "812 of 1,024 photos searched" in desk.page.jobs.found_text()


def test_enter_leads_into_the_photos(desk: Desk) -> None:
    desk.search("blue")
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Return)
    desk.until(lambda: desk.page.view.currentIndex().isValid())
    assert desk.page.view.selected_count() == 1


def test_typing_in_the_grid_searches(desk: Desk) -> None:
    desk.page.view.setFocus()
    desk.qtbot.keyClick(desk.page.view, Qt.Key.Key_B)
    assert desk.page.bar.text() == "b"


def test_the_filter_that_emptied_a_page_is_named_with_a_way_on() -> None:
    page = dataclasses.replace(
        ResultPage.nothing(Query.parse("red tag:rond"), 1), searched=9, emptied_by=Emptied("tag:rond", 1),
        suggestions={"tag:rond": ("tag:round",)},
    )  # fmt: skip
    state = placeholders.nothing_found(page, lambda: None, lambda _: None)
    assert "tag:rond" in state.title
    assert "1 photo" in state.text
    assert state.words == ("tag:round",)
