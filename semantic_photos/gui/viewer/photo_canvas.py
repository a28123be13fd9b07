# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the photo of the viewer: zoom, pan, heat map, and the rectangle of a search by region."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from semantic_photos.gui.widgets import theme

MOST_ZOOM = 8.0
#: Shortest side of a drawn rectangle, in logical pixels.
LEAST_PART = 8


class PhotoCanvas(QWidget):
    """Shows an image with zoom and pan, draws a heat map over it, and lets the user draw a region.

    Signals:
        sharper_wanted: the zoom needs an image with more pixels.
        part_chosen: x, y, width and height of the drawn region, in fractions of the image.
        part_too_small: the drawn region is too small for a search.
        choosing_ended: region selection has ended.
    """

    sharper_wanted = Signal()
    part_chosen = Signal(float, float, float, float)
    part_too_small = Signal()
    choosing_ended = Signal()

    def __init__(self, viewer: QWidget) -> None:
        super().__init__(viewer)
        self._viewer = viewer
        self._pixmap: QPixmap | None = None
        self._true: QSize | None = None
        self._zoom, self._middle = 1.0, QPointF(0.5, 0.5)
        self._held: QPoint | None = None
        self._heat: QImage | None = None
        self._choosing = False
        self._corner: QPointF | None = None
        self._drawn = QRectF()
        self.is_sharp = False

    def show_picture(self, pixmap: QPixmap | None, true_size: QSize | None) -> None:
        """Show a first, coarse image of a photo that has ``true_size`` pixels."""
        self._pixmap, self._true, self.is_sharp = pixmap, true_size, False
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._pixmap, self._true, self._heat, self.is_sharp = None, None, None, False
        self.choose_part(choosing=False)
        self.fit()

    def show_sharp(self, pixmap: QPixmap) -> None:
        """Replace the image by one with more pixels; zoom and position stay."""
        self._pixmap, self.is_sharp = pixmap, True
        known = self._true
        if known is None or abs(known.width() * pixmap.height() / max(known.height() * pixmap.width(), 1) - 1) > 0.02:
            self._true = pixmap.size()
        self.update()

    @property
    def has_picture(self) -> bool:
        """Return whether an image is shown, coarse or sharp."""
        return self._pixmap is not None

    def show_heat_map(self, heat: QImage | None) -> None:
        """Draw a heat map with transparency over the image; None removes it."""
        self._heat = heat
        self.update()

    @property
    def is_choosing(self) -> bool:
        """Return whether the next drag draws a region."""
        return self._choosing

    def choose_part(self, *, choosing: bool) -> None:
        """Start or end region selection: while it is on, a drag draws a rectangle instead of panning."""
        if choosing == self._choosing:
            return
        self._choosing, self._corner, self._drawn = choosing, None, QRectF()
        if choosing:
            self.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self.unsetCursor()
            self.choosing_ended.emit()
        self.update()

    def fit(self) -> None:
        """Zoom out to the whole image."""
        self._zoom, self._middle = 1.0, QPointF(0.5, 0.5)
        self.update()

    def actual_size(self) -> None:
        """Zoom to one photo pixel per screen pixel."""
        if self._true is not None:
            self._zoom_to(self._true.width() / self.devicePixelRatioF() / max(self._fitted().width(), 1), None)

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom by a factor around ``at``, by default the centre."""
        self._zoom_to(self._zoom * factor, at)

    def _zoom_to(self, zoom: float, at: QPointF | None) -> None:
        most = MOST_ZOOM
        if self._true is not None:
            most = max(most, 2 * self._true.width() / max(self._fitted().width(), 1))
        zoom = min(max(zoom, 1.0), most)
        at = at or QPointF(self.rect().center())
        box = self._box()
        inside = QPointF((at.x() - box.x()) / max(box.width(), 1), (at.y() - box.y()) / max(box.height(), 1))
        self._zoom = zoom
        size = self._fitted() * zoom
        left, top = at.x() - inside.x() * size.width(), at.y() - inside.y() * size.height()
        self._middle = QPointF(
            (self.width() / 2 - left) / max(size.width(), 1), (self.height() / 2 - top) / max(size.height(), 1)
        )
        self._hold_inside()
        if zoom > 1.05:
            self.sharper_wanted.emit()
        self.update()

    def _fitted(self) -> QSize:
        own = self._true or (self._pixmap.size() if self._pixmap is not None else QSize(1, 1))
        room = self.size() - QSize(0, 0)
        fitted = own.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        ratio = self.devicePixelRatioF()
        # A small photo is enlarged three times at most.
        limit = QSize(round(own.width() * 3 / ratio), round(own.height() * 3 / ratio))
        return limit if fitted.width() > limit.width() else fitted

    def _box(self) -> QRectF:
        size = self._fitted() * self._zoom
        return QRectF(
            self.width() / 2 - self._middle.x() * size.width(), self.height() / 2 - self._middle.y() * size.height(),
            size.width(), size.height(),
        )  # fmt: skip

    def _hold_inside(self) -> None:
        size = self._fitted() * self._zoom
        for width, room, part in ((size.width(), self.width(), "x"), (size.height(), self.height(), "y")):
            half = room / 2 / max(width, 1)
            value = getattr(self._middle, part)()
            value = 0.5 if half >= 0.5 else min(max(value, half), 1 - half)
            getattr(self._middle, f"set{part.upper()}")(value)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom_by(1.2 ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._viewer.setFocus()
        if self._choosing:
            if event.button() == Qt.MouseButton.LeftButton:
                self._corner = self._held_inside(event.position())
            return
        if event.button() == Qt.MouseButton.LeftButton and self._zoom > 1.0:
            self._held = event.position().toPoint()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._corner is not None:
            self._drawn = QRectF(self._corner, self._held_inside(event.position())).normalized()
            self.update()
            return
        if self._held is not None:
            moved = event.position().toPoint() - self._held
            self._held = event.position().toPoint()
            size = self._fitted() * self._zoom
            self._middle -= QPointF(moved.x() / max(size.width(), 1), moved.y() / max(size.height(), 1))
            self._hold_inside()
            self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        if self._choosing:
            self._corner = None
            self._tell_part()
            return
        self._held = None
        self.unsetCursor()

    def _held_inside(self, at: QPointF) -> QPointF:
        """Return the point of the image nearest to a point of the widget."""
        box = self._box()
        return QPointF(min(max(at.x(), box.left()), box.right()), min(max(at.y(), box.top()), box.bottom()))

    def _tell_part(self) -> None:
        drawn, box = self._drawn, self._box()
        self._drawn = QRectF()
        self.update()
        if self._pixmap is None:
            return
        # A click with a small movement is not a region.
        if min(drawn.width(), drawn.height()) < LEAST_PART:
            self.part_too_small.emit()
            return
        self.choose_part(choosing=False)
        self.part_chosen.emit(
            (drawn.x() - box.x()) / box.width(), (drawn.y() - box.y()) / box.height(),
            drawn.width() / box.width(), drawn.height() / box.height(),
        )  # fmt: skip

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._choosing:
            return
        if self._zoom > 1.0:
            self.fit()
        else:
            self._zoom_to(3.0, event.position())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._hold_inside()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._pixmap is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(self._box(), self._pixmap, QRectF(self._pixmap.rect()))
        if self._heat is not None:
            painter.drawImage(self._box(), self._heat, QRectF(self._heat.rect()))
        if self._choosing:
            self._paint_part(painter)

    def _paint_part(self, painter: QPainter) -> None:
        around = QPainterPath()
        around.addRect(QRectF(self.rect()))
        if not self._drawn.isEmpty():
            inside = QPainterPath()
            inside.addRect(self._drawn)
            around = around.subtracted(inside)
        painter.fillPath(around, theme.color("stage", 0.45))
        if not self._drawn.isEmpty():
            painter.setPen(QPen(theme.color("on_stage"), 2))
            painter.drawRect(self._drawn)
