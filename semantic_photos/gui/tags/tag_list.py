# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of tags on the review page, each with its number of photos to review and its progress."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from semantic_photos.domain.tags import SEPARATOR, Standing, TagCount
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.translation import tr

WIDTH = 236
_Index = QModelIndex | QPersistentModelIndex


class TagList(QWidget):
    """A list of tags with a field to filter them.

    Signals:
        chosen: the selected tag, or an empty text when none is left.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: dict[str, TagCount] = {}
        self._order: list[str] = []
        self._wanted = ""
        self.setFixedWidth(WIDTH)
        self._narrow = QLineEdit()
        self._narrow.setPlaceholderText(tr("Filter tags"))
        self._narrow.setAccessibleName(tr("Filter tags"))
        self._model = _Tags(self)
        self.view = QListView()
        self.view.setObjectName("tagList")
        self.view.setAccessibleName(tr("Tags"))
        self.view.setUniformItemSizes(True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setMouseTracking(True)
        self.view.setModel(self._model)
        self.view.setItemDelegate(_TagDelegate(self.view))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 4, 8)
        column.setSpacing(8)
        column.addWidget(self._narrow)
        column.addWidget(self.view, 1)
        self._narrow.textEdited.connect(self._show)
        self.view.selectionModel().currentChanged.connect(lambda *_: self._on_current())

    @property
    def tag(self) -> str:
        """Return the selected tag, or an empty text."""
        return self._wanted

    def count_of(self, tag: str) -> TagCount:
        """Return the photos of a tag, counted by standing."""
        return self._counts.get(tag, TagCount(tag, {}))

    def tags(self) -> list[str]:
        """Return the tags that are shown, in order."""
        return [one.tag for one in self._model.rows]

    def show_counts(self, counts: Sequence[TagCount], *, anew: bool = False) -> None:
        """Show these tags; their order stays while the user reviews them, unless ``anew``."""
        self._counts = {one.tag: one for one in counts if any(one.photos.values())}
        by_work = sorted(self._counts.values(), key=lambda one: (-open_of(one), -one.kept, one.tag.casefold()))
        if anew:
            self._order = [one.tag for one in by_work]
        else:
            # The selected tag keeps its place even when no photo of it is left.
            known = [tag for tag in self._order if tag in self._counts or tag == self._wanted]
            placed = set(known)
            self._order = [*known, *(one.tag for one in by_work if one.tag not in placed)]
        self._show()

    def choose(self, tag: str) -> None:
        """Select a tag; a filter that hides it is cleared."""
        if tag not in self.tags():
            self._narrow.clear()
            self._order = [tag, *(one for one in self._order if one != tag)]
            self._wanted = tag
            self._show()
        for row, name in enumerate(self.tags()):
            if name == tag:
                self.view.setCurrentIndex(self._model.index(row))

    def step(self, by: int) -> None:
        """Move the selection by a number of tags."""
        row = min(max(self.view.currentIndex().row() + by, 0), self._model.rowCount() - 1)
        self.view.setCurrentIndex(self._model.index(row))

    def _show(self, _typed: str = "") -> None:
        typed = self._narrow.text().strip().casefold()
        shown = [tag for tag in self._order if typed in tag.casefold()]
        self._model.show([self.count_of(tag) for tag in shown])
        row = shown.index(self._wanted) if self._wanted in shown else 0
        self.view.setCurrentIndex(self._model.index(row))
        self._on_current()

    def _on_current(self) -> None:
        rows, row = self._model.rows, self.view.currentIndex().row()
        tag = rows[row].tag if 0 <= row < len(rows) else ""
        if tag != self._wanted:
            self._wanted = tag
            self.chosen.emit(tag)


def open_of(count: TagCount) -> int:
    """Return how many photos of a tag are to be reviewed."""
    return count.photos.get(Standing.AUTOMATIC, 0)


class _Tags(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[TagCount] = []

    def show(self, rows: list[TagCount]) -> None:
        if [one.tag for one in rows] == [one.tag for one in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not 0 <= index.row() < len(self.rows):
            return None
        one = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return formatting.shown(one.tag.replace(SEPARATOR, " › "))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return tr(
                "{tag}: {waiting:,} to review, {confirmed:,} confirmed",
                tag=formatting.shown(one.tag.replace(SEPARATOR, ", ")), waiting=open_of(one), confirmed=one.kept,
            )  # fmt: skip
        return one if role == Qt.ItemDataRole.UserRole else None


class _TagDelegate(QStyledItemDelegate):
    """Paints the name, the number of photos to review, and the progress."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(option.rect.width(), 2 * option.fontMetrics.height() + 22)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        one = index.data(Qt.ItemDataRole.UserRole)
        if not isinstance(one, TagCount):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        state = QStyle.StateFlag
        box = option.rect.adjusted(2, 1, -2, -1)
        if option.state & (state.State_Selected | state.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft" if option.state & state.State_Selected else "raised"))
            painter.drawRoundedRect(box, 6, 6)
        room, metrics = box.adjusted(10, 5, -10, -5), option.fontMetrics
        line = QRect(room.left(), room.top(), room.width(), metrics.height())
        waiting = open_of(one)
        left = tr("{count:,}", count=waiting) if waiting else ""
        painter.setPen(theme.color("accent"))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, left)
        name = line.adjusted(0, 0, -metrics.horizontalAdvance(left) - 10, 0)
        painter.setPen(theme.color("text" if waiting or one.kept else "dim"))
        text = metrics.elidedText(str(index.data()), Qt.TextElideMode.ElideMiddle, name.width())
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, text)
        done = one.kept + one.photos.get(Standing.REJECTED, 0)
        small = QRect(room.left(), line.bottom() + 3, room.width(), metrics.height())
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.86)
        painter.setFont(font)
        painter.setPen(theme.color("dim"))
        template = (
            tr("{count:,} confirmed", count=one.kept) if waiting else tr("Done · {count:,} confirmed", count=one.kept)
        )
        painter.drawText(small, Qt.AlignmentFlag.AlignVCenter, template)
        track = QRectF(room.left(), room.bottom() - 1, room.width(), 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(track, 1.5, 1.5)
        if done:
            track.setWidth(max(track.width() * done / (done + waiting), 3))
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(track, 1.5, 1.5)
        painter.restore()
