# SPDX-License-Identifier: GPL-3.0-or-later
"""The grid of photos: layout by arithmetic, zoom, selection, keyboard, drag and drop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyleOptionViewItem, QWidget

from semantic_photos.domain.photo import PhotoId
from semantic_photos.gui.grid.cell_overlays import OverlayMouse
from semantic_photos.gui.grid.drag_out import MOST_DRAGGED, drag_out
from semantic_photos.gui.grid.grid_geometry import GridGeometry, Section
from semantic_photos.gui.grid.result_delegate import ResultDelegate
from semantic_photos.gui.grid.result_model import ResultModel
from semantic_photos.gui.widgets import theme
from semantic_photos.translation import tr

_Index = QModelIndex | QPersistentModelIndex


class ResultView(QListView):
    """A list view whose geometry is computed instead of laid out.

    ``QListView`` provides selection, hover and accessibility; ``GridGeometry`` provides all positions.

    Signals:
        open_requested: the row to open in the viewer.
        menu_requested: the global position for the context menu.
        side_requested: larger (+1) or smaller (-1) thumbnails.
        typed: text typed while the grid has the focus.
        chosen: the selection or the current photo changed.
    """

    open_requested = Signal(int)
    menu_requested = Signal(QPoint)
    side_requested = Signal(int)
    typed = Signal(str)
    chosen = Signal()

    def __init__(self, model: ResultModel, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.side, self._results = side, model
        self._geometry = GridGeometry(1, side, theme.GAP, theme.MARGIN, [])
        self._hovered = -1
        self._band = QRect()
        self._fetch = QTimer(self)
        self._fetch.setSingleShot(True)
        self._fetch.setInterval(12)
        self._fetch.timeout.connect(self.fetch_seen)
        self.setObjectName("grid")
        self.setAccessibleName(tr("Photos"))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setMouseTracking(True)
        self.setItemDelegate(ResultDelegate(self))
        self.setModel(model)
        self.marks = OverlayMouse(
            self.viewport(), model, lambda place: self.indexAt(place).row(),
            lambda row: self.visualRect(model.index(row)),
        )  # fmt: skip
        self._connect()

    def _connect(self) -> None:
        self.doubleClicked.connect(lambda index: self.open_requested.emit(index.row()))
        (bar := self.verticalScrollBar()).valueChanged.connect(lambda _: self._fetch.start())
        bar.rangeChanged.connect(lambda _, most: bar.setEnabled(most > 0))  # not seen, its place kept
        self._results.modelReset.connect(self._fetch.start)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen.emit())
        self.selectionModel().currentChanged.connect(lambda *_: self.chosen.emit())

    # Size and selection

    @property
    def geometry_now(self) -> GridGeometry:
        """Return the current positions of the cells."""
        return self._geometry

    def set_side(self, side: int) -> None:
        """Make the cells about ``side`` pixels wide; the photos in the middle stay visible."""
        middle = self._geometry.row_at(0, self.verticalOffset() + self.viewport().height() // 2, nearest=True)
        current = self.currentIndex().row()
        anchored = current if current in self.seen_rows() else middle
        self.side = side
        self.doItemsLayout()
        if anchored >= 0:
            self.scrollTo(self._results.index(anchored), QAbstractItemView.ScrollHint.PositionAtCenter)

    def selected_count(self) -> int:
        """Return how many photos are selected."""
        return sum(bottom - top + 1 for top, bottom in self._parts(self.selectionModel().selection()))

    @staticmethod
    def _parts(selection: QItemSelection) -> list[tuple[int, int]]:
        ranges = (selection.at(number) for number in range(selection.count()))
        return sorted((part.top(), part.bottom()) for part in ranges)

    def selected_ids(self, most: int | None = None) -> list[PhotoId]:
        """Return the ids of the selected photos in order, at most ``most``."""
        chosen = [self._results.ids[top : bottom + 1] for top, bottom in self._parts(self.selectionModel().selection())]
        return cast("list[PhotoId]", np.concatenate(chosen)[:most].tolist()) if chosen else []

    def select_ids(self, ids: Sequence[PhotoId], current: PhotoId | None) -> None:
        """Select the photos that are still in the list."""
        selection = QItemSelection()
        for photo_id in ids:
            row = self._results.row_of(photo_id)
            if row >= 0:
                selection.select(self._results.index(row), self._results.index(row))
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flag.ClearAndSelect)
        row = self._results.row_of(current) if current is not None else -1
        if row >= 0:
            self.selectionModel().setCurrentIndex(self._results.index(row), flag.NoUpdate)

    def show_row(self, row: int) -> None:
        """Select only this row and scroll to it."""
        index = self._results.index(row)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)

    # Geometry

    def doItemsLayout(self) -> None:
        n, strong = self._results.rowCount(), self._results.strong
        if strong >= n:
            sections = [Section(0, n)]
        elif strong == 0:
            sections = [Section(0, n, tr("The nearest photos"))]
        else:
            sections = [Section(0, strong), Section(strong, n, tr("Weaker matches"))]
        self._geometry = GridGeometry(self.viewport().width(), self.side, theme.GAP, theme.MARGIN, sections)
        QAbstractItemView.doItemsLayout(self)

    def updateGeometries(self) -> None:
        bar, page = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(self._geometry.height - page, 0))
        bar.setPageStep(page)
        bar.setSingleStep(max((self._geometry.cell + theme.GAP) // 4, 20))
        self._fetch.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        top = self._geometry.row_at(0, self.verticalOffset() + theme.MARGIN, nearest=True)
        scrolled = self.verticalOffset() > 0
        QAbstractItemView.resizeEvent(self, event)
        self.doItemsLayout()
        if scrolled and 0 <= top < self._geometry.count:
            self.verticalScrollBar().setValue(self._geometry.box(top).y - theme.MARGIN)

    def visualRect(self, index: _Index) -> QRect:
        if not index.isValid() or index.row() >= self._geometry.count:
            return QRect()
        box = self._geometry.box(index.row())
        return QRect(box.x, box.y - self.verticalOffset(), box.width, box.height)

    def indexAt(self, point: QPoint) -> QModelIndex:
        row = self._geometry.row_at(point.x(), point.y() + self.verticalOffset())
        return self._results.index(row) if row >= 0 else QModelIndex()

    def scrollTo(
        self, index: _Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid() or index.row() >= self._geometry.count:
            return
        box, bar, page = self._geometry.box(index.row()), self.verticalScrollBar(), self.viewport().height()
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(box.y - (page - box.height) // 2)
        elif box.y - theme.MARGIN < bar.value():
            bar.setValue(box.y - theme.MARGIN)
        elif box.y + box.height + theme.MARGIN > bar.value() + page:
            bar.setValue(box.y + box.height + theme.MARGIN - page)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, _index: _Index) -> bool:
        return False

    def dataChanged(self, top_left: _Index, bottom_right: _Index, roles: Sequence[int] = ()) -> None:
        # Not QListView's, which lays everything out anew.
        QAbstractItemView.dataChanged(self, top_left, bottom_right, list(roles))

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        # Qt moves what is painted already; only the new strip is painted.
        self.viewport().scroll(dx, dy)

    def reset(self) -> None:
        super().reset()
        self._hovered = -1
        self.doItemsLayout()

    # Selection and keys

    def moveCursor(self, action: QAbstractItemView.CursorAction, _modifiers: Qt.KeyboardModifier) -> QModelIndex:
        n = self._geometry.count
        if not n:
            return QModelIndex()
        if not self.currentIndex().isValid():
            seen = self.seen_rows()
            return self._results.index(seen[0] if seen else 0)
        row = min(self.currentIndex().row(), n - 1)
        page = max(self.viewport().height() // (self._geometry.cell + theme.GAP), 1)
        move = QAbstractItemView.CursorAction
        target = {
            move.MoveLeft: row - 1,
            move.MovePrevious: row - 1,
            move.MoveRight: row + 1,
            move.MoveNext: row + 1,
            move.MoveUp: self._geometry.step_line(row, -1),
            move.MoveDown: self._geometry.step_line(row, 1),
            move.MovePageUp: self._geometry.step_line(row, -page),
            move.MovePageDown: self._geometry.step_line(row, page),
            move.MoveHome: 0,
            move.MoveEnd: n - 1,
        }[action]
        return self._results.index(min(max(target, 0), n - 1))

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        selection = QItemSelection()
        if self.state() == QAbstractItemView.State.DragSelectingState:
            self._band = rect.normalized()
            self.viewport().update()
            for row in self._rows_in(self._band):
                selection.select(self._results.index(row), self._results.index(row))
        else:
            first, last = self.indexAt(rect.topLeft()), self.indexAt(rect.bottomRight())
            if first.isValid() and last.isValid():
                low, high = sorted((first.row(), last.row()))
                selection.select(self._results.index(low), self._results.index(high))
        self.selectionModel().select(selection, command)

    def _rows_in(self, band: QRect) -> list[int]:
        offset = self.verticalOffset()
        rows = self._geometry.rows_between(band.top() + offset, band.bottom() + offset)
        return [row for row in rows if self.visualRect(self._results.index(row)).intersects(band)]

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region, seen = QRegion(), self.seen_rows()
        for top, bottom in self._parts(selection):
            for row in range(max(top, seen.start), min(bottom + 1, seen.stop)):
                region += self.visualRect(self._results.index(row))
        return region

    def selectAll(self) -> None:
        n = self._results.rowCount()
        if n:
            whole = QItemSelection(self._results.index(0), self._results.index(n - 1))
            self.selectionModel().select(whole, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        key = event.key()
        if plain and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self.currentIndex().isValid():
                self.open_requested.emit(self.currentIndex().row())
            return
        if plain and key == Qt.Key.Key_Escape:
            if self.selected_count():
                self.clearSelection()
            else:
                event.ignore()
            return
        super().keyPressEvent(event)

    def keyboardSearch(self, text: str) -> None:
        # Qt's own would read the names of all rows. Here typing starts a search.
        if text.strip():
            self.typed.emit(text)

    # Mouse

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        QAbstractItemView.mouseMoveEvent(self, event)
        place = event.position().toPoint()
        self._set_hovered(self._geometry.row_at(place.x(), place.y() + self.verticalOffset()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        QAbstractItemView.mouseReleaseEvent(self, event)
        self._band = QRect()
        self.viewport().update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._set_hovered(-1)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.side_requested.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
            return
        QAbstractItemView.wheelEvent(self, event)
        place = self.viewport().mapFromGlobal(event.globalPosition().toPoint())
        self._set_hovered(self._geometry.row_at(place.x(), place.y() + self.verticalOffset()))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        place = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self.currentIndex().isValid():
            place = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        if self.selected_count():
            self.menu_requested.emit(place)

    def startDrag(self, _actions: Qt.DropAction) -> None:
        drag_out(self, self._results, self.selected_ids(MOST_DRAGGED))

    def _set_hovered(self, row: int) -> None:
        if row != self._hovered:
            for old in (self._hovered, row):
                if old >= 0:
                    self.viewport().update(self.visualRect(self._results.index(old)))
            self._hovered = row

    # Painting

    def seen_rows(self) -> range:
        """Return the visible rows."""
        return self._geometry.rows_between(self.verticalOffset(), self.verticalOffset() + self.viewport().height())

    def fetch_seen(self) -> None:
        """Let the model fetch the visible rows, then a page below and half a page above."""
        seen = self.seen_rows()
        ahead = range(seen.stop, min(seen.stop + len(seen), self._geometry.count))
        behind = range(seen.start - 1, max(seen.start - len(seen) // 2, 0) - 1, -1)
        self._results.show_rows([*seen, *ahead, *behind])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        self._paint_headers(painter)
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        base, focused = option.state, self.hasFocus()
        flag = QStyle.StateFlag
        selection, current = self.selectionModel(), self.currentIndex().row()
        area = event.rect()
        offset = self.verticalOffset()
        for row in self._geometry.rows_between(area.top() + offset, area.bottom() + offset):
            index = self._results.index(row)
            option.rect = self.visualRect(index)
            if not option.rect.intersects(area):
                continue
            state = base & ~(flag.State_Selected | flag.State_MouseOver | flag.State_HasFocus)
            if selection.isSelected(index):
                state |= flag.State_Selected
            if row == self._hovered:
                state |= flag.State_MouseOver
            if focused and row == current:
                state |= flag.State_HasFocus
            option.state = state
            self.itemDelegate().paint(painter, option, index)
        if not self._band.isNull():
            painter.setPen(theme.color("accent"))
            painter.setBrush(theme.color("accent", 0.14))
            painter.drawRoundedRect(QRectF(self._band), 4, 4)

    def _paint_headers(self, painter: QPainter) -> None:
        for number, section in enumerate(self._geometry.sections):
            if not section.title:
                continue
            box = self._geometry.header(number)
            rect = QRect(box.x, box.y - self.verticalOffset(), box.width, box.height)
            painter.setPen(theme.color("dim"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, section.title)
            left = rect.left() + painter.fontMetrics().horizontalAdvance(section.title) + 14
            painter.setPen(theme.color("line"))
            painter.drawLine(left, rect.center().y(), rect.right(), rect.center().y())
