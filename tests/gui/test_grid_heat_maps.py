# SPDX-License-Identifier: GPL-3.0-or-later
"""Heat over the thumbnails: what is in sight, while it is wanted, for the question that is shown."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication

from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.gui.grid.result_model import Role
from semantic_photos.gui.search import grid_heat_maps
from semantic_photos.gui.search.grid_heat_maps import AT_ONCE, FIRST, NO_CONTENT, TOGETHER
from semantic_photos.gui.widgets.controls import RESTING_MS
from tests.gui.conftest import Desk


def warm(desk: Desk) -> list[int]:
    model = desk.page.model
    return [row for row in range(model.rowCount()) if model.index(row).data(Role.HEAT) is not None]


def seen(desk: Desk) -> list[int]:
    """Return the rows in sight that have a picture."""
    model = desk.page.model
    rows = [row for row in desk.page.view.seen_rows() if row < model.rowCount()]
    desk.until(lambda: all(picture(desk, row) or model.index(row).data(Role.FAILURE) for row in rows))
    return [row for row in rows if picture(desk, row)]


def picture(desk: Desk, row: int) -> bool:
    return desk.page.model.index(row).data(Qt.ItemDataRole.DecorationRole) is not None


def switch_on(desk: Desk, text: str) -> None:
    desk.search(text)
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert desk.page.cutoff_bar.heat_button.isChecked()


def test_every_cell_in_sight_gets_its_heat_and_loses_it_again(desk: Desk) -> None:
    switch_on(desk, "blue red")
    desk.until(lambda: set(seen(desk)) <= set(warm(desk)))
    asked = desk.library.thumbnail_explainer.asked
    assert len(asked[0]) <= FIRST
    assert max(map(len, asked)) <= AT_ONCE
    first = [int(i) for part in asked for i in part]
    assert sorted(first) == sorted(desk.page.model.ids[: len(first)].tolist())
    index = desk.page.model.index(0)
    assert index.data(Role.REASON) == "blue · red"
    assert "blue · red" in index.data(Qt.ItemDataRole.ToolTipRole)
    desk.page.cutoff_bar.heat_button.click()
    assert not warm(desk)
    asked = len(desk.library.thumbnail_explainer.asked)
    desk.page.cutoff_bar.heat_button.click()
    desk.until(lambda: set(seen(desk)) <= set(warm(desk)))
    assert len(desk.library.thumbnail_explainer.asked) == asked
    assert not desk.library.blocked_gui


def test_heat_comes_as_people_read_also_where_some_photos_take_longer(desk: Desk) -> None:
    desk.search("blue")
    desk.page.pane.show_weaker()
    rows = seen(desk)
    assert len(rows) > FIRST + 2 * AT_ONCE
    lot = rows[FIRST : FIRST + AT_ONCE]
    desk.library.thumbnail_explainer.slow = {PhotoId(int(desk.page.model.ids[row])) for row in lot}
    shown: list[int] = []
    desk.page.model.dataChanged.connect(
        lambda top, *_: shown.append(top.row()) if top.data(Role.HEAT) is not None else None
    )
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    desk.until(lambda: set(rows) <= set(warm(desk)))
    assert shown == sorted(shown)
    assert len(shown) == len(set(shown))


def test_what_waited_for_photos_that_were_scrolled_away_is_shown(desk: Desk) -> None:
    desk.search("blue")
    desk.page.pane.show_weaker()
    view, ids = desk.page.view, desk.page.model.ids
    track = view.verticalScrollBar()
    track.setValue(0)
    rows = seen(desk)
    before, after = rows[FIRST : FIRST + AT_ONCE], rows[FIRST + AT_ONCE : FIRST + 2 * AT_ONCE]
    desk.library.thumbnail_explainer.slow = {PhotoId(int(ids[row])) for row in before}
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    desk.until(lambda: any(int(ids[after[0]]) in part for part in desk.library.thumbnail_explainer.asked))
    places = [view.visualRect(desk.page.model.index(row)) for row in (before[-1], *after)]
    track.setValue(next(place.center().y() for place in places if place.top() > places[0].bottom()))
    assert view.seen_rows()[0] in after
    desk.until(lambda: set(seen(desk)) <= set(warm(desk)))


def test_the_network_is_got_ready_for_who_rests_on_the_button_and_for_nobody_else(desk: Desk) -> None:
    button = desk.page.cutoff_bar.heat_button

    def at(kind: QEvent.Type) -> None:
        QApplication.sendEvent(button, QEvent(kind))

    at(QEvent.Type.Enter)
    desk.qtbot.wait(2 * RESTING_MS)
    desk.search("blue")
    at(QEvent.Type.Enter)
    at(QEvent.Type.Leave)
    desk.qtbot.wait(2 * RESTING_MS)
    assert not desk.library.thumbnail_explainer.prepared
    at(QEvent.Type.Enter)
    desk.until(lambda: desk.library.thumbnail_explainer.prepared)
    assert not desk.library.thumbnail_explainer.asked
    assert not warm(desk)


def test_more_photos_in_sight_than_are_kept_are_not_looked_at_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.search("blue")
    desk.page.pane.show_weaker()
    rows = seen(desk)
    monkeypatch.setattr(grid_heat_maps, "KEPT", len(rows) // 2)
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    desk.until(lambda: set(rows) <= set(warm(desk)))
    desk.qtbot.wait(200)
    asked = [int(i) for part in desk.library.thumbnail_explainer.asked for i in part]
    assert len(asked) == len(set(asked))
    # What was scrolled away is given up as ever.
    desk.page.view.verticalScrollBar().setValue(desk.page.view.verticalScrollBar().maximum())
    desk.until(lambda: set(seen(desk)) <= set(warm(desk)))
    assert len(desk.page.heat_maps._heats) <= len(desk.page.view.seen_rows()) < len(desk.page.model.ids)


def test_one_word_needs_no_line_on_each_cell(desk: Desk) -> None:
    switch_on(desk, "blue")
    desk.until(lambda: set(seen(desk)) <= set(warm(desk)))
    assert desk.page.model.index(0).data(Role.REASON) == ""


def test_scrolling_and_other_questions_give_up_what_is_under_way(desk: Desk) -> None:
    desk.library.thumbnail_explainer.delay_s = 0.4
    switch_on(desk, "blue")
    desk.until(lambda: desk.library.thumbnail_explainer.asked)
    first = desk.library.thumbnail_explainer.asked[0]
    desk.library.thumbnail_explainer.delay_s = 0.0
    desk.search("red")
    desk.until(lambda: set(seen(desk)) <= set(warm(desk)))
    ids = {int(i) for i in desk.page.model.ids.tolist()}
    shown = {int(i) for i in desk.page.heat_maps._heats}
    assert shown <= ids
    assert first is desk.library.thumbnail_explainer.asked[0]
    desk.page.view.verticalScrollBar().setValue(desk.page.view.verticalScrollBar().maximum())
    desk.until(lambda: set(seen(desk)) <= set(warm(desk)))


def test_far_down_a_long_list_it_is_as_quick_as_at_the_top(desk: Desk) -> None:
    desk.search("blue")
    desk.page.pane.show_weaker()
    track = desk.page.view.verticalScrollBar()
    desk.until(lambda: track.maximum() > 3000)
    track.setValue(track.maximum())
    rows = seen(desk)
    assert rows[0] > 0
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    desk.until(lambda: set(rows) <= set(warm(desk)), timeout=2500)


def test_filters_alone_have_nothing_to_show_and_say_so(desk: Desk) -> None:
    switch_on(desk, "blue")
    desk.until(lambda: warm(desk) == seen(desk))
    page = desk.page.pane.page
    assert page is not None
    asked = len(desk.library.thumbnail_explainer.asked)
    listed = dataclasses.replace(page, query=Query.parse("rating:>=0"), scores=None)
    desk.page.heat_maps.show_page(listed)
    assert not warm(desk)
    desk.until(lambda: desk.page.cutoff_bar._remark.full_text() == NO_CONTENT)
    assert desk.page.cutoff_bar._remark.isVisible()
    assert len(desk.library.thumbnail_explainer.asked) == asked
    desk.search("red")
    desk.until(lambda: warm(desk))
    assert not desk.page.cutoff_bar._remark.isVisible()


def test_photos_without_a_readable_thumbnail_stay_as_they_are(desk: Desk) -> None:
    desk.search("blue")
    gone = PhotoId(int(desk.page.model.ids[1]))
    desk.library.thumbnail_explainer.unreadable = {gone}
    switch_on(desk, "blue")
    desk.until(lambda: set(seen(desk)) - {1} <= set(warm(desk)))
    assert 1 not in warm(desk)
    assert sum(gone in part for part in desk.library.thumbnail_explainer.asked) == 1


def test_why_nothing_can_be_shown_is_said_once(desk: Desk) -> None:
    desk.library.thumbnail_explainer.error = QueryError("Without a model pack nothing can be explained.")
    switch_on(desk, "blue")
    desk.until(lambda: "Without a model pack" in desk.page.cutoff_bar._remark.full_text())
    assert len(desk.library.thumbnail_explainer.asked) <= TOGETHER
    assert not warm(desk)


@pytest.mark.parametrize("width", [640, 760, 1100])
def test_a_remark_is_shortened_and_widens_nothing(desk: Desk, width: int) -> None:
    desk.library.thumbnail_explainer.error = QueryError(
        "Nothing can be explained without a model pack, " * 3 + "and so on."
    )
    desk.window.resize(width, 700)
    desk.search("blue")
    desk.settle()
    band, least = desk.page.cutoff_bar, desk.window.minimumSizeHint().width()
    others = (band._said, band._more, band.heat_button, band._sort)
    band.heat_button.click()
    desk.until(lambda: "Nothing can be" in band.heat_button.toolTip())
    desk.until(lambda: band._remark.toolTip() == band._remark.full_text() or width == 640)
    assert band._remark.isVisible() == (width > 640), "where nothing can be read of it, the button alone tells it"
    assert desk.window.width() == width
    assert desk.window.minimumSizeHint().width() <= max(least, width)
    assert not band._remark.isVisible() or band._more.geometry().right() < band._remark.x()
    assert not band._remark.isVisible() or band._remark.geometry().right() < band.heat_button.x()
    beside = [part.geometry() for part in others]
    band.heat_button.click()
    assert not band._remark.isVisible()
    assert "Nothing" not in band.heat_button.toolTip()
    desk.qtbot.wait(100)
    assert [part.geometry() for part in others] == beside, "all else has the same room with it and without"
