# SPDX-License-Identifier: GPL-3.0-or-later
"""The confirm line on the tag review page: all photos on its certain side are confirmed; by mouse or keys."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from semantic_photos.gui.grid.result_view import ResultView
from semantic_photos.gui.widgets import theme
from semantic_photos.translation import tr, trn

#: Within this distance of the upper or lower edge, in pixels, the grid scrolls.
_EDGE, _SCROLL_MS, _MOST_STEP = 48, 30, 48
#: The handle lies in the margin, where it covers no photo.
_GRIP_WIDTH, _GRIP_HEIGHT = theme.MARGIN - 2, 44
_KEYS = frozenset({
    Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End,
    Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_L,
    Qt.Key.Key_Space, Qt.Key.Key_X, Qt.Key.Key_A, Qt.Key.Key_Delete,
})  # fmt: skip


class ConfirmLine(QObject):
    """Lets the user draw the confirm line over a grid.

    The line counts photos in reading order; within a row of the grid it has a step.

    Signals:
        moved: number of photos on its certain side; -1 when the line is gone.
        drawn: the line was released with this number of photos on its certain side, at least one.
    """

    moved = Signal(int)
    drawn = Signal(int)

    def __init__(self, view: ResultView) -> None:
        super().__init__(view)
        # Kept: while Qt destroys the view, the view no longer returns its viewport.
        self._view, self._viewport = view, view.viewport()
        self._offered, self._from_end, self._count = False, False, -1
        self._place = QPoint()
        self._veil, self._grip = _Veil(self, view), _Grip(self, view)
        self._scroll = QTimer(self)
        self._scroll.setInterval(_SCROLL_MS)
        self._scroll.timeout.connect(self._scroll_on)
        view.installEventFilter(self)
        self._viewport.installEventFilter(self)
        view.verticalScrollBar().valueChanged.connect(lambda _: self._lie())
        view.model().modelReset.connect(self.stop)
        self._lie()

    # State

    @property
    def count(self) -> int:
        """Return the number of photos on the certain side, or -1 while there is no line."""
        return self._count

    @property
    def from_end(self) -> bool:
        """Return whether the certain side is below the line."""
        return self._from_end

    @property
    def grip(self) -> QWidget:
        """Return the handle."""
        return self._grip

    def offer(self, *, offered: bool, from_end: bool) -> None:
        """Set whether a line can be drawn, and whether the most certain photos are the last ones."""
        if (offered, from_end) != (self._offered, self._from_end):
            self.stop()
        self._offered, self._from_end = offered, from_end
        self._lie()

    def begin(self) -> None:
        """Put the line after the current photo, to be moved with keys."""
        row = self._view.currentIndex().row()
        n = self._view.geometry_now.count
        if self._offered and n:
            self._set(n - max(row, 0) if self._from_end else max(row, 0) + 1)

    def stop(self) -> None:
        """Remove the line without confirming anything."""
        self._scroll.stop()
        self._grip.forget()
        if self._count >= 0:
            self._count = -1
            self.moved.emit(-1)
        self._lie()

    def rows(self) -> range:
        """Return the rows on the certain side."""
        n = self._view.geometry_now.count
        count = min(max(self._count, 0), n)
        return range(n - count, n) if self._from_end else range(count)

    def words(self) -> str:
        """Return the text at the line."""
        if self._from_end:
            if not self._count:
                return tr("No photos below the line")
            return trn("Confirm {count:,} photo below", "Confirm {count:,} photos below", self._count)
        if not self._count:
            return tr("No photos above the line")
        return trn("Confirm {count:,} photo above", "Confirm {count:,} photos above", self._count)

    # Moving

    def pull(self, place: QPoint) -> None:
        """Move the line to a point of the viewport."""
        self._place = place
        self._set(self._count_at(place), show=False)
        near = place.y() < _EDGE or place.y() > self._view.viewport().height() - _EDGE
        if near and not self._scroll.isActive():
            self._scroll.start()
        elif not near:
            self._scroll.stop()

    def let_go(self) -> None:
        """Emit ``drawn`` and remove the line."""
        count = self._count
        self.stop()
        if count > 0:
            self.drawn.emit(count)

    def _count_at(self, place: QPoint) -> int:
        geometry = self._view.geometry_now
        n = geometry.count
        y = place.y() + self._view.verticalOffset()
        if not n or y < geometry.box(0).y:
            first = 0
        elif y >= geometry.box(n - 1).y + geometry.box(n - 1).height:
            first = n
        else:
            row = geometry.row_at(place.x(), y, nearest=True)
            box = geometry.box(row)
            first = row + (place.x() > box.x + box.width // 2)
        return n - first if self._from_end else first

    def _set(self, count: int, *, show: bool = True) -> None:
        n = self._view.geometry_now.count
        count = min(max(count, 0), n)
        if show and n:
            row = n - count if self._from_end else count - 1
            self._view.scrollTo(self._view.model().index(min(max(row, 0), n - 1), 0))
        changed, self._count = count != self._count, count
        self._lie()
        if changed:
            self.moved.emit(count)

    def _scroll_on(self) -> None:
        height, y = self._view.viewport().height(), self._place.y()
        beyond = y - (height - _EDGE) if y > height // 2 else y - _EDGE
        bar = self._view.verticalScrollBar()
        bar.setValue(bar.value() + max(-_MOST_STEP, min(_MOST_STEP, beyond)))
        self._set(self._count_at(self._place), show=False)

    def _lie(self) -> None:
        area = self._view.viewport().geometry()
        self._veil.setGeometry(area)
        self._veil.setVisible(self._count >= 0)
        self._veil.raise_()
        self._veil.update()
        self._grip.setVisible(self._offered and self._view.geometry_now.count > 0)
        if self._count >= 0:
            y = min(max(round(self.edge()[1]) - _GRIP_HEIGHT // 2, 0), area.height() - _GRIP_HEIGHT)
        else:
            y = area.height() - _GRIP_HEIGHT - theme.MARGIN if self._from_end else theme.MARGIN
        self._grip.setGeometry(area.right() - _GRIP_WIDTH, area.top() + y, _GRIP_WIDTH, _GRIP_HEIGHT)
        self._grip.raise_()

    def edge(self) -> tuple[float, float, float]:
        """Return the line in viewport coordinates: x of its step, y right of the step, y left of it."""
        geometry, offset = self._view.geometry_now, self._view.verticalOffset()
        width, n, half = self._view.viewport().width(), geometry.count, theme.GAP / 2
        first = n - self._count if self._from_end else self._count
        if first <= 0 or not n:
            top = geometry.box(0).y - half - offset if n else 0.0
            return float(width), top, top
        box = geometry.box(first - 1)
        below, above = box.y + box.height + half - offset, box.y - half - offset
        if first >= n or geometry.box(first).y != box.y:
            return float(width), below, below
        return box.x + box.width + half, above, below

    # Keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._viewport:
            if event.type() == QEvent.Type.Resize:
                QTimer.singleShot(0, self, self._lie)
            elif event.type() == QEvent.Type.MouseButtonPress and self._count >= 0:
                self.stop()
            return False
        if self._count < 0 or not isinstance(event, QKeyEvent) or event.key() not in _KEYS:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            # While there is a line, Enter confirms its photos, not the current one.
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress:
            self._on_key(Qt.Key(event.key()))
            return True
        return False

    def _on_key(self, key: Qt.Key) -> None:
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.let_go()
        elif key in (Qt.Key.Key_Escape, Qt.Key.Key_L):
            self.stop()
        else:
            geometry = self._view.geometry_now
            page = max(self._view.viewport().height() // (geometry.cell + theme.GAP), 1) * geometry.columns
            # Up moves the line up, whichever side is certain.
            up = -1 if not self._from_end else 1
            steps = {
                Qt.Key.Key_Left: up, Qt.Key.Key_Right: -up, Qt.Key.Key_Up: up * geometry.columns,
                Qt.Key.Key_Down: -up * geometry.columns, Qt.Key.Key_PageUp: up * page, Qt.Key.Key_PageDown: -up * page,
                Qt.Key.Key_Home: up * geometry.count, Qt.Key.Key_End: -up * geometry.count,
            }  # fmt: skip
            if key in steps:
                self._set(self._count + steps[key])


class _Veil(QWidget):
    """Paints the line and a veil over its certain side; mouse events pass through."""

    def __init__(self, line: ConfirmLine, view: ResultView) -> None:
        super().__init__(view)
        self._line = line
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(tr("Confirm line"))
        self.hide()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x, right, left = self._line.edge()
        width, height = float(self.width()), float(self.height())
        line = QPainterPath(QPointF(0, left))
        for point in ((x, left), (x, right), (width, right)):
            line.lineTo(QPointF(*point))
        side = QPainterPath(line)
        far = height + 10 if self._line.from_end else -10.0
        side.lineTo(width, far)
        side.lineTo(0, far)
        side.closeSubpath()
        painter.fillPath(side, theme.color("accent", 0.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("stage", 0.5), 6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawPath(line)
        painter.setPen(QPen(theme.color("accent"), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawPath(line)
        self._paint_words(painter, min(left, right) if self._line.from_end else max(left, right))

    def _paint_words(self, painter: QPainter, y: float) -> None:
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        text = self._line.words()
        wide, high = painter.fontMetrics().horizontalAdvance(text) + 28, painter.fontMetrics().height() + 12
        # On the certain side of the line, but always within the viewport.
        top = y + 10 if self._line.from_end else y - high - 10
        top = min(max(top, 8.0), self.height() - high - 8.0)
        box = QRectF((self.width() - wide) / 2, top, wide, high)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(box, high / 2, high / 2)
        painter.setPen(theme.color("on_accent"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


class _Grip(QWidget):
    """The handle by which the line is drawn."""

    def __init__(self, line: ConfirmLine, view: ResultView) -> None:
        super().__init__(view)
        self._line, self._view = line, view
        self._pressed: QPoint | None = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAccessibleName(tr("Handle of the confirm line  (L)"))
        self.hide()

    def forget(self) -> None:
        """Abandon a drag."""
        self._pressed = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            if self._line.from_end:
                text = tr("Drag up to confirm all photos below the line  (L)")
            else:
                text = tr("Drag down to confirm all photos above the line  (L)")
            QToolTip.showText(self.mapToGlobal(QPoint(0, self.height() + 4)), text, self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._view.setFocus(Qt.FocusReason.MouseFocusReason)
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self._pressed = event.globalPosition().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not event.buttons() & Qt.MouseButton.LeftButton or self._pressed is None:
            return
        # The handle lies beside photos: a click alone must not confirm them.
        way = event.globalPosition().toPoint() - self._pressed
        if self._line.count >= 0 or way.manhattanLength() >= QApplication.startDragDistance():
            self._pull(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)
            # Escape may have removed the line meanwhile.
            if self._line.count >= 0:
                self._line.let_go()

    def _pull(self, event: QMouseEvent) -> None:
        self._line.pull(self._view.viewport().mapFromGlobal(event.globalPosition().toPoint()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRect(0, 0, self.width(), self.height())
        painter.setPen(QPen(theme.color("on_accent", 0.5), 1))
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), self.width() / 2, self.width() / 2)
        painter.setPen(QPen(theme.color("on_accent"), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        middle, half = QRectF(box).center(), self.width() / 2 - 4
        for dy in (-5, 0, 5):
            painter.drawLine(middle + QPointF(-half, dy), middle + QPointF(half, dy))
