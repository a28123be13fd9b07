# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made late or ahead: icons are tinted once, and the page of tags waits until it is wanted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QColor, QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from semantic_photos.gui.shell import app
from semantic_photos.gui.tags import tag_controller
from semantic_photos.gui.widgets import theme
from semantic_photos.gui.widgets.controls import IconButton
from semantic_photos.gui.widgets.idle_tasks import IdleTasks
from tests.fakes.library import FakeLibrary
from tests.gui.conftest import Desk


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No moment of these tests is quiet for long enough."""
    monkeypatch.setattr(tag_controller, "QUIET_MS", 3_600_000)


@pytest.fixture
def in_turn(qapp: QApplication) -> Iterator[None]:
    yield
    theme.apply(qapp, "light")


def _strongest(icon: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal, ratio: float = 1.0) -> QColor:
    image = icon.pixmap(QSize(theme.ICON_SIDE, theme.ICON_SIDE), ratio, mode).toImage()
    return max(
        (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())), key=QColor.alpha
    )  # fmt: skip


def _near(one: QColor, other: QColor) -> bool:
    return all(abs(a - b) < 6 for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True))  # type: ignore[index]


def test_steps_come_one_by_one_and_only_when_nothing_puts_them_off(qtbot: QtBot) -> None:
    done: list[int] = []
    owner = QObject()
    ahead = IdleTasks((lambda number=number: done.append(number) for number in range(3)), owner, 60)
    for _ in range(8):
        qtbot.wait(20)
        ahead.put_off()
    assert done == []
    qtbot.waitUntil(lambda: ahead.is_over)
    assert done == [0, 1, 2]


def test_a_step_may_end_it(qtbot: QtBot) -> None:
    done: list[str] = []
    owner = QObject()
    ahead = IdleTasks((lambda: (done.append("first"), ahead.stop()), lambda: done.append("second")), owner)
    qtbot.waitUntil(lambda: bool(done))
    qtbot.wait(30)
    ahead.put_off()
    qtbot.wait(30)
    assert done == ["first"]


def test_an_icon_is_tinted_once_for_each_palette(qapp: QApplication, in_turn: None) -> None:
    theme.apply(qapp, "light")
    for step in theme.icon_tasks():
        step()
    known = theme._icon.cache_info().misses
    light = theme.icon("folder")
    assert theme._icon.cache_info().misses == known, "it was made ahead"
    assert _near(_strongest(light), QColor(theme.LIGHT.dim))
    assert _near(_strongest(light, QIcon.Mode.Active), QColor(theme.LIGHT.text))
    theme.apply(qapp, "dark")
    dark = theme.icon("folder")
    assert _near(_strongest(dark), QColor(theme.DARK.dim))
    assert _near(_strongest(theme.icon("folder", "accent")), QColor(theme.DARK.accent)), "another part, another tint"
    theme.apply(qapp, "light")
    assert _near(_strongest(theme.icon("folder")), QColor(theme.LIGHT.dim))


def test_an_icon_is_sharp_on_each_screen_and_pale_when_disabled(qapp: QApplication) -> None:
    icon = theme.icon("folder")
    for ratio in theme.SCALES:
        picture = icon.pixmap(QSize(theme.ICON_SIDE, theme.ICON_SIDE), float(ratio))
        assert picture.width() == theme.ICON_SIDE * ratio
    full, pale = _strongest(icon), _strongest(icon, QIcon.Mode.Disabled)
    assert abs(pale.alphaF() - full.alphaF() * theme.DISABLED) < 0.02
    assert _near(pale, full)


def test_who_changes_an_icon_changes_only_their_own(qapp: QApplication) -> None:
    theme.icon("folder").addPixmap(theme.pixmap("tag", "danger", theme.ICON_SIDE, 1.0))
    assert _near(_strongest(theme.icon("folder")), QColor(theme.colours().dim))


def test_a_button_follows_the_palette_after_its_icon_was_kept(qtbot: QtBot, qapp: QApplication, in_turn: None) -> None:
    theme.apply(qapp, "light")
    button = IconButton("folder", "Folders")
    qtbot.addWidget(button)
    button.show()
    theme.apply(qapp, "dark")
    qtbot.waitUntil(lambda: _near(_strongest(button.icon()), QColor(theme.DARK.dim)))


@pytest.mark.usefixtures("unhurried")
def test_the_key_leads_to_a_page_that_was_not_made_yet(desk: Desk) -> None:
    room = desk.window.tags
    desk.library.tags.suggest({1: {"dog": 0.9}})
    assert not room.made
    side = desk.page.view.side
    desk.page.jobs.step_side(1)
    assert desk.page.view.side != side
    QTest.keyClick(desk.window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    desk.until(lambda: room.made and room.review.isVisible())
    desk.until(lambda: room.review.wall.ids.tolist() == [1])
    assert room.review.wall.view.side == desk.page.view.side, "also a size chosen before"
    desk.until(room.review.list.view.hasFocus)
    QTest.keyClick(room.review, Qt.Key.Key_Escape)
    desk.until(desk.page.isVisible)


@pytest.mark.usefixtures("unhurried")
def test_what_was_said_before_the_page_was_made_is_seen_on_it(desk: Desk) -> None:
    room = desk.window.tags
    desk.page.undo.said.emit("Imported")
    room.show_review()
    assert room.toast.text() == "Imported"
    parent = room.toast.parentWidget()
    assert parent.childAt(room.toast.geometry().center()) in (room.toast, *room.toast.children()), "it lies above"


@pytest.mark.usefixtures("unhurried")
def test_a_subject_taught_first_of_all_leads_to_the_page(desk: Desk) -> None:
    desk.window.tags.custom_concepts.train("our dog", list(range(5)))
    desk.until(lambda: desk.window.tags.made)
    review = desk.window.tags.review
    desk.until(lambda: review.isVisible() and review.list.tag == "our dog" and len(review.wall.ids))


@pytest.mark.usefixtures("unhurried")
def test_a_window_may_close_before_the_page_was_ever_made(qtbot: QtBot) -> None:
    library = FakeLibrary(24)
    session = app.Session(lambda: library, [], None)
    session.start()
    qtbot.waitUntil(lambda: session.window.page is not None)
    with qtbot.waitSignal(session.ended):
        session.close()
    assert library.closed
    assert not session.window.tags.made
    session.window.deleteLater()


def test_the_page_is_made_at_a_quiet_moment(desk: Desk) -> None:
    room = desk.window.tags
    desk.until(lambda: room.made)
    assert not room.review.isVisible(), "nobody asked for it yet"
    made = room.review
    room.show_review()
    assert room.review is made


def test_the_page_follows_a_change_of_colours(desk: Desk, qapp: QApplication, in_turn: None) -> None:
    theme.apply(qapp, "light")
    review = desk.window.tags.review
    theme.apply(qapp, "dark")
    desk.window.tags.show_review()
    qapp.sendEvent(review.more, QEvent(QEvent.Type.PolishRequest))
    desk.until(lambda: _near(_strongest(review.more.icon()), QColor(theme.DARK.dim)))
