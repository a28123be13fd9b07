# SPDX-License-Identifier: GPL-3.0-or-later
"""The main page: places and connects search bar, saved searches, grid, viewer, details panel and status bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from semantic_photos.domain.messages import IndexingProgress
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import ResultPage
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.details.side_panel import SidePanel
from semantic_photos.gui.grid.cell_overlays import STACK, UP
from semantic_photos.gui.grid.photo_menu import DOWN_KEYS, STACK_KEYS, UP_KEYS, Entry, build_menu
from semantic_photos.gui.grid.result_cutoff_bar import ResultCutoffBar
from semantic_photos.gui.grid.result_model import Facts, ResultModel, Role
from semantic_photos.gui.grid.result_pane import ResultPane
from semantic_photos.gui.grid.thumbnail_loader import ThumbnailLoader
from semantic_photos.gui.search.example_chips import ExampleChips
from semantic_photos.gui.search.external_examples import ExternalExamples
from semantic_photos.gui.search.focus_bar import FocusBar
from semantic_photos.gui.search.grid_heat_maps import GridHeatMaps
from semantic_photos.gui.search.pack_change_bar import PackChangeBar
from semantic_photos.gui.search.query_builder import QueryBuilder
from semantic_photos.gui.search.query_problems import QueryProblemLine
from semantic_photos.gui.search.relevance_feedback import FeedbackController
from semantic_photos.gui.search.saved_searches import SavedSearchesController
from semantic_photos.gui.search.search_bar import SearchBar
from semantic_photos.gui.search.search_controller import SearchController
from semantic_photos.gui.search.status_bar import StatusBar
from semantic_photos.gui.undo import UndoStack
from semantic_photos.gui.viewer.explanation import ExplanationController
from semantic_photos.gui.viewer.photo_viewer import PhotoViewer
from semantic_photos.gui.widgets import placeholders, theme
from semantic_photos.gui.widgets.controls import IconButton
from semantic_photos.translation import tr, trn

#: Below this width in pixels the saved searches collapse by themselves.
ROOM_FOR_SAVED = 900


class LibraryPage(QWidget):
    """The page of an open library.

    Signals:
        folders_requested, add_requested, failures_requested, settings_requested: the user asks for a dialog.
        full_screen_toggled: the user enters or leaves full screen.
        side_changed: the new thumbnail size in pixels.
        panel_toggled: the details panel was shown or hidden.
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
        self.query_builder = QueryBuilder(bridge, self.search, self.bar, self)
        self.voting = FeedbackController(bridge, self.model, self)
        self.pane = ResultPane(self.model, settings.thumbnail_side)
        self.view = self.pane.view
        self.undo = UndoStack(bridge, self)
        self.panel = SidePanel(bridge, self.undo)
        self.jobs = StatusBar(settings.thumbnail_side)
        self.jobs.add_part(PackChangeBar(bridge))
        self.viewer = PhotoViewer(bridge, self.model)
        self.explaining = ExplanationController(bridge, self.viewer, self)
        self.focus_bar = FocusBar()
        self.saved_searches = SavedSearchesController(bridge, self.bar, self)
        self.external_examples = ExternalExamples(bridge, self)
        self.advice = placeholders.AdviceBar()
        self.problems = QueryProblemLine()
        self.cutoff_bar = ResultCutoffBar(settings.caution, settings.result_order)
        self.heat_maps = GridHeatMaps(bridge, self.model, self.view, self.cutoff_bar, self)
        self._example_chips = ExampleChips(bridge, self.loader, self)
        self._back = IconButton("back", tr("Back  (Alt+←)"))
        self._forward = IconButton("forward", tr("Forward  (Alt+→)"))
        self._folders_button = IconButton("folder", tr("Folders  (Ctrl+L)"))
        self._settings_button = IconButton("settings", tr("Preferences  (Ctrl+,)"))
        self._panel_button = IconButton("panel", tr("Details panel  (Ctrl+I)"))
        self._panel_button.setCheckable(True)
        self._panel_button.setChecked(settings.side_panel)
        self.panel.hide()
        self._enter_soon = False
        self.more_entries: Callable[[Sequence[PhotoId]], list[Entry]] = lambda _: []
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
        top = self._top = QHBoxLayout()
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
        hints.setContentsMargins(theme.MARGIN, 0, theme.MARGIN, 0)
        hints.setSpacing(6)
        hints.addWidget(self.problems)
        hints.addWidget(self.focus_bar)
        hints.addWidget(self.advice)
        hints.addWidget(self.voting.line)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        photos = QVBoxLayout()
        photos.setSpacing(0)
        # Above the photos alone, so that the panels beside them do not move when a hint appears.
        photos.addLayout(hints)
        photos.addWidget(self.pane, 1)
        photos.addWidget(self.cutoff_bar)
        middle.addWidget(self.saved_searches.bar)
        middle.addLayout(photos, 1)
        middle.addWidget(self.panel)
        browse = QWidget()
        column = QVBoxLayout(browse)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addLayout(middle, 1)
        column.addWidget(self.jobs)
        self._stack.addWidget(browse)
        self._stack.addWidget(self.viewer)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _connect_asking(self) -> None:
        self.bar.submitted.connect(self._on_submitted)
        self.bar.left_down.connect(self._enter_grid)
        self.bar.problems_told.connect(self.problems.show_told)
        self.problems.mended.connect(self.bar.mend)
        self.search.answered.connect(self._on_answer)
        self.search.failed.connect(self.pane.show_trouble)
        self.query_builder.leaving.connect(self._leave_viewer)
        self.search.history_changed.connect(self._on_history)
        self.pane.page_shown.connect(self._on_page_shown)
        self.pane.rearranged.connect(self._show_cutoff)
        self.pane.refresh_wanted.connect(self.search.refresh)
        self.pane.drop_wanted.connect(self.query_builder.drop)
        self.cutoff_bar.more_wanted.connect(self.pane.show_weaker)
        self.cutoff_bar.fewer_wanted.connect(self.pane.hide_weaker)
        for one in (self.search, self.saved_searches, self.panel.near_word, self.panel.near_photo):
            self.cutoff_bar.caution_changed.connect(one.set_caution)
        self.cutoff_bar.order_changed.connect(self.search.set_order)
        self.pane.all_wanted.connect(self.query_builder.everything)
        self.pane.word_chosen.connect(lambda word: self.query_builder.take_suggestion(word, self.pane.page))
        self.advice.word_chosen.connect(self.query_builder.replace)
        self.bar.paste_wanted.connect(self.external_examples.paste)
        self.bar.file_button.clicked.connect(self.external_examples.choose_file)
        self.external_examples.picture_given.connect(self.query_builder.similar_to_file)
        self.saved_searches.asked.connect(self.query_builder.go)
        for explorer in (self.panel.near_word, self.panel.near_photo):
            self._bridge.photos_changed.connect(explorer.refresh)
            explorer.add_wanted.connect(self.query_builder.add_word)
            explorer.replace_wanted.connect(self.query_builder.replace_or_ask)
        self.focus_bar.focus_requested.connect(self.query_builder.focus)
        self._example_chips.look_ready.connect(self.bar.set_example_chip)
        self._example_chips.words_ready.connect(self.focus_bar.show_words)
        self._back.clicked.connect(self.search.back)
        self._forward.clicked.connect(self.search.forward)
        self._back.setEnabled(False)
        self._forward.setEnabled(False)

    def _connect_photos(self) -> None:
        self.view.open_requested.connect(lambda row: self.open_viewer(row))
        self.view.menu_requested.connect(self._show_menu)
        self.view.marks.pressed.connect(self._on_mark)
        self.view.side_requested.connect(self.jobs.step_side)
        self.view.typed.connect(self.bar.type_on)
        self.view.chosen.connect(self._look.start)
        self.model.dataChanged.connect(lambda *_: self._look.start())
        self.model.modelReset.connect(self._look.start)
        self._look.timeout.connect(self._show_chosen)
        self.panel.word_chosen.connect(self.query_builder.word)
        self.panel.similar_requested.connect(self.query_builder.similar)
        self.panel.open_requested.connect(lambda photo_id: self.open_viewer(self.model.row_of(photo_id)))
        self.viewer.closed.connect(self._on_viewer_closed)
        self.viewer.similar_requested.connect(self.query_builder.similar)
        self.viewer.part_requested.connect(self.query_builder.part)
        self.voting.judged.connect(self.search.refresh)
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

    def add_tool(self, tool: QWidget) -> None:
        """Put one more button beside the search field."""
        self._top.insertWidget(self._top.indexOf(self._folders_button), tool)

    # Searching

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

    def _show_cutoff(self) -> None:
        self.cutoff_bar.show_page(self.pane.page, self.model.arrangement)

    def _on_page_shown(self, page: ResultPage | None) -> None:
        self.jobs.show_page(page)
        self._show_cutoff()
        self.voting.show_page(page)
        self.explaining.show_page(page)
        self.heat_maps.show_page(page)
        self.saved_searches.show_query(self.search.query)
        self.advice.show_page(page if page is not None and len(page) else None)
        self.panel.explore_page(page)
        self._example_chips.show_query(self.search.query if page is None else page.query)
        # A focus needs an example photo to move towards.
        self.focus_bar.setVisible(page is not None and any(example.weight > 0 for example in page.query.examples))
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

    # Selected photos

    def selected_ids(self) -> list[PhotoId]:
        """Return the photos that actions apply to: the one in the viewer, else the selected ones."""
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
            self.panel.tags.show_photos(self.view.selected_ids() if count else [])
        elif photo is not None and (photo != self.panel.photo or not self.panel.has_picture()):
            self.panel.show_photo(photo, self.loader.pixmap(photo.id))

    def _on_mark(self, row: int, mark: str) -> None:
        photo_id = self.model.photo_id(row)
        if mark == STACK:
            self.pane.toggle_group(row)
        elif photo_id is not None:
            self.voting.vote([photo_id], 1 if mark == UP else -1)

    def _show_menu(self, place: QPoint) -> None:
        ids = self.view.selected_ids()
        asked = not self.query_builder.query.is_empty
        build_menu(self.query_builder, self._bridge, ids, self, self._menu_entries(ids), asked=asked).popup(place)

    def _menu_entries(self, ids: Sequence[PhotoId]) -> list[Entry]:
        entries = []
        index = self.model.index(self.model.row_of(ids[0])) if len(ids) == 1 else QModelIndex()
        copies = index.data(Role.COPIES) or 0
        if copies or index.data(Role.IS_COPY):
            if index.data(Role.IS_OPEN) or not copies:
                text = tr("Hide near-duplicates")
            else:
                text = trn("Show {count:,} near-duplicate", "Show {count:,} near-duplicates", copies)
            entries.append(Entry(text, "stack", lambda: self.pane.toggle_group(index.row()), STACK_KEYS))
        if self.voting.can_vote:
            entries.append(Entry(tr("Good match"), "thumb-up", lambda: self.voting.vote(ids, 1), UP_KEYS))
            entries.append(Entry(tr("Not a match"), "thumb-down", lambda: self.voting.vote(ids, -1), DOWN_KEYS))
            if len(ids) == 1:
                entries.append(Entry(tr("Why this photo?"), "why", lambda: self.explain(index.row())))
        return [*entries, *self.more_entries(ids)]

    def _show_panel(self) -> None:
        # In a library without photos the panel would only take room from the welcome.
        page = self.pane.page
        empty = page is not None and not len(page) and (page.query.is_empty or not page.total)
        self.panel.setVisible(self._panel_button.isChecked() and not empty)

    def _on_panel_toggled(self, shown: bool) -> None:
        self._show_panel()
        self.panel_toggled.emit(shown)
        self._look.start()

    def toggle_panel(self) -> None:
        """Show or hide the details panel."""
        self._panel_button.toggle()

    # The viewer

    @property
    def is_viewing(self) -> bool:
        """Return whether the viewer is open."""
        return self._stack.currentWidget() is self.viewer

    def open_viewer(self, row: int, *, explaining: bool = False) -> None:
        """Open the photo of a row in the viewer."""
        if 0 <= row < self.model.rowCount():
            self.search.settle()
            self.pane.freeze(frozen=True)
            self._stack.setCurrentWidget(self.viewer)
            (self.viewer.explain if explaining else self.viewer.show_row)(row)
            self.viewer.setFocus()

    def explain(self, row: int) -> None:
        """Open the photo of a row in the viewer with the explanation of its match."""
        self.open_viewer(row, explaining=True)

    def _leave_viewer(self) -> None:
        if self.is_viewing:
            self.viewer.close_viewer()

    def _on_viewer_closed(self, row: int) -> None:
        self._stack.setCurrentIndex(0)
        self.view.show_row(row)
        self.view.setFocus()
        self.view.fetch_seen()
        self.pane.freeze(frozen=False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.panel.fit(self.width())
        self.saved_searches.bar.fit(narrow=self.width() < ROOM_FOR_SAVED)

    def close_page(self) -> None:
        """Stop all timers and requests to the library."""
        self._look.stop()
        self.pane.stop()
        self.saved_searches.stop()
        self.heat_maps.stop()
        self.external_examples.forget()
        self.search.close()
        self.loader.abandon()
