# SPDX-License-Identifier: GPL-3.0-or-later
"""The middle of the page: the grid or a page with a message instead, and the button for new photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from PySide6.QtCore import QItemSelectionModel, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedWidget

from semantic_photos.domain.messages import IndexingPhase, IndexingProgress, PhotosChanged
from semantic_photos.domain.photo import Folder
from semantic_photos.domain.query import ResultPage
from semantic_photos.gui.grid.result_model import ResultModel, Role
from semantic_photos.gui.grid.result_rows import WEAKER
from semantic_photos.gui.grid.result_view import ResultView
from semantic_photos.gui.widgets import placeholders
from semantic_photos.gui.widgets.controls import button
from semantic_photos.translation import trn

#: Shortest time between two runs of the same query while photos are indexed.
REFRESH_MS = 1000
#: While a word is being typed, the old result stays for so long: half a word often means nothing yet.
EMPTY_MS = 700
#: A larger selection is not carried over to a refreshed list.
MOST_KEPT = 500


class ResultPane(QStackedWidget):
    """Shows the newest result.

    Signals:
        page_shown: the ``ResultPage`` that is shown now, or None after a failure.
        rearranged: the same page is shown with other rows.
        refresh_wanted: the same query should run again.
        all_wanted: the user wants to see all photos.
        word_chosen: a suggested word was pressed.
        drop_wanted: the same query should run without this term.
        add_requested, folders_requested: the user asks for a dialog about folders.
    """

    page_shown = Signal(object)
    rearranged = Signal()
    refresh_wanted = Signal()
    all_wanted = Signal()
    word_chosen = Signal(str)
    drop_wanted = Signal(str)
    add_requested = Signal()
    folders_requested = Signal()

    def __init__(self, model: ResultModel, side: int) -> None:
        super().__init__()
        self._model = model
        self.view = ResultView(model, side)
        self.state_page = placeholders.PlaceholderPage()
        self.page: ResultPage | None = None
        self._coming: tuple[ResultPage, bool] | None = None
        self._folders: Sequence[Folder] | None = None
        self._progress: IndexingProgress | None = None
        self._frozen = self._stale = False
        self._before: tuple[int, dict[int, tuple[int, ...]]] | None = None
        self._news = button("", "primary")
        self._news.setParent(self)
        self._news.hide()
        self._new_count = 0
        self._empty = _once(self, EMPTY_MS)
        self._refresh = _once(self, REFRESH_MS)
        self.addWidget(self.view)
        self.addWidget(self.state_page)
        self._empty.timeout.connect(self._take_page)
        self._refresh.timeout.connect(self.refresh_wanted)
        self._news.clicked.connect(self._show_news)
        self.state_page.word_chosen.connect(self.word_chosen)

    @property
    def shows_photos(self) -> bool:
        """Return whether the grid is shown."""
        return self.currentWidget() is self.view

    # Results

    def show_page(self, page: ResultPage, *, again: bool, typing: bool) -> None:
        """Show a result.

        Args:
            page: the result.
            again: the query is the one before, so that scroll position and selection are kept.
            typing: a word is being typed, so that an empty result may wait a moment for the rest of the word.
        """
        self._coming = page, again
        if typing and not len(page) and self.shows_photos and self._model.rowCount():
            self._empty.start()
        else:
            self._take_page()

    def _take_page(self) -> None:
        self._empty.stop()
        if self._coming is None:
            return
        (page, again), self._coming = self._coming, None
        same = again and self.page is not None and np.array_equal(self.page.ids, page.ids)
        self.page = page
        same = same and self._same_cutoff(page)
        if not same:
            with self._kept(keep=again):
                self._model.set_page(page, again=again)
        self._hide_news()
        self._show_content()
        self.page_shown.emit(page)

    def _same_cutoff(self, page: ResultPage) -> bool:
        before = self._before
        self._before = (page.strong, page.stacks)
        return before == self._before

    @contextmanager
    def _kept(self, *, keep: bool = True) -> Iterator[None]:
        """Keep selection and scroll position while the rows change; without ``keep`` go to the top."""
        view, bar = self.view, self.view.verticalScrollBar()
        kept = (view.selected_ids(MOST_KEPT), view.currentIndex().data(Role.PHOTO_ID)) if keep else ([], None)
        place, row = (bar.value(), view.currentIndex().row()) if keep else (0, -1)
        yield
        view.select_ids(*kept)
        if kept[0] and not view.selected_count():
            # The selected photo has gone, perhaps after a vote: select the one that took its place.
            view.show_row(min(row, self._model.rowCount() - 1))
        if view.hasFocus() and not view.currentIndex().isValid():
            # Show the focus frame, and let Enter open the photo in it.
            view.selectionModel().setCurrentIndex(self._model.index(0), QItemSelectionModel.SelectionFlag.NoUpdate)
        bar.setValue(place)

    def show_weaker(self) -> None:
        """Show some more of the weaker matches."""
        first = self._model.rowCount()
        self._rearrange(lambda: self._model.show_weaker(self._model.arrangement.weaker + WEAKER))
        self.view.scrollTo(self._model.index(first))

    def hide_weaker(self) -> None:
        """Show good matches only."""
        self._rearrange(lambda: self._model.show_weaker(0))

    def toggle_group(self, row: int) -> None:
        """Show or hide the near-duplicates of a photo; ``row`` may be one of them."""
        while row > 0 and row in self._model.arrangement.members:
            row -= 1
        photo_id = self._model.photo_id(row)
        if photo_id is not None and int(photo_id) in self._model.arrangement.stacks:
            self._rearrange(lambda: self._model.toggle_group(int(photo_id)))

    def _rearrange(self, change: Callable[[], object]) -> None:
        with self._kept():
            change()
        self.rearranged.emit()

    def show_trouble(self, error: Exception) -> None:
        """Show why a query failed."""
        self._empty.stop()
        self.page = self._coming = None
        self.state_page.show_state(placeholders.trouble(error, self.all_wanted.emit))
        self.setCurrentWidget(self.state_page)
        self.page_shown.emit(None)

    def show_folders(self, folders: Sequence[Folder]) -> None:
        """Follow the list of folders: without any, this is the first start."""
        self._folders = folders
        self._show_content()

    def show_progress(self, progress: IndexingProgress) -> None:
        """Follow the indexing progress."""
        self._progress = progress
        if self.page is None or len(self.page):
            return
        self._show_content()
        # Photos that are known but not indexed yet can be shown already.
        if self.page.query.is_empty and progress.counts.total and not self._refresh.isActive():
            self._refresh.start()

    def _show_content(self) -> None:
        page = self.page
        if page is None:
            return
        if len(page):
            self.setCurrentWidget(self.view)
        else:
            self.state_page.show_state(self._state(page))
            self.setCurrentWidget(self.state_page)

    def _state(self, page: ResultPage) -> placeholders.Placeholder:
        progress = self._progress
        busy = progress is not None and (
            progress.phase in (IndexingPhase.SCANNING, IndexingPhase.INDEXING) or progress.counts.pending > 0
        )
        if self._folders is not None and not self._folders:
            return placeholders.welcome(self.add_requested.emit)
        if not page.query.is_empty:
            return placeholders.nothing_found(page, self.all_wanted.emit, self.drop_wanted.emit)
        if busy or self._folders is None:
            return (
                placeholders.looking(progress.done, progress.total)
                if progress is not None
                else placeholders.looking(0, 0)
            )
        return placeholders.no_photos(self.folders_requested.emit)

    # Changes in the library

    def take_change(self, change: PhotosChanged) -> None:
        """Refresh soon, or offer to, when photos were added or removed."""
        if change.updated:
            self._model.forget(change.updated)
        if change.added:
            # A photo that was shown before it was indexed has been read now: its size and camera are known.
            self._model.forget(change.added, pictures=False)
        at_top = self.view.verticalScrollBar().value() == 0
        if self._frozen:
            self._stale = True
        elif change.removed or at_top or not self._model.rowCount():
            if not self._refresh.isActive():
                self._refresh.start()
        elif change.added:
            self._new_count += len(change.added)
            self._news.setText(trn("Show {count:,} new photo", "Show {count:,} new photos", self._new_count))
            self._place_news()
            self._news.show()
            self._news.raise_()

    def freeze(self, *, frozen: bool) -> None:
        """Do not refresh the list while the viewer is open."""
        self._frozen = frozen
        if not frozen and self._stale:
            self._stale = False
            self._refresh.start()

    def _place_news(self) -> None:
        self._news.adjustSize()
        self._news.move((self.width() - self._news.width()) // 2, 14)

    def _hide_news(self) -> None:
        self._new_count = 0
        self._news.hide()

    def _show_news(self) -> None:
        self.view.verticalScrollBar().setValue(0)
        self.refresh_wanted.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_news()

    def stop(self) -> None:
        """Stop all timers."""
        self._refresh.stop()
        self._empty.stop()


def _once(owner: ResultPane, interval_ms: int) -> QTimer:
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    return timer
