# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the real window from inside its process: keys, mouse, drops; it waits, looks, and keeps pictures of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from semantic_photos.gui.grid.cell_overlays import places
from semantic_photos.gui.grid.result_model import Role
from semantic_photos.gui.search.library_page import LibraryPage
from semantic_photos.gui.shell import app
from semantic_photos.paths import Paths
from semantic_photos.services.library.library import Library

#: A question may wait for a photo that is read anew on a busy machine.
PATIENCE_S = 40.0
#: Of the screen and of the window.
SIZE = (1400, 900)


class Unseen(AssertionError):
    """What should be visible is not."""


@contextmanager
def screen() -> Iterator[str]:
    """Start a virtual screen and yield its name."""
    width, height = SIZE
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


class Window:
    """The program's window on a library of its own, and the shortest words for what a person does with it.

    Args:
        photos: the folder that is searched; only read.
        home: where catalog, cache and settings are kept, and beside them a folder for photos that come later.
        out: where pictures of the screen go.
    """

    def __init__(self, photos: Path, home: Path, out: Path) -> None:
        self.out, self.later = out, home / "later"
        self.later.mkdir(parents=True, exist_ok=True)
        self.troubles: list[str] = []
        self._count = 0
        self._old_hook, sys.excepthook = sys.excepthook, self._on_uncaught
        paths = Paths.under(home).create()
        self.application = app.make_application()
        self.session = app.Session(lambda: Library.open(paths, watch=True), [photos, self.later], None)
        self.session.window.setGeometry(0, 0, *SIZE)
        self.session.start()
        self.until(lambda: self.session.window.page is not None, "the library is open")

    @property
    def page(self) -> LibraryPage:
        page = self.session.window.page
        assert page is not None
        return page

    def _on_uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.troubles.append(f"an uncaught error: {error!r}")
        self._old_hook(kind, error, trace)

    def close(self) -> None:
        """Close the window as a person does."""
        ended: list[bool] = []
        self.session.ended.connect(lambda: ended.append(True))
        self.session.close()
        self.until(lambda: bool(ended), "the program has ended")

    # Waiting and looking

    def until(self, done: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
        """Wait until something is so.

        Raises:
            Unseen: it does not become so.
        """
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise Unseen(what)
            QTest.qWait(25)

    def settle(self) -> None:
        """Wait until the newest question is answered and its photos are painted."""
        self.until(lambda: not self.page.search.is_pending, "an answer")
        self.until(lambda: self.page.pane.page is not None and self.page.pane.page.query == self.page.search.query,
                   "the answer is shown")  # fmt: skip
        if self.page.pane.shows_photos:
            self.until(self._painted, "the photos are painted")
        QTest.qWait(120)

    def _painted(self) -> bool:
        model, view = self.page.model, self.page.view
        rows = [row for row in view.seen_rows() if row < model.rowCount()]
        indexes = [model.index(row) for row in rows]
        return all(i.data(Qt.ItemDataRole.DecorationRole) is not None or i.data(Role.FAILURE) for i in indexes)

    def shoot(self, name: str) -> Path:
        """Keep a picture of the whole screen."""
        QTest.qWait(150)
        self._count += 1
        file = self.out / f"{self._count:02}-{name}.png"
        self.application.primaryScreen().grabWindow(0).save(str(file))
        return file

    def visible(self, widget: QWidget, what: str) -> None:
        """Insist on a widget that is on the screen as a whole and not empty."""
        self.until(widget.isVisible, f"{what} is shown")
        place = widget.rect().translated(widget.mapToGlobal(QPoint(0, 0)))
        if place.isEmpty() or not self.application.primaryScreen().geometry().contains(place):
            raise Unseen(f"{what} is on the screen ({place})")

    # Doing

    def focus(self) -> None:
        """Go to the search field."""
        self.session.window.activateWindow()
        self.page.bar.take_focus()
        self.until(lambda: self.page.bar._edit.hasFocus(), "the search field has the keys")

    def type(self, text: str, *, each: Callable[[], None] | None = None) -> None:
        """Type into the search field in place of what stands there, one key after the other."""
        self.focus()
        edit = self.page.bar._edit
        edit.selectAll()
        for letter in text:
            QTest.keyClicks(edit, letter, Qt.KeyboardModifier.NoModifier, 30)
            if each is not None:
                each()

    def ask(self, text: str) -> None:
        """Ask for a text alone and wait for the photos."""
        self.page.bar.clear()
        self.type(text)
        self.until(lambda: self.page.search.query.text == text, f"“{text}” is asked")
        self.settle()
        if self.page.bar._words.isVisible():  # else Escape would clear the field
            self.key(self.page.bar._edit, Qt.Key.Key_Escape)
        self.settle()

    def key(self, widget: QWidget, key: Qt.Key, modifiers: Qt.KeyboardModifier | None = None) -> None:
        """Press one key."""
        QTest.keyClick(widget, key, modifiers or Qt.KeyboardModifier.NoModifier)

    def press(self, widget: QWidget, at: QPoint | None = None) -> None:
        """Press the mouse on a widget."""
        QTest.mouseClick(
            widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at or widget.rect().center()
        )

    def choose(self, row: int) -> None:
        """Choose a photo of the grid by pressing it."""
        view = self.page.view
        view.scrollTo(self.page.model.index(row))
        self.press(view.viewport(), view.visualRect(self.page.model.index(row)).center())
        self.until(lambda: view.selected_count() == 1, "one photo is chosen")
        view.setFocus()

    def mark(self, row: int, mark: str) -> QPoint:
        """Return where a small mark of a cell lies in the grid."""
        view, index = self.page.view, self.page.model.index(row)
        copies = index.data(Role.COPIES)
        found = places(view.visualRect(index), copies, voting=True, metrics=view.viewport().fontMetrics())
        return found[mark].center()

    def drop(self, data: QMimeData) -> None:
        """Drop something on the window."""
        window, action, left = self.session.window, Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        plain = Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(QPoint(700, 400), action, data, left, plain)
        QApplication.sendEvent(window, enter)
        if not enter.isAccepted():
            raise Unseen("the window takes what is dragged over it")
        QApplication.sendEvent(window, QDropEvent(QPointF(700, 400), action, data, left, plain))

    def paste(self, data: QMimeData) -> None:
        """Paste something into the search field."""
        QGuiApplication.clipboard().setMimeData(data)
        self.focus()
        self.key(self.page.bar._edit, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
