# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved searches: saved from the search bar, listed at the left, counted again when the library changes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.query import Query
from semantic_photos.domain.query_text import in_words, write
from semantic_photos.domain.translatable import Message
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.search.saved_searches_bar import SavedSearchesBar
from semantic_photos.gui.search.search_bar import SearchBar
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.gui.widgets.images import is_pasted
from semantic_photos.storage.saved_searches import LONGEST_NAME, SavedSearch
from semantic_photos.translation import tr, translated

#: Shortest time between two counts of the saved searches while photos are indexed.
RECOUNT_MS = 3000


class SavedSearchesController(QObject):
    """Connects the bookmark in the search bar, the list at the left and the library.

    Signals:
        asked: the ``Query`` of a saved search that was chosen.
    """

    asked = Signal(object)

    def __init__(self, bridge: Bridge, field: SearchBar, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge, self._field, self._window = bridge, field, parent
        bookmark = self._bookmark = field.bookmark
        self._query = Query()
        self._searches: list[SavedSearch] = []
        self._caution = bridge.library.settings.caution
        self.bar = SavedSearchesBar(folded=bridge.library.settings.saved_folded)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(RECOUNT_MS)
        self._again.timeout.connect(self._count)
        bookmark.setCheckable(True)
        bookmark.clicked.connect(self._on_bookmark)
        self.bar.chosen.connect(lambda search: self.asked.emit(search.query))
        self.bar.rename_wanted.connect(self._rename)
        self.bar.remove_wanted.connect(self._remove)
        # Also while photos keep coming, not only after the last one: a running timer is not restarted.
        bridge.photos_changed.connect(lambda _: None if self._again.isActive() else self._again.start())
        self.load()

    def load(self) -> None:
        """Read the saved searches again and list them."""
        self._bridge.run(self._bridge.library.catalog.searches.list, self._fill)

    def _fill(self, searches: Sequence[SavedSearch]) -> None:
        self._searches = list(searches)
        self.bar.show_searches(searches)
        self.show_query(self._query)
        self._count()

    def _count(self) -> None:
        # One by one, so that a query the user types comes in between.
        for saved in self._searches:
            self._count_one(saved)

    def _count_one(self, saved: SavedSearch) -> None:
        search, caution = self._bridge.library.search, self._caution
        # A search that fails shows no number.
        self._bridge.run(
            lambda: search.count(saved.query, caution), lambda count: self.bar.show_count(saved.id, count),
            lambda _error: None,
        )  # fmt: skip

    def set_caution(self, caution: float) -> None:
        """Count the good matches with another strictness."""
        self._caution = caution
        self._count()

    def show_query(self, query: Query) -> None:
        """Follow the query: the bookmark is filled when it is saved, and hidden when it cannot be."""
        self._query = query
        can = not query.is_empty and not self._bridge.library.read_only
        self._bookmark.setVisible(can)
        own = self._saved()
        self.bar.mark(own.id if own is not None else None)
        self._bookmark.setChecked(own is not None)
        self._bookmark.set_name(
            tr("Save this search  (Ctrl+S)")
            if own is None
            else tr("Saved as “{name}”. Click to rename.", name=formatting.shown(own.name))
        )

    def _saved(self) -> SavedSearch | None:
        written = write(self._query)
        return next((one for one in self._searches if written and one.text == written), None)

    def _on_bookmark(self) -> None:
        own = self._saved()
        self._bookmark.setChecked(own is not None)
        if own is not None:
            self.bar.edit(own.id)
        else:
            self.save()

    def save(self) -> None:
        """Ask for a name, and save the current query under it."""
        if not self._bookmark.isVisible() or self._saved() is not None:
            return
        query = self._query
        if any(example.path is not None and is_pasted(example.path) for example in query.examples):
            self._bridge.failed.emit(UserFacingError(
                Message("A search with a pasted picture cannot be saved: the picture is only kept for a while."),
                code="search.pasted", advice=Message("Save the picture as a file and drop that file here instead."),
            ))  # fmt: skip
            return
        named = translated(in_words(query, [formatting.middle(name, 40) for name in self._field.example_names()]))
        dialog = NameDialog(named[:LONGEST_NAME], self._window)
        dialog.named.connect(lambda name: self._add(name, query))
        dialog.open()

    def _add(self, name: str, query: Query) -> None:
        saved = self._bridge.library.catalog.searches
        self._bridge.run(lambda: saved.add(name, query), lambda _: self.load())

    def _rename(self, search_id: int, name: str) -> None:
        saved = self._bridge.library.catalog.searches
        self._bridge.run(lambda: saved.rename(search_id, name), lambda _: self.load(), self._on_refused)

    def _on_refused(self, error: Exception) -> None:
        self._bridge.failed.emit(error)
        self.load()

    def _remove(self, search_id: int) -> None:
        saved = self._bridge.library.catalog.searches
        self._bridge.run(lambda: saved.remove(search_id), lambda _: self.load())

    def stop(self) -> None:
        """Stop the timer."""
        self._again.stop()


class NameDialog(QDialog):
    """Asks for the name of a search.

    Signals:
        named: the name the user entered.
    """

    named = Signal(str)

    def __init__(self, proposed: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Save search"))
        self.setFixedWidth(380)
        self.edit = QLineEdit(proposed)
        self.edit.setMaxLength(LONGEST_NAME)
        self.edit.setAccessibleName(tr("Name of the search"))
        self.edit.selectAll()
        save, cancel = button(tr("Save"), "primary"), button(tr("Cancel"))
        save.setDefault(True)
        cancel.setAutoDefault(False)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(save)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(12)
        column.addWidget(label(tr("Save this search as"), "heading"))
        column.addWidget(self.edit)
        column.addLayout(row)
        cancel.clicked.connect(self.reject)
        save.clicked.connect(self._save)

    def _save(self) -> None:
        if self.edit.text().strip():
            self.named.emit(self.edit.text())
            self.accept()
