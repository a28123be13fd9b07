# SPDX-License-Identifier: GPL-3.0-or-later
"""Small widgets shared by the packages of ``gui``: icon buttons, eliding labels, chips, a flow layout."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLayoutItem,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from semantic_photos.gui.widgets import theme
from semantic_photos.translation import tr

#: A pointer that stays this long is resting: shorter than the time between reaching a button and pressing it.
RESTING_MS = 120


class Resting(QObject):
    """Reports that the pointer or the keyboard focus rests on a widget, which is likely to be pressed soon.

    Signals:
        begun: the pointer or the focus has rested on the widget for ``RESTING_MS``.
    """

    begun = Signal()

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._moment = QTimer(self)
        self._moment.setSingleShot(True)
        self._moment.setInterval(RESTING_MS)
        self._moment.timeout.connect(self.begun)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Enter, QEvent.Type.FocusIn):
            self._moment.start()
        elif event.type() in (QEvent.Type.Leave, QEvent.Type.FocusOut, QEvent.Type.Hide):
            self._moment.stop()
        return super().eventFilter(watched, event)


class IconButton(QToolButton):
    """A button that shows only an icon; its name is the tooltip and the accessible name."""

    def __init__(self, icon: str, name: str, parent: QWidget | None = None, *, part: str = "dim") -> None:
        super().__init__(parent)
        self._icon, self._part = icon, part
        self.setIconSize(QSize(theme.ICON_SIDE, theme.ICON_SIDE))
        self.setAutoRaise(True)
        self.set_name(name)
        self._tint()

    def set_name(self, name: str) -> None:
        """Set tooltip and accessible name; a key in the name stands behind two spaces: ``Zoom in  (+)``."""
        self.setToolTip(name)
        self.setAccessibleName(name.partition("  (")[0])

    def set_icon(self, icon: str) -> None:
        """Set the icon."""
        self._icon = icon
        self._tint()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def _tint(self) -> None:
        self.setIcon(theme.icon(self._icon, self._part))


def label(text: str = "", kind: str = "", *, wrap: bool = False) -> QLabel:
    """Return a label for plain text. ``kind`` is the property that the style sheet selects by."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if kind:
        made.setProperty("kind", kind)
    return made


def button(text: str, kind: str = "", icon: str = "") -> QPushButton:
    """Return a push button. ``kind`` is empty, ``primary`` or ``link``."""
    made = QPushButton(text)
    if kind:
        made.setProperty("kind", kind)
    if kind == "link":
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    if icon:
        made.setIcon(theme.icon(icon, "on_accent" if kind == "primary" else "dim"))
    return made


class ElidedLabel(QLabel):
    """One line of plain text, shortened when there is too little room; the tooltip then shows all of it."""

    def __init__(self, text: str = "", kind: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._full, self._mode = "", mode
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        if kind:
            self.setProperty("kind", kind)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Set the text."""
        self._full = text
        super().setText(text)
        self.setAccessibleName(text)
        self.updateGeometry()

    def full_text(self) -> str:
        """Return the text, not shortened."""
        return self._full

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(self._full, self._mode, room.width())
        self.setToolTip(self._full if shown != self._full else "")
        painter = QPainter(self)
        self.style().drawItemText(
            painter, room, int(self.alignment()), self.palette(), self.isEnabled(), shown, self.foregroundRole()
        )


class Chip(QAbstractButton):
    """A rounded button with a word, an optional note (a confidence), and an optional picture or cross.

    A checkable chip has the accent colour while it is checked. A ``closable`` chip shows a cross; its owner removes
    it when it is clicked.
    """

    def __init__(
        self,
        text: str,
        note: str = "",
        *,
        closable: bool = False,
        checkable: bool = False,
        picture: QPixmap | None = None,
    ) -> None:
        super().__init__()
        self.setText(text)
        self._note, self._closable, self._picture = note, closable, picture
        self._away = False
        self.setCheckable(checkable)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(tr("Remove {name}", name=text) if closable else f"{text} {note}".strip())
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_away(self, *, away: bool) -> None:
        """Mark with a minus and another colour that results shall be dissimilar from this."""
        if away != self._away:
            self._away = away
            self.updateGeometry()
            self.update()

    def set_picture(self, picture: QPixmap) -> None:
        """Set the small picture before the text."""
        self._picture = picture
        self.update()

    def _label(self) -> str:
        minus = "− " if self._away else ""
        return minus + self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, 190)

    def _has_picture_room(self) -> bool:
        return self._picture is not None

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = 20 + metrics.horizontalAdvance(self._label())
        if self._note:
            width += 6 + self._small().horizontalAdvance(self._note)
        if self._closable:
            width += 18
        if self._has_picture_room():
            width += 24
        return QSize(width, metrics.height() + 10)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _small(self) -> QFontMetrics:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.86)
        return QFontMetrics(font)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)
        on, over = self.isChecked(), self.underMouse()
        fill = (
            theme.color("danger" if self._away else "accent")
            if on or self._away
            else theme.color("accent_soft" if over else "raised")
        )
        on = on or self._away
        painter.setPen(QColor(theme.color("accent")) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        radius = 7.0 if self._picture is not None else box.height() / 2
        painter.drawRoundedRect(box, radius, radius)
        x = 10
        if self._picture is not None:
            side = self.height() - 8
            painter.drawPixmap(QRect(5, 4, side, side), self._picture)
            x = side + 12
        painter.setPen(theme.color("on_accent" if on else "text"))
        text = self._label()
        painter.drawText(QRect(x, 0, self.width() - x, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
        x += self.fontMetrics().horizontalAdvance(text) + 6
        if self._note:
            font = self.font()
            font.setPointSizeF(font.pointSizeF() * 0.86)
            painter.setFont(font)
            painter.setPen(theme.color("on_accent" if on else "dim"))
            painter.drawText(QRect(x, 0, self.width() - x, self.height()), Qt.AlignmentFlag.AlignVCenter, self._note)
        if self._closable:
            cross = theme.pixmap(
                "close", "on_accent" if on else "text" if over else "dim", 14, self.devicePixelRatioF()
            )
            painter.drawPixmap(QPoint(self.width() - 21, (self.height() - 14) // 2), cross)


class FlowLayout(QLayout):
    """Places its items in lines from left to right, like words; lines are centred vertically."""

    def __init__(self, parent: QWidget | None = None, gap: int = 6) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._gap = gap
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # Qt asks for one past the end
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def clear(self, keep: Sequence[QWidget] = ()) -> None:
        """Remove all widgets, and delete those that are not in ``keep``."""
        while self._items:
            widget = self._items.pop().widget()
            if widget is not None and widget not in keep:
                widget.hide()
                widget.deleteLater()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(QRect(0, 0, width, 0), test=True)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._place(rect, test=False)

    def _place(self, rect: QRect, *, test: bool) -> int:
        y, x = rect.y(), rect.x()
        line: list[tuple[QLayoutItem, int]] = []

        def finish_line() -> int:
            height = max((item.sizeHint().height() for item, _ in line), default=0)
            for item, left in line if not test else ():
                size = item.sizeHint()
                item.setGeometry(QRect(QPoint(left, y + (height - size.height()) // 2), size))
            return height

        for item in self._items:
            width = item.sizeHint().width()
            if line and x + width > rect.right() + 1:
                y += finish_line() + self._gap
                x, line = rect.x(), []
            line.append((item, x))
            x += width + self._gap
        return y + finish_line() - rect.y()


def lay_out_list(dialog: QWidget, words: QWidget, listed: QWidget, buttons: Sequence[QWidget], close: QWidget) -> None:
    """Lay out a dialog with a list: text above it, buttons below it, Close on the right."""
    row = QHBoxLayout()
    for part in buttons:
        row.addWidget(part)
    row.addStretch(1)
    row.addWidget(close)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(18, 18, 18, 18)
    layout.setSpacing(12)
    layout.addWidget(words)
    layout.addWidget(listed, 1)
    layout.addLayout(row)
