# SPDX-License-Identifier: GPL-3.0-or-later
"""The marks on a cell of the grid, for near-duplicates and votes: their places, painting and clicks."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from semantic_photos.gui.grid.result_model import ResultModel, Role
from semantic_photos.gui.widgets import theme

SIDE = 28
_INSET = 8
#: On smaller cells, in pixels, the thumbs would hide the photo; the menu and the keys do the same.
LEAST_CELL = 96

STACK, UP, DOWN = "stack", "up", "down"


def places(cell: QRect, copies: int, *, voting: bool, metrics: QFontMetrics | None = None) -> dict[str, QRect]:
    """Return the rectangles of the marks of a cell.

    Args:
        cell: the cell, in any coordinates.
        copies: number of near-duplicates.
        voting: whether the photo can be voted on.
        metrics: of the font in use; without it the mark for near-duplicates has its least width.
    """
    found: dict[str, QRect] = {}
    if copies:
        width = SIDE if metrics is None else max(metrics.horizontalAdvance(group_text(copies)) + 16, SIDE)
        found[STACK] = QRect(cell.left() + _INSET, cell.top() + _INSET, width, SIDE - 4)
    if voting and cell.width() >= LEAST_CELL:
        right = cell.right() - _INSET - SIDE + 1
        found[DOWN] = QRect(right, cell.top() + _INSET, SIDE, SIDE)
        found[UP] = QRect(right - SIDE - 4, cell.top() + _INSET, SIDE, SIDE)
    return found


def group_text(copies: int) -> str:
    """Return the text of the mark for near-duplicates."""
    return f"+{copies}"


def paint_overlays(painter: QPainter, box: QRect, index: QModelIndex | QPersistentModelIndex, *, hovered: bool) -> None:
    """Paint the marks of a cell."""
    model = index.model()
    copies = int(index.data(Role.COPIES) or 0)
    vote = float(index.data(Role.VOTE) or 0.0)
    voting = isinstance(model, ResultModel) and model.can_vote and (hovered or bool(vote))
    marks = places(box, copies, voting=voting, metrics=painter.fontMetrics())
    if UP in marks and not hovered:
        marks[UP] = marks[DOWN]
    for mark, place in marks.items():
        if mark == STACK:
            _paint_group(painter, place, copies, is_open=bool(index.data(Role.IS_OPEN)))
        elif hovered or (vote > 0) == (mark == UP):
            _paint_thumb(painter, place, mark, on=(vote > 0) if mark == UP else (vote < 0))
    if index.data(Role.IS_COPY):
        _paint_strip(painter, box)


def _paint_group(painter: QPainter, place: QRect, copies: int, *, is_open: bool) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("accent" if is_open else "stage", 1.0 if is_open else 0.72))
    painter.drawRoundedRect(QRectF(place), 7, 7)
    painter.setPen(theme.color("on_accent" if is_open else "on_stage"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, group_text(copies))


def _paint_thumb(painter: QPainter, place: QRect, mark: str, *, on: bool) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(("accent" if mark == UP else "danger") if on else "stage", 1.0 if on else 0.62))
    painter.drawEllipse(QRectF(place))
    side = 16
    sign = theme.pixmap(f"thumb-{mark}", "on_accent" if on else "on_stage", side, painter.device().devicePixelRatioF())
    painter.drawPixmap(place.center() - QPoint(side // 2 - 1, side // 2 - 1), sign)


def _paint_strip(painter: QPainter, box: QRect) -> None:
    """Paint the line that shows that a cell is a near-duplicate of one before it."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("accent"))
    painter.drawRoundedRect(QRectF(box.left(), box.bottom() - 3, box.width(), 4), 2, 2)


class OverlayMouse(QObject):
    """Watches the grid for clicks on marks, which do not select the photo.

    Signals:
        pressed: the row and the mark.
    """

    pressed = Signal(int, str)

    def __init__(
        self, viewport: QWidget, model: ResultModel, row_at: Callable[[QPoint], int], rect_of: Callable[[int], QRect]
    ) -> None:
        super().__init__(viewport)
        self._viewport, self._model, self._row_at, self._rect_of = viewport, model, row_at, rect_of
        viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kinds = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick, QEvent.Type.MouseButtonRelease,
                 QEvent.Type.MouseMove)  # fmt: skip
        if watched is not self._viewport or event.type() not in kinds or not isinstance(event, QMouseEvent):
            return False
        row, mark = self._mark_at(event.position().toPoint())
        if event.type() == QEvent.Type.MouseMove:
            if mark:
                self._viewport.setCursor(Qt.CursorShape.PointingHandCursor)
            else:
                self._viewport.unsetCursor()
            return False
        if not mark or event.button() != Qt.MouseButton.LeftButton or event.modifiers():
            return False
        if event.type() != QEvent.Type.MouseButtonRelease:
            self.pressed.emit(row, mark)
        return True

    def _mark_at(self, place: QPoint) -> tuple[int, str]:
        row = self._row_at(place)
        if row < 0:
            return -1, ""
        index = self._model.index(row)
        marks = places(self._rect_of(row), int(index.data(Role.COPIES) or 0), voting=self._model.can_vote,
                       metrics=self._viewport.fontMetrics())  # fmt: skip
        return row, next((mark for mark, rect in marks.items() if rect.contains(place)), "")
