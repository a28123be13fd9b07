# SPDX-License-Identifier: GPL-3.0-or-later
"""The details panel beside the grid: image, facts, tags and near words of the selected photo."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QBoxLayout, QFormLayout, QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from semantic_photos.domain.photo import Photo, PhotoId
from semantic_photos.domain.query import ResultPage
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.details.tag_panel import TagPanel
from semantic_photos.gui.details.word_explorer import WordExplorer
from semantic_photos.gui.undo import UndoStack
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import ElidedLabel, button, label
from semantic_photos.gui.widgets.images import image_of
from semantic_photos.translation import tr, translated, trn

WIDTH, LEAST_WIDTH = 312, 256
#: Largest share of a narrow window: two photos side by side fit beside the panel.
SHARE = 0.32
#: What margins and scroll bar take from the width.
_MARGINS = 46
#: Longer side of the image in pixels: twice the panel, for screens with a high pixel density.
PICTURE_SIDE = 640


class SidePanel(QFrame):
    """Shows the details of one photo, or how many photos are selected.

    Signals:
        word_chosen: the query of a tag that was clicked.
        similar_requested: id of the photo to find similar ones for.
        open_requested: id of the photo to show in the viewer.
    """

    word_chosen = Signal(str)
    similar_requested = Signal(int)
    open_requested = Signal(int)

    def __init__(self, bridge: Bridge, undo: UndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.photo: Photo | None = None
        self.selected = -1
        self.setObjectName("panel")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName(tr("Details"))
        self._picture = _Picture()
        self._name = ElidedLabel(kind="heading")
        self._note = label(kind="dim", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._similar = button(tr("Find similar"), icon="similar")
        self._open = button(tr("View"), icon="fullscreen")
        self._buttons = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self.tags = TagPanel(bridge, undo)
        self._facts = QWidget()
        self._form = QFormLayout(self._facts)
        self.near_photo, self.near_word = WordExplorer(bridge), WordExplorer(bridge)
        self._build()
        self._similar.clicked.connect(self._want_similar)
        self._open.clicked.connect(self._want_open)
        self.tags.search_wanted.connect(self.word_chosen)
        self.show_none(0)

    def _build(self) -> None:
        body = QWidget()
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        self._buttons.setSpacing(8)
        self._buttons.addWidget(self._similar, 1)
        self._buttons.addWidget(self._open, 1)
        self._form.setContentsMargins(0, 4, 0, 0)
        self._form.setHorizontalSpacing(14)
        self._form.setVerticalSpacing(7)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for part in (self._picture, self._note, self._name):
            column.addWidget(part)
        column.addLayout(self._buttons)
        column.addSpacing(4)
        column.addWidget(self.tags)
        column.addWidget(self._facts)
        column.addWidget(self.near_word)
        column.addWidget(self.near_photo)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QFrame.Shape.NoFrame)
        # The controls inside take the focus and scroll the area; the area itself has no focus frame.
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 0, 0, 0)
        outer.addWidget(area)

    def fit(self, room: int) -> None:
        """Set the width for a window that is ``room`` pixels wide."""
        width = min(WIDTH, max(LEAST_WIDTH, int(SHARE * room)))
        self.setFixedWidth(width)
        # In some languages the buttons do not fit side by side.
        needed = self._similar.sizeHint().width() + self._buttons.spacing() + self._open.sizeHint().width()
        direction = QBoxLayout.Direction
        self._buttons.setDirection(direction.LeftToRight if needed <= width - _MARGINS else direction.TopToBottom)

    def photo_id(self) -> PhotoId | None:
        """Return the id of the photo that is shown."""
        return self.photo.id if self.photo is not None else None

    def has_picture(self) -> bool:
        """Return whether an image of the photo is shown."""
        return self._picture.has_picture()

    def show_none(self, selected: int) -> None:
        """Show how many photos are selected, when it is not exactly one."""
        self.photo, self.selected = None, selected
        if selected > 1:
            self._note.setText(trn("{count:,} photo selected", "{count:,} photos selected", selected))
        else:
            self._note.setText(tr("Select a photo to see its details."))
        self._picture.show_sign("image")
        self.near_photo.explore_nothing()
        self._set_filled(filled=False)

    def explore_page(self, page: ResultPage | None) -> None:
        """List words near the last known word of a query, minus words aside."""
        terms = page.query.terms if page is not None else ()
        unknown = page.unknown_words if page is not None else ()
        words = [term.word for term in terms if term.weight > 0 and term.word not in unknown]
        if words:
            self.near_word.explore_word(words[-1])
        else:
            self.near_word.explore_nothing()

    def show_photo(self, photo: Photo, thumbnail: QPixmap | None) -> None:
        """Show a photo; image and tags follow when they are ready."""
        fresh = self.photo is None or self.photo.id != photo.id
        self.photo, self.selected = photo, 1
        self._name.set_text(formatting.shown(photo.path.name))
        self._fill_facts(photo)
        if fresh or thumbnail is not None:
            ratio = photo.facts.height / photo.facts.width if photo.facts.width else 0.0
            self._picture.show_pixmap(thumbnail, ratio)
        if fresh:
            self.tags.show_photos([photo.id])
            self._ask(photo)
            self.near_photo.explore_photo(photo.id)
        self._set_filled(filled=True)

    def _ask(self, photo: Photo) -> None:
        wanted, library = photo.id, self._bridge.library
        self._bridge.run(
            lambda: (wanted, image_of(library.preview(photo.path, PICTURE_SIDE))),
            self._on_picture,
            lambda error: self._on_no_picture(wanted, error),
            lane="pool",
        )

    def _on_picture(self, answer: tuple[PhotoId, QImage]) -> None:
        photo_id, image = answer
        if photo_id == self.photo_id():
            self._picture.show_pixmap(QPixmap.fromImage(image), image.height() / max(image.width(), 1))

    def _on_no_picture(self, photo_id: PhotoId, error: Exception) -> None:
        if photo_id == self.photo_id():
            if not self._picture.has_picture():
                self._picture.show_sign("image-off")
            self._note.setText(formatting.shown(translated(error)))
            self._note.show()

    def _fill_facts(self, photo: Photo) -> None:
        while self._form.rowCount():
            self._form.removeRow(0)
        for name, value in formatting.facts(photo):
            shown = ElidedLabel(value)
            shown.setAccessibleName(f"{name}: {value}")
            self._form.addRow(label(name, "dim"), shown)

    def _set_filled(self, *, filled: bool) -> None:
        self._note.setVisible(not filled)
        for part in (self._name, self._similar, self._open, self._facts):
            part.setVisible(filled)

    def _want_similar(self) -> None:
        if self.photo is not None:
            self.similar_requested.emit(int(self.photo.id))

    def _want_open(self) -> None:
        if self.photo is not None:
            self.open_requested.emit(int(self.photo.id))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._similar.setIcon(theme.icon("similar"))
            self._open.setIcon(theme.icon("fullscreen"))


class _Picture(QLabel):
    """The whole photo with round corners, as wide as the panel."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap: QPixmap | None = None
        self._sign = "image"
        self._ratio = 0.66

    def has_picture(self) -> bool:
        """Return whether an image is shown."""
        return self._pixmap is not None

    def show_pixmap(self, pixmap: QPixmap | None, ratio: float) -> None:
        """Show an image whose height is ``ratio`` times its width."""
        self._pixmap = pixmap
        self._sign = ""
        if ratio <= 0 and pixmap is not None and pixmap.width():
            ratio = pixmap.height() / pixmap.width()
        self._ratio = min(max(ratio or 0.66, 0.3), 1.1)
        self.updateGeometry()
        self.update()

    def show_sign(self, sign: str) -> None:
        """Show an icon instead of an image."""
        self._pixmap, self._sign, self._ratio = None, sign, 0.66
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return round(width * self._ratio)

    def sizeHint(self) -> QSize:
        width = WIDTH - 33
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        width = LEAST_WIDTH - _MARGINS
        return QSize(width, self.heightForWidth(width))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(self.rect())
        if self._pixmap is not None:
            size = self._pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            box = QRectF(
                (self.width() - size.width()) / 2, (self.height() - size.height()) / 2, size.width(), size.height()
            )
        shape = QPainterPath()
        shape.addRoundedRect(box, theme.RADIUS, theme.RADIUS)
        if self._pixmap is None:
            painter.fillPath(shape, theme.color("blank"))
            if self._sign:
                sign = theme.pixmap(self._sign, "dim", 40, self.devicePixelRatioF(), 0.6)
                painter.drawPixmap(self.rect().center() - QRectF(0, 0, 40, 40).toRect().center(), sign)
            return
        painter.setClipPath(shape)
        painter.drawPixmap(box, self._pixmap, QRectF(self._pixmap.rect()))
