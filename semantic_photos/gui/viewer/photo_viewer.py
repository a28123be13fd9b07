# SPDX-License-Identifier: GPL-3.0-or-later
"""The viewer: one photo in the whole window, next and previous, zoom, explanation, search by region."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QLinearGradient, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from semantic_photos.domain.photo import Photo, PhotoId
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.grid.result_model import ResultModel
from semantic_photos.gui.viewer.photo_canvas import PhotoCanvas
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import ElidedLabel, IconButton, Resting, label
from semantic_photos.gui.widgets.images import image_of
from semantic_photos.translation import tr, translated

#: Longer side in pixels of the image that is loaded when the user zooms in.
FULL_SIDE = 8192


class PhotoViewer(QWidget):
    """Shows the rows of a result one by one.

    Signals:
        closed: the user goes back to the grid; the row that was shown last.
        similar_requested: id of the photo to find similar ones for.
        moved: the row that is now shown.
        full_screen_toggled: the user enters or leaves full screen.
        part_requested: photo id, and x, y, width and height of a region of it in fractions: search by that region.
        explanation_requested: id of the photo to explain.
        explanation_likely: the user points at the button, so a request is likely soon.
    """

    closed = Signal(int)
    similar_requested = Signal(int)
    moved = Signal(int)
    full_screen_toggled = Signal()
    part_requested = Signal(int, float, float, float, float)
    explanation_requested = Signal(int)
    explanation_likely = Signal()

    def __init__(self, bridge: Bridge, model: ResultModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._model = bridge, model
        self._row, self._generation = -1, 0
        self._canvas = PhotoCanvas(self)
        self._canvas.sharper_wanted.connect(self._sharpen)
        self._canvas.part_chosen.connect(self._emit_part)
        self._canvas.part_too_small.connect(lambda: self._say(tr("The region is too small. Drag a larger rectangle.")))
        self._full_asked = False
        self._said = label(kind="said", wrap=True)
        self._said.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._said.setParent(self)
        self._said.hide()
        self._why = self._stage_button("why", tr("Why this photo?  (W)"), self._toggle_why, checkable=True)
        Resting(self._why).begun.connect(self.explanation_likely)
        self._part = self._stage_button("part", tr("Search by region  (R)"), self.choose_part, checkable=True)
        self._canvas.choosing_ended.connect(lambda: self._part.setChecked(False))
        self._why.hide()
        self._reason = label(kind="stage", wrap=True)
        self._reason.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._reason.setParent(self)
        self._reason.hide()
        self._name = ElidedLabel(kind="stage")
        self._place = label(kind="stage")
        self._left = self._stage_button("left", tr("Previous  (←)"), lambda: self.step(-1))
        self._right = self._stage_button("right", tr("Next  (→)"), lambda: self.step(1))
        self._top = _Scrim(self)
        self._build_top()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Photo viewer"))
        model.dataChanged.connect(lambda *_: self._on_model_data())

    def _stage_button(self, icon: str, name: str, go: Callable[[], object], *, checkable: bool = False) -> IconButton:
        made = IconButton(icon, name, self, part="on_stage")
        made.setCheckable(checkable)
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
        row.addWidget(self._stage_button("minus", tr("Zoom out  (−)"), lambda: self._canvas.zoom_by(1 / 1.4)))
        row.addWidget(self._stage_button("plus", tr("Zoom in  (+)"), lambda: self._canvas.zoom_by(1.4)))
        row.addWidget(self._why)
        row.addWidget(self._stage_button("similar", tr("Find similar  (S)"), self._emit_similar))
        row.addWidget(self._part)
        row.addWidget(self._stage_button("fullscreen", tr("Full screen  (F11)"), self.full_screen_toggled.emit))
        row.addWidget(self._stage_button("close", tr("Back to the photos  (Esc)"), self.close_viewer))

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
        self._said.hide()
        self._canvas.clear()
        around = [row, row + 1, row - 1, row + 2]
        self._model.show_rows([r for r in around if 0 <= r < self._model.rowCount()])
        self._asked_for: PhotoId | None = None
        self._on_model_data()
        self.moved.emit(row)
        self.update()
        if self._why.isChecked():
            self._ask_why()

    def step(self, by: int) -> None:
        """Move by a number of photos."""
        self.show_row(min(max(self._row + by, 0), self._model.rowCount() - 1))

    def close_viewer(self) -> None:
        """Go back to the grid."""
        self._generation += 1
        row, self._row = self._row, -1
        self._canvas.clear()
        self.closed.emit(row)

    def _on_model_data(self) -> None:
        photo = self._model.photo(self._row) if self._row >= 0 else None
        if photo is None:
            return
        self._name.set_text(formatting.shown(photo.path.name))
        parts = [tr("{number:,} of {total:,}", number=self._row + 1, total=self._model.rowCount())]
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
            reason = formatting.shown(translated(error))
            if self._canvas.has_picture:
                # Over the thumbnail, text needs the background that ``_say`` gives it.
                self._say(reason)
                return
            self._reason.setText(reason)
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

    # Regions and explanations

    def choose_part(self) -> None:
        """Start or end the selection of a region to search by."""
        self._canvas.choose_part(choosing=not self._canvas.is_choosing)
        self._part.setChecked(self._canvas.is_choosing)
        if self._canvas.is_choosing:
            self._say(tr("Drag a rectangle around the region to search by."))
        else:
            self._said.hide()

    def _emit_part(self, x: float, y: float, width: float, height: float) -> None:
        photo_id = self._model.photo_id(self._row)
        if photo_id is not None:
            self.part_requested.emit(int(photo_id), x, y, width, height)

    def offer_explanation(self, *, offered: bool) -> None:
        """Show or hide the button that explains a match; without a query there is nothing to explain."""
        self._why.setVisible(offered)
        if not offered:
            self._why.setChecked(False)

    def _toggle_why(self) -> None:
        if self._why.isChecked():
            self._ask_why()
        else:
            self._canvas.show_heat_map(None)
            self._said.hide()

    def _ask_why(self) -> None:
        photo_id = self._model.photo_id(self._row)
        if photo_id is not None:
            self.explanation_requested.emit(int(photo_id))

    def explain(self, row: int) -> None:
        """Show the photo of a row and explain why it matches the query."""
        self._why.setChecked(True)
        self.show_row(row)

    def show_explanation(self, photo_id: int, heat: QImage | None, words: str) -> None:
        """Show the answer to ``explanation_requested``, if that photo is still shown."""
        if self._why.isChecked() and self._model.photo_id(self._row) == photo_id:
            self._canvas.show_heat_map(heat)
            self._say(words)

    def _say(self, words: str) -> None:
        self._said.setText(words)
        self._said.setVisible(bool(words))
        self._place_parts()

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
            Qt.Key.Key_R: self.choose_part,
            Qt.Key.Key_W: self._why.click if self._why.isVisible() else None,
            Qt.Key.Key_Escape: self.choose_part if self._canvas.is_choosing else self.close_viewer,
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
        wide = min(self._said.fontMetrics().horizontalAdvance(self._said.text()) + 44, self.width() - 160)
        high = self._said.heightForWidth(wide)
        self._said.setGeometry((self.width() - wide) // 2, self.height() - high - 24, wide, high)
        for part in (self._top, self._left, self._right, self._said):
            part.raise_()

    def paintEvent(self, _event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color("stage"))


class _Scrim(QWidget):
    """A dark gradient at the top that keeps text readable on any photo."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        fade = QLinearGradient(0, 0, 0, self.height())
        fade.setColorAt(0, theme.color("stage", 0.78))
        fade.setColorAt(0.6, theme.color("stage", 0.45))
        fade.setColorAt(1, theme.color("stage", 0.0))
        QPainter(self).fillRect(self.rect(), fade)
