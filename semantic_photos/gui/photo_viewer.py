# SPDX-License-Identifier: GPL-3.0-or-later
"""One photo as large as the window: next and previous, zoom, pan."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from semantic_photos.domain.photo import Photo, PhotoId
from semantic_photos.gui import formatting, theme
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.pictures import image_of
from semantic_photos.gui.result_model import ResultModel
from semantic_photos.gui.widgets import ElidedLabel, IconButton, label

#: Longer side that is fetched when a person zooms in, in pixels.
FULL_SIDE = 8192
MOST_ZOOM = 8.0


class PhotoViewer(QWidget):
    """Walks through the rows of the result.

    Signals:
        closed: the person wants the grid back; the row that was shown last.
        similar_requested: photos like this one are wanted.
        moved: another row is shown.
        full_screen_toggled: the person wants the whole screen, or not any more.
    """

    closed = Signal(int)
    similar_requested = Signal(int)
    moved = Signal(int)
    full_screen_toggled = Signal()

    def __init__(self, bridge: Bridge, model: ResultModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._model = bridge, model
        self._row, self._generation = -1, 0
        self._canvas = _Canvas(self)
        self._canvas.sharper_wanted.connect(self._sharpen)
        self._full_asked = False
        self._reason = label(kind="stage", wrap=True)
        self._reason.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._reason.setParent(self)
        self._reason.hide()
        self._name = ElidedLabel(kind="stage")
        self._place = label(kind="stage")
        self._left = self._stage_button("left", "Previous  (←)", lambda: self.step(-1))
        self._right = self._stage_button("right", "Next  (→)", lambda: self.step(1))
        self._top = _Scrim(self)
        self._build_top()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Large photo")
        model.dataChanged.connect(lambda *_: self._on_model_data())

    def _stage_button(self, icon: str, name: str, go: Callable[[], object]) -> IconButton:
        made = IconButton(icon, name, self, part="on_stage")
        made.setProperty("kind", "stage")
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        made.clicked.connect(lambda: go())
        return made

    def _build_top(self) -> None:
        row = QHBoxLayout(self._top)
        row.setContentsMargins(18, 10, 12, 24)
        row.setSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._name)
        words.addWidget(self._place)
        row.addLayout(words, 1)
        row.addWidget(self._stage_button("minus", "Smaller  (−)", lambda: self._canvas.zoom_by(1 / 1.4)))
        row.addWidget(self._stage_button("plus", "Larger  (+)", lambda: self._canvas.zoom_by(1.4)))
        row.addWidget(self._stage_button("similar", "Find similar  (S)", self._emit_similar))
        row.addWidget(self._stage_button("fullscreen", "Full screen  (F11)", self.full_screen_toggled.emit))
        row.addWidget(self._stage_button("close", "Back to the photos  (Esc)", self.close_viewer))

    # Which photo

    @property
    def row(self) -> int:
        """Return the row that is shown."""
        return self._row

    def show_row(self, row: int) -> None:
        """Show the photo of a row."""
        if not 0 <= row < self._model.rowCount():
            return
        self._row = row
        self._generation += 1
        self._full_asked = False
        self._reason.hide()
        self._canvas.show_picture(None, None)
        around = [row, row + 1, row - 1, row + 2]
        self._model.show_rows([r for r in around if 0 <= r < self._model.rowCount()])
        self._asked_for: PhotoId | None = None
        self._on_model_data()
        self.moved.emit(row)
        self.update()

    def step(self, by: int) -> None:
        """Show the next or the previous photo."""
        self.show_row(min(max(self._row + by, 0), self._model.rowCount() - 1))

    def close_viewer(self) -> None:
        """Give the grid back."""
        self._generation += 1
        row, self._row = self._row, -1
        self._canvas.show_picture(None, None)
        self.closed.emit(row)

    def _on_model_data(self) -> None:
        photo = self._model.photo(self._row) if self._row >= 0 else None
        if photo is None:
            return
        self._name.set_text(formatting.shown(photo.path.name))
        parts = [f"{self._row + 1:,} of {self._model.rowCount():,}"]
        if photo.facts.taken:
            parts.append(formatting.moment(photo.facts.taken))
        parts.append(formatting.short_folder(photo.path.parent))
        self._place.setText("   ·   ".join(parts))
        size = QSize(photo.facts.width, photo.facts.height) if photo.facts.width else None
        if not self._canvas.is_sharp:
            thumbnail = self._model.index(self._row).data(Qt.ItemDataRole.DecorationRole)
            self._canvas.show_picture(thumbnail, size)
        if self._asked_for != photo.id:
            self._asked_for = photo.id
            ratio = self.devicePixelRatioF()
            self._fetch(photo, max(round(max(self.width(), self.height()) * ratio), 800))

    def _fetch(self, photo: Photo, side: int) -> None:
        generation, library = self._generation, self._bridge.library
        self._bridge.run(
            lambda: image_of(library.preview(photo.path, side)),
            lambda image: self._on_picture(image, generation),
            lambda error: self._on_error(error, generation),
            lane="pool",
        )

    def _on_picture(self, image: QImage, generation: int) -> None:
        if generation == self._generation:
            self._canvas.show_sharp(QPixmap.fromImage(image))

    def _on_error(self, error: Exception, generation: int) -> None:
        if generation == self._generation and not self._canvas.is_sharp:
            self._reason.setText(formatting.shown(str(error)))
            self._reason.show()
            self._place_parts()

    def _sharpen(self) -> None:
        photo = self._model.photo(self._row) if self._row >= 0 else None
        if photo is not None and not self._full_asked:
            self._full_asked = True
            self._fetch(photo, FULL_SIDE)

    def _emit_similar(self) -> None:
        photo_id = self._model.photo_id(self._row)
        if photo_id is not None:
            self.similar_requested.emit(int(photo_id))

    # Keys and places

    def keyPressEvent(self, event: QKeyEvent) -> None:
        go = {
            Qt.Key.Key_Right: lambda: self.step(1),
            Qt.Key.Key_Space: lambda: self.step(1),
            Qt.Key.Key_PageDown: lambda: self.step(1),
            Qt.Key.Key_Left: lambda: self.step(-1),
            Qt.Key.Key_Backspace: lambda: self.step(-1),
            Qt.Key.Key_PageUp: lambda: self.step(-1),
            Qt.Key.Key_Home: lambda: self.show_row(0),
            Qt.Key.Key_End: lambda: self.show_row(self._model.rowCount() - 1),
            Qt.Key.Key_Plus: lambda: self._canvas.zoom_by(1.4),
            Qt.Key.Key_Equal: lambda: self._canvas.zoom_by(1.4),
            Qt.Key.Key_Minus: lambda: self._canvas.zoom_by(1 / 1.4),
            Qt.Key.Key_0: self._canvas.fit,
            Qt.Key.Key_1: self._canvas.actual_size,
            Qt.Key.Key_S: self._emit_similar,
            Qt.Key.Key_Escape: self.close_viewer,
            Qt.Key.Key_Return: self.close_viewer,
            Qt.Key.Key_Enter: self.close_viewer,
        }.get(Qt.Key(event.key()))
        if go is None or event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            super().keyPressEvent(event)
        else:
            go()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_parts()

    def _place_parts(self) -> None:
        self._canvas.setGeometry(self.rect())
        self._top.setGeometry(0, 0, self.width(), self._top.sizeHint().height() + 14)
        middle = (self.height() - self._left.sizeHint().height()) // 2
        self._left.move(14, middle)
        self._right.move(self.width() - self._right.sizeHint().width() - 14, middle)
        self._reason.setGeometry(self.rect().adjusted(80, self.height() // 2, -80, -40))
        for part in (self._top, self._left, self._right):
            part.raise_()

    def paintEvent(self, _event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color("stage"))


class _Scrim(QWidget):
    """A shade at the top, so that words can be read on any picture."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        fade = QLinearGradient(0, 0, 0, self.height())
        fade.setColorAt(0, theme.color("stage", 0.78))
        fade.setColorAt(0.6, theme.color("stage", 0.45))
        fade.setColorAt(1, theme.color("stage", 0.0))
        QPainter(self).fillRect(self.rect(), fade)


class _Canvas(QWidget):
    """A picture that can be enlarged and moved.

    Signals:
        sharper_wanted: the picture is enlarged beyond its pixels.
    """

    sharper_wanted = Signal()

    def __init__(self, viewer: QWidget) -> None:
        super().__init__(viewer)
        self._viewer = viewer
        self._pixmap: QPixmap | None = None
        self._true: QSize | None = None
        self._zoom, self._middle = 1.0, QPointF(0.5, 0.5)
        self._held: QPoint | None = None
        self.is_sharp = False

    def show_picture(self, pixmap: QPixmap | None, true_size: QSize | None) -> None:
        """Show a first, coarse picture of a photo that has ``true_size`` pixels."""
        self._pixmap, self._true, self.is_sharp = pixmap, true_size, False
        if pixmap is None:
            self._zoom, self._middle = 1.0, QPointF(0.5, 0.5)
        self.update()

    def show_sharp(self, pixmap: QPixmap) -> None:
        """Show a better picture in the same place."""
        self._pixmap, self.is_sharp = pixmap, True
        known = self._true
        if known is None or abs(known.width() * pixmap.height() / max(known.height() * pixmap.width(), 1) - 1) > 0.02:
            self._true = pixmap.size()
        self.update()

    def fit(self) -> None:
        """Show the whole picture."""
        self._zoom, self._middle = 1.0, QPointF(0.5, 0.5)
        self.update()

    def actual_size(self) -> None:
        """Show one pixel of the photo as one of the screen."""
        if self._true is not None:
            self._zoom_to(self._true.width() / self.devicePixelRatioF() / max(self._fitted().width(), 1), None)

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Enlarge; the place ``at`` stays where it is."""
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
        # A small picture is not blown up to the whole window: three times at most.
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
        if event.button() == Qt.MouseButton.LeftButton and self._zoom > 1.0:
            self._held = event.position().toPoint()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is not None:
            moved = event.position().toPoint() - self._held
            self._held = event.position().toPoint()
            size = self._fitted() * self._zoom
            self._middle -= QPointF(moved.x() / max(size.width(), 1), moved.y() / max(size.height(), 1))
            self._hold_inside()
            self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._held = None
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
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
