# SPDX-License-Identifier: GPL-3.0-or-later
"""Paints one cell of the grid: thumbnail or placeholder, heat map, selection and focus."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QLinearGradient, QPainter, QPainterPath, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from semantic_photos.gui.grid.cell_overlays import paint_overlays
from semantic_photos.gui.grid.result_model import Role
from semantic_photos.gui.widgets import theme

#: Finished cells that are kept: a few screens full.
KEPT_CELLS = 360


class ResultDelegate(QStyledItemDelegate):
    """Fills a cell with its thumbnail, cut to a square with round corners. It reads no files."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cells: OrderedDict[tuple[int, int, int, float], QPixmap] = OrderedDict()

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return option.rect.size()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        box = QRect(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen:
            self._paint_ring(painter, box)
            box.adjust(6, 6, -6, -6)
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        if picture is not None:
            ratio = painter.device().devicePixelRatioF()
            painter.drawPixmap(box.topLeft(), self._cell(picture, index.data(Role.HEAT), box.width(), ratio))
        else:
            self._paint_blank(painter, box, index.data(Role.FAILURE) or "")
        reason = index.data(Role.REASON)
        if state & QStyle.StateFlag.State_MouseOver or reason:
            self._paint_caption(painter, box, reason or index.data(Qt.ItemDataRole.DisplayRole) or "")
        paint_overlays(painter, QRect(option.rect), index, hovered=bool(state & QStyle.StateFlag.State_MouseOver))
        if state & QStyle.StateFlag.State_HasFocus and not chosen:
            self._paint_focus(painter, box)
        painter.restore()

    def _cell(self, picture: QPixmap, heat: QImage | None, side: int, ratio: float) -> QPixmap:
        key = (picture.cacheKey(), heat.cacheKey() if heat is not None else 0, side, ratio)
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = cover(picture if heat is None else with_heat_map(picture, heat), side, ratio)
            while len(self._cells) > KEPT_CELLS:
                self._cells.popitem(last=False)
        else:
            self._cells.move_to_end(key)
        return found

    @staticmethod
    def _paint_ring(painter: QPainter, box: QRect) -> None:
        painter.setPen(QPen(theme.color("accent"), 3))
        painter.setBrush(theme.color("accent_soft"))
        painter.drawRoundedRect(QRectF(box).adjusted(1.5, 1.5, -1.5, -1.5), theme.RADIUS + 4, theme.RADIUS + 4)

    @staticmethod
    def _paint_focus(painter: QPainter, box: QRect) -> None:
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)

    @staticmethod
    def _paint_blank(painter: QPainter, box: QRect, failure: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("blank"))
        painter.drawRoundedRect(QRectF(box), theme.RADIUS, theme.RADIUS)
        if failure:
            side = min(32, box.width() // 3)
            sign = theme.pixmap("image-off", "dim", side, painter.device().devicePixelRatioF())
            painter.drawPixmap(box.center() - QRect(0, 0, side, side).center(), sign)

    @staticmethod
    def _paint_caption(painter: QPainter, box: QRect, name: str) -> None:
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(box), theme.RADIUS, theme.RADIUS)
        metrics = painter.fontMetrics()
        height = metrics.height() + 26
        fade = QLinearGradient(QPointF(0, box.bottom() - height), QPointF(0, box.bottom()))
        shade = theme.color("stage")
        fade.setColorAt(0, QColor(shade.red(), shade.green(), shade.blue(), 0))
        fade.setColorAt(1, QColor(shade.red(), shade.green(), shade.blue(), 200))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.fillPath(shape, QBrush(fade))
        if box.width() < 90 or not name:
            return
        room = box.adjusted(9, 0, -9, -7)
        painter.setPen(theme.color("on_stage"))
        shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, shown)


def with_heat_map(picture: QPixmap, heat: QImage) -> QPixmap:
    """Return a picture with a heat map of any size laid over it."""
    made = QPixmap(picture)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(made.rect(), heat)
    painter.end()
    return made


def cover(picture: QPixmap, side: int, ratio: float, radius: float = theme.RADIUS) -> QPixmap:
    """Return a picture scaled and cut to fill a square of ``side`` logical pixels, with round corners.

    Tall pictures keep a little more of their top than of their bottom, because faces tend to be there.
    """
    pixels = max(round(side * ratio), 1)
    made = QPixmap(pixels, pixels)
    made.fill(Qt.GlobalColor.transparent)
    scale = pixels / max(min(picture.width(), picture.height()), 1)
    # Qt samples bilinearly, which glitters when it shrinks by more than two: shrink smoothly first.
    if scale < 0.5:
        picture = picture.scaled(
            QSize(pixels * 2, pixels * 2),
            Qt.AspectRatioMode.KeepAspectRatioByExpanding,
            Qt.TransformationMode.SmoothTransformation,
        )
        scale = pixels / max(min(picture.width(), picture.height()), 1)
    left = (pixels - picture.width() * scale) / 2
    top = (pixels - picture.height() * scale) * 0.4
    brush = QBrush(picture)
    brush.setTransform(QTransform.fromTranslate(left, top).scale(scale, scale))
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(brush)
    painter.drawRoundedRect(QRectF(0, 0, pixels, pixels), radius * ratio, radius * ratio)
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made
