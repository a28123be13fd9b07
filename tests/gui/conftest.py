# SPDX-License-Identifier: GPL-3.0-or-later
"""A window on a library that behaves, closed in order after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from semantic_photos.gui.search.library_page import LibraryPage
from semantic_photos.gui.shell import app
from tests.fakes.library import FakeIndexer, FakeLibrary


@pytest.fixture(autouse=True)
def _own_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


@pytest.fixture(scope="session")
def _dressed(qapp: QApplication) -> QApplication:
    return app.make_application()


@pytest.fixture(autouse=True)
def _every_indexer_ends(_dressed: QApplication) -> Iterator[None]:
    yield
    for indexer in list(FakeIndexer.running):
        indexer.close()


class Desk:
    """A session with its library, and the shortest words for what tests do with it."""

    def __init__(self, qtbot: QtBot, session: app.Session, library: FakeLibrary) -> None:
        self.qtbot, self.session, self.library = qtbot, session, library
        self.window = session.window

    @property
    def page(self) -> LibraryPage:
        assert self.window.page is not None
        return self.window.page

    def until(self, done: Callable[[], object], timeout: int = 8000) -> None:
        self.qtbot.waitUntil(lambda: bool(done()), timeout=timeout)

    def type(self, text: str) -> None:
        self.page.bar.take_focus()
        self.page.bar._edit.selectAll()
        self.qtbot.keyClicks(self.page.bar._edit, text)

    def search(self, text: str) -> None:
        self.type(text)
        self.until(lambda: self.page.pane.page is not None and self.page.pane.page.query.text == text)

    def settle(self) -> None:
        """Wait until the answer of the newest question is shown."""
        self.until(lambda: not self.page.search.is_pending and self.page.pane.page is not None)
        self.until(lambda: self.page.pane.page.query == self.page.search.query)  # type: ignore[union-attr]

    def pictures(self) -> int:
        return len(self.page.loader._pixmaps)


@pytest.fixture
def open_desk(qtbot: QtBot) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(library: FakeLibrary | None = None, size: tuple[int, int] = (1100, 760)) -> Desk:
        library = library or FakeLibrary(240)
        session = app.Session(lambda: library, [], None)
        session.window.resize(*size)
        session.start()
        desk = Desk(qtbot, session, library)
        desks.append(desk)
        desk.until(lambda: session.window.page is not None)
        desk.settle()
        return desk

    yield make
    ended: list[Desk] = []
    for desk in desks:
        desk.session.ended.connect(lambda desk=desk: ended.append(desk))
        # All of them before anything can fail: the threads of one that stays open would keep the program from ending.
        desk.session.close()
    for desk in desks:
        qtbot.waitUntil(lambda desk=desk: desk in ended, timeout=8000)
        assert desk.library.closed
        assert desk.library.blocked_gui == [], "the library was called from the GUI thread"
        desk.session.window.deleteLater()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()
