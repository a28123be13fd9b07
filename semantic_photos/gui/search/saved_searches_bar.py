# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of saved searches at the left, each with how many photos it finds now. Hidden while there are none."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from semantic_photos.domain.query_text import in_words
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import IconButton, label
from semantic_photos.storage.saved_searches import SavedSearch
from semantic_photos.translation import tr, translated, trc, trn

WIDE, NARROW = 196, 44
_COUNT = Qt.ItemDataRole.UserRole + 1
_SEARCH = Qt.ItemDataRole.UserRole
#: Whether it is the query that is shown.
_ASKED = Qt.ItemDataRole.UserRole + 2


class SavedSearchesBar(QFrame):
    """Lists saved searches.

    Signals:
        chosen: the ``SavedSearch`` to run.
        rename_wanted: its id and the new name.
        remove_wanted: its id.
        fold_changed: whether the user collapsed the list.
    """

    chosen = Signal(object)
    rename_wanted = Signal(int, str)
    remove_wanted = Signal(int)
    fold_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None, *, folded: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("saved")
        self._title = label(trc("heading of the list of saved searches", "Saved"), "heading")
        self._fold = IconButton("left", tr("Collapse the saved searches"))
        self._list = QListWidget()
        self._list.setObjectName("savedList")
        self._list.setAccessibleName(tr("Saved searches"))
        self._list.setItemDelegate(_Line(self._list))
        self._list.setEditTriggers(QListWidget.EditTrigger.EditKeyPressed)
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setMouseTracking(True)
        top = self._top = QHBoxLayout()
        top.setContentsMargins(12, 0, 0, 0)
        top.addWidget(self._title, 1)
        top.addWidget(self._fold)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 10, 4, 8)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self._list, 1)
        column.addStretch(0)
        self._is_folded, self._is_narrow = folded, False
        self._asked: int | None = None
        self._dress(folded=folded)
        self.hide()
        self._connect()

    def _connect(self) -> None:
        self._fold.clicked.connect(lambda: self.fold(folded=self._list.isVisible()))
        self._list.itemClicked.connect(self._choose)
        self._list.itemChanged.connect(self._on_renamed)
        self._list.customContextMenuRequested.connect(self._show_menu)
        for keys, go in (
            (Qt.Key.Key_Delete, self._remove), (Qt.Key.Key_Return, self._choose_current),
            (Qt.Key.Key_Enter, self._choose_current),
        ):  # fmt: skip
            shortcut = QShortcut(QKeySequence(keys), self._list)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(go)

    def searches(self) -> list[tuple[str, int | None]]:
        """Return name and count of each line."""
        items = [self._list.item(row) for row in range(self._list.count())]
        return [(item.text(), item.data(_COUNT)) for item in items]

    def show_searches(self, searches: Sequence[SavedSearch]) -> None:
        """List these; known counts stay until new ones come."""
        counts = {item.data(_SEARCH).id: item.data(_COUNT) for item in map(self._list.item, range(self._list.count()))}
        current = self._list.currentItem().data(_SEARCH).id if self._list.currentItem() is not None else None
        blocker = QSignalBlocker(self._list)
        self._list.clear()
        for search in searches:
            item = QListWidgetItem(formatting.shown(search.name))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setData(_SEARCH, search)
            self._tell(item, counts.get(search.id))
            self._list.addItem(item)
            if search.id == current:
                self._list.setCurrentItem(item)
        blocker.unblock()
        self.mark(self._asked)
        self.setVisible(bool(searches))

    def show_count(self, search_id: int, count: int) -> None:
        """Show how many photos a search finds."""
        blocker = QSignalBlocker(self._list)
        for row in range(self._list.count()):
            item = self._list.item(row)
            if item.data(_SEARCH).id == search_id:
                self._tell(item, count)
        blocker.unblock()
        self._list.viewport().update()

    def mark(self, search_id: int | None) -> None:
        """Mark the search whose query is shown, however it came about; None for none of them."""
        self._asked = search_id
        blocker = QSignalBlocker(self._list)
        for item in map(self._list.item, range(self._list.count())):
            item.setData(_ASKED, item.data(_SEARCH).id == search_id)
            self._tell(item, item.data(_COUNT))
        blocker.unblock()
        self._list.viewport().update()

    def marked(self) -> list[str]:
        """Return the names that are marked."""
        items = map(self._list.item, range(self._list.count()))
        return [item.text() for item in items if item.data(_ASKED)]

    @staticmethod
    def _tell(item: QListWidgetItem, count: int | None) -> None:
        search: SavedSearch = item.data(_SEARCH)
        item.setData(_COUNT, count)
        told = [search.name]
        if count is not None:
            told.append(trn("{count:,} photo", "{count:,} photos", count))
        if item.data(_ASKED):
            told.append(tr("shown now"))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(told))
        item.setToolTip(formatting.shown(translated(in_words(search.query))))

    def fold(self, *, folded: bool) -> None:
        """Collapse the list to a strip, or expand it."""
        changed, self._is_folded = folded != self._is_folded, folded
        self._dress(folded=folded)
        if changed:
            self.fold_changed.emit(folded)

    def fit(self, *, narrow: bool) -> None:
        """Collapse in a narrow window, and expand again unless the user collapsed it."""
        if narrow != self._is_narrow:
            self._is_narrow = narrow
            self._dress(folded=narrow or self._is_folded)

    def _dress(self, *, folded: bool) -> None:
        self._title.setVisible(not folded)
        self._list.setVisible(not folded)
        self._fold.set_icon("saved" if folded else "left")
        self._fold.set_name(tr("Show the saved searches") if folded else tr("Collapse the saved searches"))
        self._top.setContentsMargins(0 if folded else 12, 0, 0, 0)
        self.setFixedWidth(NARROW if folded else WIDE)

    def edit(self, search_id: int) -> None:
        """Let the user change a name."""
        self.fold(folded=False)
        for item in map(self._list.item, range(self._list.count())):
            if item.data(_SEARCH).id == search_id:
                self._list.setCurrentItem(item)
                self._list.editItem(item)

    def _choose(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(_SEARCH))

    def _choose_current(self) -> None:
        if self._list.currentItem() is not None:
            self._choose(self._list.currentItem())

    def _remove(self) -> None:
        if self._list.currentItem() is not None:
            self.remove_wanted.emit(self._list.currentItem().data(_SEARCH).id)

    def _on_renamed(self, item: QListWidgetItem) -> None:
        search: SavedSearch = item.data(_SEARCH)
        if item.text() != formatting.shown(search.name):
            self.rename_wanted.emit(search.id, item.text())

    def _show_menu(self, place: QPoint) -> None:
        item = self._list.itemAt(place)
        if item is None:
            return
        self._list.setCurrentItem(item)
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for text, keys, go in (
            (tr("Rename"), "F2", lambda: self._list.editItem(item)),
            (tr("Remove"), "Del", self._remove),
        ):
            action = QAction(text, menu)
            action.setShortcut(QKeySequence(keys))
            action.triggered.connect(lambda _=False, go=go: go())
            menu.addAction(action)
        menu.popup(self._list.viewport().mapToGlobal(place))


class _Line(QStyledItemDelegate):
    """A name and, dimmer at the right, the number of photos. Filled if its query is shown, framed if focused."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(60, option.fontMetrics.height() + 14)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        flag = QStyle.StateFlag
        asked, keys = index.data(_ASKED), option.state & flag.State_HasFocus
        if asked or keys or option.state & flag.State_MouseOver:
            painter.setPen(theme.color("accent") if keys else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft" if asked else "raised"))
            painter.drawRoundedRect(option.rect.adjusted(1, 1, -1, -1), 6, 6)
        room, metrics = option.rect.adjusted(12, 0, -10, 0), option.fontMetrics
        count = index.data(_COUNT)
        if count is not None:
            painter.setPen(theme.color("dim"))
            number = tr("{count:,}", count=count)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, number)
            room.setRight(room.right() - metrics.horizontalAdvance(number) - 10)
        painter.setPen(theme.color("text"))
        name = metrics.elidedText(index.data(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, name)
        painter.restore()
