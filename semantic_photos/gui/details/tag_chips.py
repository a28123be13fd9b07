# SPDX-License-Identifier: GPL-3.0-or-later
"""A tag in the details panel: dashed while it is automatic, solid once confirmed, added or read from a file."""

from __future__ import annotations

import html

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from semantic_photos.domain.tags import SEPARATOR, Standing, leaf
from semantic_photos.domain.translatable import Message
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.translation import tr, translated

CONFIRM, REJECT = "confirm", "reject"
_MARK, _SIDE, _MOST_WIDTH = 20, 10, 272
_STANDINGS = {
    Standing.AUTOMATIC: Message("automatic tag"),
    Standing.CONFIRMED: Message("confirmed by you"),
    Standing.MANUAL: Message("added by you"),
    Standing.IMPORTED: Message("read from the file"),
    Standing.REJECTED: Message("rejected by you"),
}


class TagChip(QAbstractButton):
    """A tag with its standing. A click searches for it; the marks confirm and reject it.

    Keys while it has the focus: Enter or Space searches, + confirms, Delete rejects.

    Signals:
        acted: ``CONFIRM`` or ``REJECT``.
    """

    acted = Signal(str)

    def __init__(
        self, tag: str, standing: Standing, confidence: float | None = None, *, note: str = "", can_act: bool = True,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.tag, self.standing, self._can_act = tag, standing, can_act
        sure = "" if confidence is None else formatting.percent(confidence)
        self.note = note or (sure if standing is Standing.AUTOMATIC else "")
        self.setText(formatting.shown(leaf(tag)))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        whole = formatting.shown(tag.replace(SEPARATOR, " › "))
        told = [whole, translated(_STANDINGS[standing]), *([self.note] if self.note else [])]
        self.setAccessibleName(", ".join(told))
        self.setAccessibleDescription(self._keys())
        lines = (whole, " · ".join(told[1:]), self._keys())
        self.setToolTip("<p style='white-space:pre'>" + "<br>".join(html.escape(line) for line in lines) + "</p>")

    def _keys(self) -> str:
        if not self._can_act:
            return tr("Enter: search for this tag")
        if self.is_open:
            return tr("Enter: search for this tag  ·  +: confirm  ·  Delete: reject")
        return tr("Enter: search for this tag  ·  Delete: remove")

    @property
    def is_open(self) -> bool:
        """Return whether the tag is automatic and neither confirmed nor rejected."""
        return self.standing is Standing.AUTOMATIC

    def marks(self) -> dict[str, QRect]:
        """Return the rectangles of the marks, by mark; none where the tag cannot be changed."""
        if not self._can_act:
            return {}
        top = (self.height() - _MARK) // 2
        right = self.width() - 5 - _MARK
        found = {REJECT: QRect(right, top, _MARK, _MARK)}
        if self.is_open:
            found[CONFIRM] = QRect(right - _MARK - 2, top, _MARK, _MARK)
        return found

    def _room(self) -> int:
        marks = (2 * _MARK + 2 if self.is_open else _MARK) if self._can_act else 0
        return max(marks, self._small().horizontalAdvance(self.note)) + 5

    def _small(self) -> QFontMetrics:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.86)
        return QFontMetrics(font)

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = _SIDE + metrics.horizontalAdvance(self.text()) + 5 + self._room()
        return QSize(min(width, _MOST_WIDTH), metrics.height() + 10)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    # Presses

    def _mark_at(self, place: QPoint) -> str:
        return next((mark for mark, rect in self.marks().items() if rect.contains(place)), "")

    def hitButton(self, place: QPoint) -> bool:
        return super().hitButton(place) and not self._mark_at(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        mark = self._mark_at(event.position().toPoint())
        super().mouseReleaseEvent(event)
        if mark and event.button() == Qt.MouseButton.LeftButton:
            self.acted.emit(mark)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._can_act and event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Y) and self.is_open:
            self.acted.emit(CONFIRM)
        elif self._can_act and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Minus, Qt.Key.Key_X):
            self.acted.emit(REJECT)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.updateGeometry()

    # Painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)
        over, focused = self.underMouse(), self.hasFocus()
        pen = QPen(theme.color("accent" if focused else "line"), 1.0)
        if self.is_open:
            if not focused:
                pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(theme.color("raised") if over else Qt.BrushStyle.NoBrush)
        else:
            painter.setPen(pen if focused else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft"))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        acting = over or focused
        room = self.rect().adjusted(_SIDE, 0, -self._room() - 4, 0)
        painter.setPen(theme.color("dim" if self.is_open and not acting else "text"))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width() + 2)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
        if acting and self._can_act:
            self._paint_marks(painter)
        elif self.note:
            font = self.font()
            font.setPointSizeF(font.pointSizeF() * 0.86)
            painter.setFont(font)
            painter.setPen(theme.color("dim"))
            right = self.rect().adjusted(0, 0, -_SIDE, 0)
            painter.drawText(right, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self.note)

    def _paint_marks(self, painter: QPainter) -> None:
        under = self._mark_at(self.mapFromGlobal(self.cursor().pos()))
        for mark, rect in self.marks().items():
            if mark == under:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(theme.color("accent" if mark == CONFIRM else "danger")))
                painter.drawEllipse(rect)
            sign = theme.pixmap(
                "check" if mark == CONFIRM else "close", "on_accent" if mark == under else "text", 14,
                self.devicePixelRatioF(),
            )  # fmt: skip
            painter.drawPixmap(rect.topLeft() + QPoint(3, 3), sign)
