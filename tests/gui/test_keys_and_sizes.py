# SPDX-License-Identifier: GPL-3.0-or-later
"""The page by keys alone and in small windows: in which order the keys go, where they are seen, what fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QScrollArea
from pytestqt.qtbot import QtBot

from semantic_photos import translation
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.gui.grid.result_cutoff_bar import ResultCutoffBar
from semantic_photos.gui.grid.result_rows import WEAKER, arrange
from tests.fakes.library import FakeLibrary
from tests.gui.conftest import Desk


def test_the_tab_key_goes_from_left_to_right_and_down(desk: Desk) -> None:
    desk.search("blue")
    desk.page.query_builder.similar(15)
    desk.settle()
    desk.until(lambda: any(chip.isVisible() for chip in desk.page.focus_bar._chips.values()))
    desk.window.activateWindow()
    desk.page.bar.take_focus()
    desk.until(desk.page.bar._edit.hasFocus)
    names = []
    while not names or QApplication.focusWidget() is not desk.page.bar._edit:
        held = QApplication.focusWidget()
        assert held is not None
        names.append(held.accessibleName() or getattr(held, "text", str)())
        assert names[-1], f"a part without a name takes the keys: {held}"
        desk.qtbot.keyClick(held, Qt.Key.Key_Tab)
    told = ["Search", "Remove the example", "Find photos similar to a file", "Tags", "Folders", "no focus",
            "Focus on another word", "Photos", "Order: Best first", "Larger thumbnails"]  # fmt: skip
    places = [next((n for n, name in enumerate(names) if wanted in name), -1) for wanted in told]
    assert -1 not in places, names
    assert places == sorted(places)


def test_the_keys_are_seen_in_the_photos_after_a_new_question(desk: Desk) -> None:
    desk.page.view.setFocus()
    desk.until(desk.page.view.hasFocus)
    desk.page.view.show_row(3)
    desk.page.query_builder.similar(15)
    desk.settle()
    assert desk.page.view.currentIndex().row() == 0
    assert desk.page.view.selected_count() == 0
    desk.qtbot.keyClick(desk.page.view, Qt.Key.Key_Return)
    desk.until(lambda: desk.page.is_viewing)


@pytest.mark.parametrize("width", [640, 760, 1400])
def test_a_narrow_window_has_room_for_photos_and_panel(open_desk: Callable[..., Desk], width: int) -> None:
    desk = open_desk(FakeLibrary(240), size=(width, 560))
    desk.search("blue")
    desk.page.view.show_row(0)
    desk.until(lambda: desk.page.panel.photo is not None)
    (area,) = desk.page.panel.findChildren(QScrollArea)
    # Wider content would be cut off at the right: there is no bar to move it.
    desk.until(lambda: area.widget().width() <= area.viewport().width())
    assert desk.page.panel.geometry().right() <= desk.page.width()
    assert desk.page.view.visualRect(desk.page.model.index(0)).width() < desk.page.view.width() / 2 or width < 760


@pytest.fixture
def german() -> Iterator[None]:
    translation.use(["de"])
    yield
    translation.use([])


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize("width", [800, 900, 1100])
def test_a_longer_language_leaves_out_words_before_the_result(qtbot: QtBot, width: int) -> None:
    bar = ResultCutoffBar(0.5)
    qtbot.addWidget(bar)
    page = ResultPage(Query.parse("blue"), 0, np.arange(100), np.ones(100, np.float32), strong=10, good=10)
    bar.show_page(page, arrange(page, WEAKER))
    bar.resize(width, bar.height())
    bar.show()
    qtbot.waitExposed(bar)
    assert bar._cautious.text() == "Weniger, sicherer"
    assert bar._slider.isVisible()
    assert bar._cautious.isVisible() == bar._generous.isVisible()
    assert bar._said.width() >= bar._said.fontMetrics().horizontalAdvance(bar.text()), "the result is not cut off"
