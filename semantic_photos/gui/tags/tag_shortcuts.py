# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys for tags, ratings and favourites on the main page, and the toast that reports what they did."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.tags import Remark
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.details.rating_bar import STARS
from semantic_photos.gui.search.library_page import LibraryPage
from semantic_photos.gui.widgets.toast import Toast
from semantic_photos.translation import tr

#: The details panel follows the selection with a delay.
_SOON_MS = 40


class TagShortcuts(QObject):
    """Binds the keys of one page."""

    def __init__(self, window: QWidget, page: LibraryPage, bridge: Bridge) -> None:
        super().__init__(page)
        self._page, self._tags, self._bridge = page, page.panel.tags, bridge
        self.toast = Toast(page)
        self.toast.undo_wanted.connect(page.undo.undo)
        page.undo.said.connect(self.toast.say)
        page.undo.did.connect(self.toast.offer_undo)
        self._tags.left.connect(self._leave_field)
        whole, own = Qt.ShortcutContext.WindowShortcut, Qt.ShortcutContext.WidgetShortcut
        _bind("Ctrl+T", window, self.add_tag, whole)
        _bind("Ctrl+Z", window, page.undo.undo, whole)
        _bind("Ctrl+Shift+Z", window, page.undo.redo, whole)
        for stars in range(STARS + 1):
            _bind(f"Ctrl+{stars}", window, partial(self._rate, stars), whole)
            _bind(str(stars), page.view, partial(self._rate_or_type, stars), own)
        _bind("*", page.view, self.toggle_favourite, own)
        _bind("F", page.viewer, self.toggle_favourite, Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def add_tag(self) -> None:
        """Put the focus into the field that adds a tag to the selected photos."""
        page = self._page
        if not page.isVisible():
            return
        if page.is_viewing:
            page.viewer.close_viewer()
        if not page.selected_ids():
            self.toast.say(tr("Select a photo first, then press Ctrl+T to add a tag."))
            return
        if not page.panel.isVisible():
            page.toggle_panel()
        QTimer.singleShot(_SOON_MS, self._tags.take_focus)

    def toggle_favourite(self) -> None:
        """Add the selected photos to the favourites, or remove them."""
        ids, library = self._page.selected_ids(), self._bridge.library
        if ids:
            self._bridge.run(lambda: library.tags.remarks(ids), lambda remarks: self._favour(ids, remarks))

    def _favour(self, ids: list[PhotoId], remarks: dict[PhotoId, Remark]) -> None:
        self._tags.favour(not all(remarks.get(photo_id, Remark()).favourite for photo_id in ids), ids)

    def _rate(self, stars: int) -> None:
        ids = self._page.selected_ids()
        if ids and self._page.isVisible():
            self._tags.rate(stars, ids)

    def _rate_or_type(self, stars: int) -> None:
        # Without a selection a digit begins a query, like any letter.
        if self._page.selected_ids():
            self._rate(stars)
        else:
            self._page.view.typed.emit(str(stars))

    def _leave_field(self) -> None:
        self._page.view.setFocus(Qt.FocusReason.OtherFocusReason)


def _bind(keys: str, owner: QWidget, go: Callable[[], object], context: Qt.ShortcutContext) -> None:
    shortcut = QShortcut(QKeySequence(keys), owner)
    shortcut.setContext(context)
    shortcut.activated.connect(lambda: go())
