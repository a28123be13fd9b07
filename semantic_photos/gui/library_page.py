# SPDX-License-Identifier: GPL-3.0-or-later
"""The working page: search bar, grid, panel and status line side by side. It places and connects; no logic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from semantic_photos.domain.messages import IndexingPhase, IndexingProgress, PhotosChanged
from semantic_photos.domain.photo import Folder, PhotoId
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.gui import formatting, pages
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.example_looks import ExampleLooks
from semantic_photos.gui.focus_bar import FocusBar
from semantic_photos.gui.jobs_panel import JobsPanel
from semantic_photos.gui.photo_menu import build_menu
from semantic_photos.gui.photo_viewer import PhotoViewer
from semantic_photos.gui.result_model import Facts, ResultModel, Role
from semantic_photos.gui.result_view import ResultView
from semantic_photos.gui.search_bar import SearchBar
from semantic_photos.gui.search_controller import SearchController
from semantic_photos.gui.side_panel import SidePanel
from semantic_photos.gui.thumbnail_loader import ThumbnailLoader
from semantic_photos.gui.widgets import IconButton, button

#: While photos come in, the same question is asked again at most so often.
REFRESH_MS = 1000


class LibraryPage(QWidget):
    """Everything one does with an open library.

    Signals:
        folders_requested, add_requested, failures_requested, settings_requested: a dialog is wanted.
        side_changed: another thumbnail side was chosen.
        panel_toggled: the side panel was shown or hidden.
    """

    folders_requested = Signal()
    add_requested = Signal()
    failures_requested = Signal()
    settings_requested = Signal()
    full_screen_toggled = Signal()
    side_changed = Signal(int)
    panel_toggled = Signal(bool)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        settings = bridge.library.settings
        self._bridge = bridge
        self.search = SearchController(bridge, self)
        self.loader = ThumbnailLoader(bridge.library.thumbnail, self)
        self.model = ResultModel(self.loader, self._fetch_photos, self)
        self.bar = SearchBar()
        self.view = ResultView(self.model, settings.thumbnail_side)
        self.panel = SidePanel(bridge)
        self.jobs = JobsPanel(settings.thumbnail_side)
        self.viewer = PhotoViewer(bridge, self.model)
        self.focus_bar = FocusBar()
        self.advice = pages.AdviceBar()
        self.state_page = pages.StatePage()
        self._looks = ExampleLooks(bridge, self.loader, self)
        self._back = IconButton("back", "Back  (Alt+←)")
        self._forward = IconButton("forward", "Forward  (Alt+→)")
        self._folders_button = IconButton("folder", "Folders  (Ctrl+L)")
        self._settings_button = IconButton("settings", "Settings  (Ctrl+,)")
        self._panel_button = IconButton("panel", "Side panel  (Ctrl+I)")
        self._panel_button.setCheckable(True)
        self._panel_button.setChecked(settings.side_panel)
        self.panel.setVisible(settings.side_panel)
        self._news = button("", "primary")
        self._new_count = 0
        self._folders: Sequence[Folder] | None = None
        self._page: ResultPage | None = None
        self._stale = False
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(25)
        self._look.timeout.connect(self._show_chosen)
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(REFRESH_MS)
        self._stack = QStackedWidget()
        self._center = QStackedWidget()
        self._place()
        self._connect()
        self._connect_library()
        bridge.run(bridge.library.folders, self._on_folders)
        bridge.run(bridge.library.engine, self.jobs.show_engine)
        self.search.refresh()

    def _place(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(12, 12, 12, 10)
        top.setSpacing(4)
        top.addWidget(self._back)
        top.addWidget(self._forward)
        top.addSpacing(6)
        top.addWidget(self.bar, 1)
        top.addSpacing(6)
        for part in (self._folders_button, self._settings_button, self._panel_button):
            top.addWidget(part)
        hints = QVBoxLayout()
        hints.setContentsMargins(18, 0, 18, 0)
        hints.setSpacing(6)
        hints.addWidget(self.focus_bar)
        hints.addWidget(self.advice)
        self._center.addWidget(self.view)
        self._center.addWidget(self.state_page)
        self._news.setParent(self._center)
        self._news.hide()
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self._center, 1)
        middle.addWidget(self.panel)
        browse = QWidget()
        column = QVBoxLayout(browse)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addLayout(hints)
        column.addLayout(middle, 1)
        column.addWidget(self.jobs)
        self._stack.addWidget(browse)
        self._stack.addWidget(self.viewer)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _connect(self) -> None:
        self.bar.search_requested.connect(lambda query: self.search.ask(query, typed=True))
        self.bar.submitted.connect(self._on_submitted)
        self.bar.left_down.connect(self._enter_grid)
        self.bar.completion_wanted.connect(self._complete)
        self.search.answered.connect(self._on_page)
        self.search.failed.connect(self._on_search_failed)
        self.search.moved.connect(self.bar.set_query)
        self.search.history_changed.connect(self._on_history)
        self.view.open_requested.connect(self.open_viewer)
        self.view.menu_requested.connect(self._show_menu)
        self.view.side_requested.connect(self.jobs.step_side)
        self.view.typed.connect(self.bar.type_on)
        self.view.chosen.connect(self._look.start)
        self.model.dataChanged.connect(lambda *_: self._look.start())
        self.panel.word_chosen.connect(self.search_word)
        self.panel.similar_requested.connect(self.find_similar)
        self.panel.open_requested.connect(lambda photo_id: self.open_viewer(self.model.row_of(photo_id)))
        self.viewer.closed.connect(self._on_viewer_closed)
        self.viewer.similar_requested.connect(self.find_similar)
        self.viewer.moved.connect(lambda row: self.view.show_row(row))
        self.viewer.full_screen_toggled.connect(self.full_screen_toggled)
        self.focus_bar.focus_requested.connect(self._focus_on)
        self.advice.word_chosen.connect(self._replace_word)
        self.state_page.word_chosen.connect(self._take_suggestion)
        self._looks.look_ready.connect(self.bar.set_example_look)
        self._looks.words_ready.connect(self.focus_bar.show_words)
        self.jobs.side_changed.connect(self.view.set_side)
        self.jobs.side_changed.connect(self.side_changed)
        self.jobs.pause_toggled.connect(self._pause)
        self.jobs.failures_requested.connect(self.failures_requested)
        self._back.clicked.connect(self.search.back)
        self._forward.clicked.connect(self.search.forward)
        self._folders_button.clicked.connect(self.folders_requested)
        self._settings_button.clicked.connect(self.settings_requested)
        self._panel_button.toggled.connect(self._on_panel_toggled)
        self._news.clicked.connect(self._show_news)
        self._refresh.timeout.connect(self.search.refresh)
        self._on_history(back=False, forward=False)

    def _connect_library(self) -> None:
        self._bridge.photos_changed.connect(self._on_photos_changed)
        self._bridge.progress_changed.connect(self._on_progress)
        self._bridge.index_changed.connect(self.jobs.show_engine)
        self._bridge.folders_changed.connect(lambda _: self._bridge.run(self._bridge.library.folders, self._on_folders))
        self.jobs.show_progress(self._bridge.library.indexer.progress)

    # Asking

    def search_word(self, word: str) -> None:
        """Ask for one word."""
        self._go(Query.parse(word))

    def find_similar(self, photo_id: int) -> None:
        """Ask for photos like one of the library."""
        self._go(Query.similar_to(PhotoId(photo_id)))

    def find_similar_to_file(self, path: Path) -> None:
        """Ask for photos like a picture file."""
        self._go(Query.similar_to_file(path))

    def show_all(self) -> None:
        """Ask for everything."""
        self._go(Query())

    def _go(self, query: Query) -> None:
        if self.is_viewing:
            self.viewer.close_viewer()
        self.search.settle()
        self.bar.set_query(query)
        self.search.ask(query)

    def _focus_on(self, word: str) -> None:
        self.bar.set_focus_word(word)
        self._go(self.bar.query())

    def _replace_word(self, word: str, other: str) -> None:
        words = [other if term.word == word else term.word for term in self.search.query.terms]
        signs = ["-" if term.weight < 0 else "" for term in self.search.query.terms]
        self._go(self.search.query.with_text(" ".join(map("".join, zip(signs, words, strict=True)))))

    def _take_suggestion(self, word: str) -> None:
        unknown = self._page.unknown_words if self._page is not None else ()
        if unknown and self._page is not None:
            owner = next((u for u in unknown if word in self._page.suggestions.get(u, ())), unknown[0])
            self._replace_word(owner, word)
        else:
            self.search_word(word)

    def _complete(self, prefix: str) -> None:
        vocabulary = self._bridge.library.vocabulary
        self._bridge.run(
            lambda: vocabulary.completions(prefix, 8),
            lambda words: self.bar.show_completions(prefix, words),
            lambda _error: None,
        )

    def _on_submitted(self) -> None:
        self.search.settle()
        if self.model.rowCount():
            self._enter_grid()

    def _enter_grid(self) -> None:
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)
        if self.model.rowCount() and not self.view.currentIndex().isValid():
            self.view.show_row(0)

    def _on_history(self, back: bool, forward: bool) -> None:  # a signal's slot
        self._back.setEnabled(back)
        self._forward.setEnabled(forward)

    # Answers

    def _on_page(self, page: ResultPage, again: bool) -> None:  # a signal's slot
        before, self._page = self._page, page
        same = again and before is not None and np.array_equal(before.ids, page.ids)
        if not same:
            kept = (self.view.selected_ids(500), self.view.currentIndex().data(Role.PHOTO_ID)) if again else ([], None)
            place = self.view.verticalScrollBar().value() if again else 0
            self.model.set_page(page)
            self.view.select_ids(*kept)
            self.view.verticalScrollBar().setValue(place)
        self._hide_news()
        self.jobs.show_page(page)
        self._looks.show_query(page.query)
        self.focus_bar.setVisible(bool(page.query.examples))
        self.advice.show_page(page if len(page) else None)
        self._show_content()
        self._look.start()

    def _on_search_failed(self, error: Exception) -> None:
        self._page = None
        self.jobs.show_page(None)
        self.advice.show_page(None)
        self.state_page.show_state(pages.trouble(error, self.show_all))
        self._center.setCurrentWidget(self.state_page)

    def _show_content(self) -> None:
        page = self._page
        if page is None:
            return
        if len(page):
            self._center.setCurrentWidget(self.view)
            return
        progress = self._bridge.library.indexer.progress
        busy = progress.phase in (IndexingPhase.SCANNING, IndexingPhase.INDEXING) or progress.counts.pending > 0
        if self._folders is not None and not self._folders:
            state = pages.welcome(self.add_requested.emit)
        elif not page.query.is_empty:
            state = pages.nothing_found(page, self.show_all)
        elif busy or self._folders is None:
            state = pages.looking(progress.done, progress.total)
        else:
            state = pages.no_photos(self.folders_requested.emit)
        self.state_page.show_state(state)
        self._center.setCurrentWidget(self.state_page)

    def _on_folders(self, folders: Sequence[Folder]) -> None:
        self._folders = folders
        self._show_content()

    # Changes in the library

    def _on_progress(self, progress: IndexingProgress) -> None:
        self.jobs.show_progress(progress)
        if self._page is not None and not len(self._page):
            self._show_content()

    def _on_photos_changed(self, change: PhotosChanged) -> None:
        if change.updated:
            self.model.forget(change.updated)
        if not change.added and not change.removed and not change.updated:
            return
        at_top = self.view.verticalScrollBar().value() == 0
        if self.is_viewing:
            self._stale = True
        elif change.removed or at_top or not self.model.rowCount():
            if not self._refresh.isActive():
                self._refresh.start()
        elif change.added:
            self._new_count += len(change.added)
            self._news.setText(f"{formatting.many(self._new_count, 'new photo')} · show")
            self._place_news()

    def _place_news(self) -> None:
        self._news.adjustSize()
        self._news.move((self._center.width() - self._news.width()) // 2, 14)
        self._news.show()
        self._news.raise_()

    def _hide_news(self) -> None:
        self._new_count = 0
        self._news.hide()

    def _show_news(self) -> None:
        self.view.verticalScrollBar().setValue(0)
        self.search.refresh()

    def _fetch_photos(self, ids: Sequence[PhotoId], on_done: Callable[[Facts], None]) -> None:
        wanted, library = list(ids), self._bridge.library
        self._bridge.run(lambda: library.photos(wanted), on_done)

    # The chosen photo

    def _show_chosen(self) -> None:
        if not self.panel.isVisible():
            return
        count = self.view.selected_count()
        ids = self.view.selected_ids(1)
        row = self.model.row_of(ids[0]) if ids else -1
        photo = self.model.photo(row)
        if count != 1:
            if self.panel.photo_id() is not None or count > 1 or self.panel.selected != count:
                self.panel.show_none(count)
        elif photo is not None and (photo != self.panel.photo or not self.panel.has_picture()):
            self.panel.show_photo(photo, self.loader.pixmap(photo.id))

    def selected_ids(self) -> list[PhotoId]:
        """Return the photos that an action is about: the one in the viewer, else the selected ones."""
        shown = self.model.photo_id(self.viewer.row) if self.is_viewing else None
        return [shown] if shown is not None else self.view.selected_ids()

    def _show_menu(self, place: QPoint) -> None:
        menu = build_menu(self, self._bridge, self.view.selected_ids(), self)
        menu.popup(place)

    def _pause(self, pause: bool) -> None:  # a signal's slot
        indexer = self._bridge.library.indexer
        if pause:
            indexer.pause()
        else:
            indexer.resume()

    def _on_panel_toggled(self, shown: bool) -> None:  # a signal's slot
        self.panel.setVisible(shown)
        self.panel_toggled.emit(shown)
        self._look.start()

    def toggle_panel(self) -> None:
        """Show or hide the side panel."""
        self._panel_button.toggle()

    # The viewer

    @property
    def is_viewing(self) -> bool:
        """Return whether one photo is shown large."""
        return self._stack.currentWidget() is self.viewer

    def open_viewer(self, row: int) -> None:
        """Show the photo of a row large."""
        if 0 <= row < self.model.rowCount():
            self.search.settle()
            self._stack.setCurrentWidget(self.viewer)
            self.viewer.show_row(row)
            self.viewer.setFocus()

    def _on_viewer_closed(self, row: int) -> None:
        self._stack.setCurrentIndex(0)
        self.view.show_row(row)
        self.view.setFocus()
        self.view.fetch_seen()
        if self._stale:
            self._stale = False
            self._refresh.start()

    def close_page(self) -> None:
        """Want nothing more of the library."""
        self._refresh.stop()
        self.search.close()
        self.loader.abandon()
