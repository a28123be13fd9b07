# SPDX-License-Identifier: GPL-3.0-or-later
"""The working page: search bar, photos, panel and status line side by side. It places and connects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from semantic_photos.domain.messages import IndexingProgress
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.gui import pages
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.example_looks import ExampleLooks
from semantic_photos.gui.focus_bar import FocusBar
from semantic_photos.gui.jobs_panel import JobsPanel
from semantic_photos.gui.photo_menu import build_menu
from semantic_photos.gui.photo_viewer import PhotoViewer
from semantic_photos.gui.result_model import Facts, ResultModel
from semantic_photos.gui.result_pane import ResultPane
from semantic_photos.gui.search_bar import SearchBar
from semantic_photos.gui.search_controller import SearchController
from semantic_photos.gui.side_panel import SidePanel
from semantic_photos.gui.thumbnail_loader import ThumbnailLoader
from semantic_photos.gui.widgets import IconButton


class LibraryPage(QWidget):
    """Everything one does with an open library.

    Signals:
        folders_requested, add_requested, failures_requested, settings_requested: a dialog is wanted.
        full_screen_toggled: the whole screen is wanted, or not any more.
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
        self.pane = ResultPane(self.model, settings.thumbnail_side)
        self.view = self.pane.view
        self.panel = SidePanel(bridge)
        self.jobs = JobsPanel(settings.thumbnail_side)
        self.viewer = PhotoViewer(bridge, self.model)
        self.focus_bar = FocusBar()
        self.advice = pages.AdviceBar()
        self._looks = ExampleLooks(bridge, self.loader, self)
        self._back = IconButton("back", "Back  (Alt+←)")
        self._forward = IconButton("forward", "Forward  (Alt+→)")
        self._folders_button = IconButton("folder", "Folders  (Ctrl+L)")
        self._settings_button = IconButton("settings", "Settings  (Ctrl+,)")
        self._panel_button = IconButton("panel", "Side panel  (Ctrl+I)")
        self._panel_button.setCheckable(True)
        self._panel_button.setChecked(settings.side_panel)
        self.panel.hide()
        self._enter_soon = False
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(25)
        self._stack = QStackedWidget()
        self._place()
        self._connect_asking()
        self._connect_photos()
        self._connect_library()
        self._load_folders()
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
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.pane, 1)
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

    def _connect_asking(self) -> None:
        self.bar.search_requested.connect(lambda query: self.search.ask(query, typed=True))
        self.bar.submitted.connect(self._on_submitted)
        self.bar.left_down.connect(self._enter_grid)
        self.bar.completion_wanted.connect(self._complete)
        self.search.answered.connect(self._on_answer)
        self.search.failed.connect(self.pane.show_trouble)
        self.search.moved.connect(self.bar.set_query)
        self.search.history_changed.connect(self._on_history)
        self.pane.page_shown.connect(self._on_page_shown)
        self.pane.refresh_wanted.connect(self.search.refresh)
        self.pane.all_wanted.connect(self.show_all)
        self.pane.word_chosen.connect(self._take_suggestion)
        self.advice.word_chosen.connect(self._replace_word)
        self.focus_bar.focus_requested.connect(self._focus_on)
        self._looks.look_ready.connect(self.bar.set_example_look)
        self._looks.words_ready.connect(self.focus_bar.show_words)
        self._back.clicked.connect(self.search.back)
        self._forward.clicked.connect(self.search.forward)
        self._back.setEnabled(False)
        self._forward.setEnabled(False)

    def _connect_photos(self) -> None:
        self.view.open_requested.connect(self.open_viewer)
        self.view.menu_requested.connect(self._show_menu)
        self.view.side_requested.connect(self.jobs.step_side)
        self.view.typed.connect(self.bar.type_on)
        self.view.chosen.connect(self._look.start)
        self.model.dataChanged.connect(lambda *_: self._look.start())
        self.model.modelReset.connect(self._look.start)
        self._look.timeout.connect(self._show_chosen)
        self.panel.word_chosen.connect(self.search_word)
        self.panel.similar_requested.connect(self.find_similar)
        self.panel.open_requested.connect(lambda photo_id: self.open_viewer(self.model.row_of(photo_id)))
        self.viewer.closed.connect(self._on_viewer_closed)
        self.viewer.similar_requested.connect(self.find_similar)
        self.viewer.full_screen_toggled.connect(self.full_screen_toggled)
        self.jobs.side_changed.connect(self.view.set_side)
        self.jobs.side_changed.connect(self.side_changed)
        self.jobs.pause_toggled.connect(self._pause)
        self.jobs.failures_requested.connect(self.failures_requested)
        self.pane.add_requested.connect(self.add_requested)
        self.pane.folders_requested.connect(self.folders_requested)
        self._folders_button.clicked.connect(self.folders_requested)
        self._settings_button.clicked.connect(self.settings_requested)
        self._panel_button.toggled.connect(self._on_panel_toggled)

    def _connect_library(self) -> None:
        self._bridge.photos_changed.connect(self.pane.take_change)
        self._bridge.progress_changed.connect(self._on_progress)
        self._bridge.index_changed.connect(self.jobs.show_engine)
        self._bridge.folders_changed.connect(self._load_folders)
        self._on_progress(self._bridge.library.indexer.progress)

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
        self._go(self.search.query.replacing(word, other))

    def _take_suggestion(self, word: str) -> None:
        page = self.pane.page
        owner = next((u for u, ways in page.suggestions.items() if word in ways), "") if page else ""
        if owner:
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
        self._enter_soon = self.search.is_pending
        if not self._enter_soon:
            self._enter_grid()

    def _enter_grid(self) -> None:
        if self.model.rowCount() and self.pane.shows_photos:
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)
            if not self.view.selected_count():
                self.view.show_row(max(self.view.currentIndex().row(), 0))

    def _on_history(self, back: bool, forward: bool) -> None:
        self._back.setEnabled(back)
        self._forward.setEnabled(forward)

    def _on_answer(self, page: ResultPage, again: bool) -> None:
        self.pane.show_page(page, again=again, typing=self.bar.is_typing and not self._enter_soon)

    def _on_page_shown(self, page: ResultPage | None) -> None:
        self.jobs.show_page(page)
        self.advice.show_page(page if page is not None and len(page) else None)
        if page is not None:
            self._looks.show_query(page.query)
            self.focus_bar.setVisible(bool(page.query.examples))
        self._show_panel()
        self._look.start()
        if self._enter_soon:
            self._enter_soon = False
            self._enter_grid()

    # The library

    def _load_folders(self, _message: object = None) -> None:
        self._bridge.run(self._bridge.library.folders, self.pane.show_folders)

    def _on_progress(self, progress: IndexingProgress) -> None:
        self.jobs.show_progress(progress)
        self.pane.show_progress(progress)

    def _fetch_photos(self, ids: Sequence[PhotoId], on_done: Callable[[Facts], None]) -> None:
        wanted, library = list(ids), self._bridge.library
        self._bridge.run(lambda: library.photos(wanted), on_done)

    def _pause(self, pause: bool) -> None:
        indexer = self._bridge.library.indexer
        if pause:
            indexer.pause()
        else:
            indexer.resume()

    # The chosen photos

    def selected_ids(self) -> list[PhotoId]:
        """Return the photos that an action is about: the one in the viewer, else the selected ones."""
        shown = self.model.photo_id(self.viewer.row) if self.is_viewing else None
        return [shown] if shown is not None else self.view.selected_ids()

    def _show_chosen(self) -> None:
        if not self.panel.isVisible():
            return
        count, ids = self.view.selected_count(), self.view.selected_ids(1)
        photo = self.model.photo(self.model.row_of(ids[0])) if ids else None
        if count != 1:
            if self.panel.selected != count:
                self.panel.show_none(count)
        elif photo is not None and (photo != self.panel.photo or not self.panel.has_picture()):
            self.panel.show_photo(photo, self.loader.pixmap(photo.id))

    def _show_menu(self, place: QPoint) -> None:
        build_menu(self, self._bridge, self.view.selected_ids(), self).popup(place)

    def _show_panel(self) -> None:
        # In a library without photos the panel would only be in the way of the welcome.
        page = self.pane.page
        empty = page is not None and page.query.is_empty and not len(page)
        self.panel.setVisible(self._panel_button.isChecked() and not empty)

    def _on_panel_toggled(self, shown: bool) -> None:
        self._show_panel()
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
            self.pane.freeze(frozen=True)
            self._stack.setCurrentWidget(self.viewer)
            self.viewer.show_row(row)
            self.viewer.setFocus()

    def _on_viewer_closed(self, row: int) -> None:
        self._stack.setCurrentIndex(0)
        self.view.show_row(row)
        self.view.setFocus()
        self.view.fetch_seen()
        self.pane.freeze(frozen=False)

    def close_page(self) -> None:
        """Want nothing more of the library."""
        self._look.stop()
        self.pane.stop()
        self.search.close()
        self.loader.abandon()
