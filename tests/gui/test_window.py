# SPDX-License-Identifier: GPL-3.0-or-later
"""The window as a whole: first start, drops, troubles, signals in number, and the end."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from semantic_photos.domain.errors import BusyError, CatalogError
from semantic_photos.domain.messages import IndexingPhase, IndexingProgress, Notice
from semantic_photos.domain.photo import Counts
from semantic_photos.gui.dialogs.settings_dialog import SettingsDialog
from semantic_photos.gui.folders.failures_dialog import FailuresDialog
from semantic_photos.gui.shell import app
from semantic_photos.gui.shell.single_instance import SingleInstance, address_for
from semantic_photos.gui.widgets import theme
from semantic_photos.gui.widgets.placeholders import Way
from tests.fakes.library import FakeLibrary
from tests.gui.conftest import Desk


def way(ways: tuple[Way, ...], text: str) -> Way:
    return next(w for w in ways if text in w.text)


def test_the_first_start_asks_for_a_folder(open_desk: Callable[..., Desk], tmp_path: Path) -> None:
    desk = open_desk(FakeLibrary(0, step=60, pause_s=0.1))
    desk.until(lambda: desk.page.pane.state_page.state().title.startswith("Find photos by"))
    assert not desk.page.panel.isVisible()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    drop = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                      Qt.KeyboardModifier.NoModifier)  # fmt: skip
    desk.window.dropEvent(drop)
    desk.until(lambda: desk.page.model.rowCount() == 120)
    assert desk.page.pane.shows_photos


def test_an_empty_library_has_nothing_beside_its_welcome(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(FakeLibrary(0))
    desk.search("blue")
    assert "Find photos" in desk.page.pane.state_page.state().title
    assert not desk.page.panel.isVisible()


def test_a_dropped_picture_is_searched_for(desk: Desk, tmp_path: Path) -> None:
    from tests.fakes.library import picture

    file = tmp_path / "example.jpg"
    picture(3, 64).save(file)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    drop = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                      Qt.KeyboardModifier.NoModifier)  # fmt: skip
    desk.window.dropEvent(drop)
    desk.until(lambda: desk.library.asked[-1].examples)
    assert desk.library.asked[-1].examples[0].path == file


def test_what_cannot_be_dropped_is_said_until_something_can(desk: Desk, tmp_path: Path) -> None:
    def drop(name: str) -> None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
        event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                           Qt.KeyboardModifier.NoModifier)  # fmt: skip
        desk.window.dropEvent(event)

    (tmp_path / "text.txt").write_text("no picture")
    (tmp_path / "more").mkdir()
    drop("text.txt")
    desk.until(
        lambda: desk.window.notices.texts() == ["Drop folders to add them, or a picture to find similar photos."]
    )
    drop("gone.jpg")
    desk.until(lambda: desk.window.notices.texts() == ["“gone.jpg” no longer exists."])
    drop("more")
    desk.until(lambda: desk.window.notices.texts() == [])


def test_failures_are_listed_with_reasons_and_retried(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(FakeLibrary(60, failed=3))
    desk.library.indexer.tell(IndexingPhase.IDLE)
    desk.until(lambda: desk.page.jobs._failures.isVisible())
    assert desk.page.jobs._failures.text() == "3 unreadable"
    desk.page.jobs._failures.click()
    dialog = desk.window._dialogs[FailuresDialog]
    assert isinstance(dialog, FailuresDialog)
    desk.until(lambda: len(dialog.rows()) == 3)
    assert ("IMG_1.jpg", "The file is empty.") in dialog.rows()
    dialog._retry.click()
    desk.until(lambda: not dialog.rows())
    assert desk.library.retried == [None]
    dialog.accept()


def test_settings_are_changed_and_kept(desk: Desk) -> None:
    desk.window.show_settings()
    dialog = desk.window._dialogs[SettingsDialog]
    assert isinstance(dialog, SettingsDialog)
    dialog._fields["result_limit"].setValue(77)  # type: ignore[union-attr]
    dialog._save()
    desk.until(lambda: desk.library.settings.result_limit == 77)
    assert desk.library.settings.window_geometry


def test_settings_are_told_in_whole_sentences(desk: Desk) -> None:
    desk.window.show_settings()
    dialog = desk.window._dialogs[SettingsDialog]
    told = [words.text() for words in dialog.findChildren(QLabel)]
    assert len(told) == len(dialog._fields)  # type: ignore[attr-defined]
    assert all(words.endswith(".") for words in told)
    assert sum("after a restart" in words for words in told) == 5


def test_the_language_is_chosen_by_its_own_name(desk: Desk) -> None:
    desk.window.show_settings()
    dialog = desk.window._dialogs[SettingsDialog]
    box = dialog._fields["language"]  # type: ignore[attr-defined]
    assert [box.itemText(row) for row in range(box.count())] == ["System language", "English", "Deutsch"]
    box.setCurrentIndex(2)
    dialog._save()  # type: ignore[attr-defined]
    desk.until(lambda: desk.library.settings.language == "de")


def test_a_german_window_and_the_dialogs_of_qt_speak_german(qapp: QApplication, desk: Desk) -> None:
    own = app.choose_language(qapp, "de")
    try:
        desk.window.show_settings()
        assert desk.window._dialogs[SettingsDialog].windowTitle() == "Einstellungen"
        assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "Abbrechen"
    finally:
        app.choose_language(qapp, "en")
        qapp.removeTranslator(own)
        QLocale.setDefault(QLocale.c())


def test_progress_is_shown_and_can_be_paused(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(FakeLibrary(5000, indexed=100, step=5, pause_s=0.05))
    jobs = desk.page.jobs
    desk.until(lambda: "Indexing" in jobs._what.text() and "left" in jobs._what.text())
    jobs._pause.click()
    desk.until(lambda: desk.library.indexer.is_paused and "Paused" in jobs._what.text())
    jobs._pause.click()
    desk.until(lambda: not desk.library.indexer.is_paused)
    desk.until(lambda: "Indexing" in jobs._what.text())


def test_notices_come_stay_and_go(desk: Desk) -> None:
    desk.library.say(Notice("disk", "The disk is full.", "Make room."))
    desk.until(lambda: desk.window.notices.texts() == ["The disk is full."])
    desk.library.say(Notice("disk", "The disk is still full."))
    desk.until(lambda: desk.window.notices.texts() == ["The disk is still full."])
    desk.library.say(Notice("disk", ""))
    desk.until(lambda: not desk.window.notices.isVisible())


def test_five_thousand_messages_survive(desk: Desk) -> None:
    seen = []
    assert desk.session._bridge is not None
    desk.session._bridge.progress_changed.connect(seen.append)

    def tell() -> None:
        for n in range(5000):
            desk.library.bus.publish(IndexingProgress(IndexingPhase.INDEXING, Counts(n, 5000 - n), n, 5000))

    thread = threading.Thread(target=tell)
    thread.start()
    desk.until(lambda: len(seen) == 5000, 30_000)
    thread.join()
    assert desk.page.isVisible()


def test_an_error_in_a_slot_is_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.session.show_uncaught(ZeroDivisionError("in a slot"))
    desk.until(lambda: desk.window.notices.texts())
    assert "internal error" in desk.window.notices.texts()[0]


def test_an_error_in_every_repaint_is_said_once(desk: Desk) -> None:
    desk.session.show_uncaught(ZeroDivisionError("in a paint"))
    desk.until(lambda: desk.window.notices.texts())
    row = desk.window.notices._rows["bug"]
    for _ in range(5):
        desk.session.show_uncaught(ZeroDivisionError("in a paint"))
    desk.qtbot.wait(50)
    assert desk.window.notices._rows["bug"] is row


def test_an_exception_in_a_paint_reaches_the_hook(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    from PySide6.QtWidgets import QWidget

    class Broken(QWidget):
        def paintEvent(self, _event: object) -> None:
            raise ZeroDivisionError("in a paint")

    caught: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _traceback: caught.append(error))
    widget = Broken()
    qtbot.addWidget(widget)
    with qtbot.captureExceptions():
        monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _traceback: caught.append(error))
        widget.show()
        qtbot.waitUntil(lambda: bool(caught))
    assert "in a paint" in str(caught[0])


def test_markup_in_names_stays_text(desk: Desk) -> None:
    desk.window.notices.say("<img src=x><b>no</b>")
    from PySide6.QtWidgets import QLabel

    labels = [found for found in desk.window.findChildren(QLabel) if found.text().startswith("<img")]
    assert labels
    assert all(found.textFormat() is Qt.TextFormat.PlainText for found in labels)


def test_a_busy_library_says_so_and_can_be_tried_again(qtbot: QtBot) -> None:
    library = FakeLibrary(20)
    answers: list[object] = [BusyError("Another Semantic Photos has this library open."), library]

    def factory() -> FakeLibrary:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, FakeLibrary)
        return answer

    session = app.Session(factory, [], recover=lambda: None)
    session.start()
    assert session.window.state_page.state().title == "Opening your library…"
    qtbot.waitUntil(lambda: "Another" in session.window.state_page.state().title)
    ways = session.window.state_page.state().ways
    assert [w.text for w in ways] == ["Try again", "Quit"]
    way(ways, "Try again").go()
    qtbot.waitUntil(lambda: session.window.page is not None)
    with qtbot.waitSignal(session.ended):
        session.close()


def test_a_damaged_catalog_can_be_set_aside(qtbot: QtBot) -> None:
    healthy = []

    def factory() -> FakeLibrary:
        if not healthy:
            raise CatalogError("The catalog is damaged.", code="catalog.corrupt")
        return FakeLibrary(20)

    def recover() -> None:
        assert threading.current_thread() is not threading.main_thread()
        healthy.append(True)

    session = app.Session(factory, [], recover)
    session.start()
    qtbot.waitUntil(lambda: "damaged" in session.window.state_page.state().title)
    way(session.window.state_page.state().ways, "Repair the catalog").go()
    qtbot.waitUntil(lambda: session.window.page is not None)
    with qtbot.waitSignal(session.ended):
        session.close()


@pytest.mark.parametrize("code", ["catalog.newer", "catalog.full", "catalog.unreadable"])
def test_a_catalog_that_is_not_damaged_is_not_set_aside(qtbot: QtBot, code: str) -> None:
    def factory() -> FakeLibrary:
        raise CatalogError("The catalog cannot be opened now.", code=code)

    session = app.Session(factory, [], recover=lambda: None)
    session.start()
    qtbot.waitUntil(lambda: "cannot be opened now" in session.window.state_page.state().title)
    assert [way.text for way in session.window.state_page.state().ways] == ["Try again", "Quit"]
    with qtbot.waitSignal(session.ended):
        session.close()


@pytest.mark.parametrize("seed", range(6))
def test_closing_during_work_ends_cleanly(qtbot: QtBot, seed: int) -> None:
    library = FakeLibrary(3000, indexed=30, step=50, pause_s=0.02)
    library.thumbnail_delay_s = 0.05
    session = app.Session(lambda: library, [], None)
    session.start()
    chance = random.Random(seed)
    qtbot.wait(chance.randrange(0, 600))
    if session.window.page is not None:
        session.window.page.query_builder.word("red")
        session.window.page.open_viewer(0)
    start = time.monotonic()
    with qtbot.waitSignal(session.ended, timeout=6000):
        session.close()
    assert time.monotonic() - start < 5
    assert library.closed
    assert library.blocked_gui == []
    qtbot.wait(50)


def test_closing_while_opening_waits_for_it(qtbot: QtBot) -> None:
    library = FakeLibrary(20)

    def slow() -> FakeLibrary:
        time.sleep(0.4)
        return library

    session = app.Session(slow, [], None)
    session.start()
    with qtbot.waitSignal(session.ended, timeout=6000):
        session.window.close()
    assert library.closed


def test_only_the_first_start_keeps_its_window(qtbot: QtBot, tmp_path: Path) -> None:
    first, second = SingleInstance(tmp_path), SingleInstance(tmp_path)
    assert not first.another_runs()
    first.listen()
    with qtbot.waitSignal(first.raise_requested, timeout=3000):
        assert second.another_runs()
    assert not SingleInstance(tmp_path / "other").another_runs()
    if sys.platform != "win32":
        assert Path(address_for(tmp_path)).is_relative_to(tmp_path / "runtime")
        assert Path(address_for(tmp_path)).stat().st_mode & 0o077 == 0
    first.close()


def test_a_leftover_socket_does_not_block(qtbot: QtBot, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("pipes leave nothing behind")
    Path(address_for(tmp_path)).write_text("left over")
    single = SingleInstance(tmp_path)
    assert not single.another_runs()
    single.listen()
    assert SingleInstance(tmp_path).another_runs()
    single.close()


def test_dark_and_light_have_readable_contrast(qapp: QApplication) -> None:
    def light(value: str) -> float:
        parts = [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    def contrast(one: str, other: str) -> float:
        high, low = sorted((light(one), light(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for c in (theme.LIGHT, theme.DARK):
        for front, behind in ((c.text, c.window), (c.text, c.surface), (c.text, c.raised), (c.dim, c.window),
                              (c.dim, c.surface), (c.on_accent, c.accent), (c.accent, c.window), (c.text, c.notice),
                              (c.danger, c.surface), (c.on_stage, c.stage), (c.text, c.accent_soft)):  # fmt: skip
            assert contrast(front, behind) >= 4.5, (front, behind)


def test_every_icon_named_in_code_exists() -> None:
    import re

    from semantic_photos.paths import resources

    code = "\n".join(file.read_text("utf-8") for file in Path(theme.__file__).parents[1].rglob("*.py"))
    pattern = r'(?:IconButton|theme\.icon|theme\.pixmap|_stage_button|State|show_sign|set_icon)\(\s*"([\w-]+)"'
    named = set(re.findall(pattern, code)) | set(re.findall(r'icon="([\w-]+)"', code))
    assert len(named) > 15
    missing = {name for name in named if not (resources() / "icons" / f"{name}.svg").is_file()}
    assert not missing


def test_names_of_buttons_are_told_to_screen_readers(desk: Desk) -> None:
    from PySide6.QtWidgets import QToolButton

    buttons = desk.window.findChildren(QToolButton)
    assert len(buttons) > 8
    assert all(button.accessibleName() for button in buttons)
