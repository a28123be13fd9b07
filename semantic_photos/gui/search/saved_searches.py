# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches with a name: saved from the search bar, listed at the left, counted anew when the library changes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.query import Query
from semantic_photos.domain.query_text import in_words, write
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.search.saved_searches_bar import SavedSearchesBar
from semantic_photos.gui.search.search_bar import SearchBar
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.gui.widgets.images import is_pasted
from semantic_photos.storage.saved_searches import LONGEST_NAME, SavedSearch

#: While photos come in, saved searches are counted again at most so often.
RECOUNT_MS = 3000


class SavedSearchesController(QObject):
    """Connects the bookmark in the search bar, the bar at the left and the library.

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
        # While photos keep coming, too: not after the last one only.
        bridge.photos_changed.connect(lambda _: None if self._again.isActive() else self._again.start())
        self.load()

    def load(self) -> None:
        """List what is saved."""
        self._bridge.run(self._bridge.library.catalog.searches.list, self._fill)

    def _fill(self, searches: Sequence[SavedSearch]) -> None:
        self._searches = list(searches)
        self.bar.show_searches(searches)
        self.show_query(self._query)
        self._count()

    def _count(self) -> None:
        # One by one, so that a query that is typed comes in between.
        for saved in self._searches:
            self._count_one(saved)

    def _count_one(self, saved: SavedSearch) -> None:
        search, caution = self._bridge.library.search, self._caution
        # A search that fails has no number.
        self._bridge.run(
            lambda: search.count(saved.query, caution), lambda count: self.bar.show_count(saved.id, count),
            lambda _error: None,
        )  # fmt: skip

    def set_caution(self, caution: float) -> None:
        """Count with another border of good matches, as the photos do."""
        self._caution = caution
        self._count()

    def show_query(self, query: Query) -> None:
        """Take in what is asked: the bookmark is filled when it is saved, and away when it cannot be."""
        self._query = query
        can = not query.is_empty and not self._bridge.library.read_only
        self._bookmark.setVisible(can)
        own = self._saved()
        self.bar.mark(own.id if own is not None else None)
        self._bookmark.setChecked(own is not None)
        self._bookmark.set_name("Save this search  (Ctrl+S)" if own is None else f"Saved as “{own.name}”: rename it")

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
        """Ask for a name, and save the present query under it."""
        if not self._bookmark.isVisible() or self._saved() is not None:
            return
        query = self._query
        if any(example.path is not None and is_pasted(example.path) for example in query.examples):
            self._bridge.failed.emit(UserFacingError(
                "A search with a pasted picture cannot be saved: the picture is gone when the program ends.",
                code="search.pasted", advice="Save the picture as a file, and drop that file here instead.",
            ))  # fmt: skip
            return
        named = in_words(query, [formatting.middle(name, 40) for name in self._field.example_names()])
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
        """Ask for nothing more."""
        self._again.stop()


class NameDialog(QDialog):
    """Asks for the name of a search.

    Signals:
        named: the name that was given.
    """

    named = Signal(str)

    def __init__(self, proposed: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Save this search")
        self.setFixedWidth(380)
        self.edit = QLineEdit(proposed)
        self.edit.setMaxLength(LONGEST_NAME)
        self.edit.setAccessibleName("Name of the search")
        self.edit.selectAll()
        save, cancel = button("Save", "primary"), button("Cancel")
        save.setDefault(True)
        cancel.setAutoDefault(False)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(save)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(12)
        column.addWidget(label("Save this search as", "heading"))
        column.addWidget(self.edit)
        column.addLayout(row)
        cancel.clicked.connect(self.reject)
        save.clicked.connect(self._save)

    def _save(self) -> None:
        if self.edit.text().strip():
            self.named.emit(self.edit.text())
            self.accept()
