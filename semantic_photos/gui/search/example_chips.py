# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks up the example photos of a query: name and thumbnail for the chip, words for the focus."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.example_focus import Focus, Region
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Example, Query
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.grid.result_delegate import cover
from semantic_photos.gui.grid.thumbnail_loader import ThumbnailLoader
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.images import image_of, thumbnail_image
from semantic_photos.translation import tr

_SIDE = 48
_WORDS = 7
#: Longer side in pixels at which a photo is read when only a region of it is shown.
_PART_SIDE = 640


class ExampleChips(QObject):
    """Looks up what is needed to show the examples of a query.

    Signals:
        look_ready: number of the example, its name, a square pixmap or None.
        words_ready: words for what the first example shows, and the focuses of the query (``Focus``).
    """

    look_ready = Signal(int, str, object)
    words_ready = Signal(object, object)

    def __init__(self, bridge: Bridge, loader: ThumbnailLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._loader = bridge, loader
        self._shown: tuple[Example, ...] = ()
        self._ready: dict[int, tuple[str, QPixmap | None]] = {}
        self._words: list[str] = []
        self._focuses: tuple[Focus, ...] = ()

    def show_query(self, query: Query) -> None:
        """Look up the examples of a query; what is known already is emitted again."""
        self._focuses = query.focuses
        if query.examples == self._shown:
            # The chips may be new although the examples are not.
            for number, look in self._ready.items():
                self.look_ready.emit(number, *look)
            if query.examples:
                self.words_ready.emit(self._words, self._focuses)
            return
        self._shown, self._words, self._ready = query.examples, [], {}
        for number, example in enumerate(query.examples):
            self._look_up(number, example)
        if query.examples:
            self.words_ready.emit([], self._focuses)

    def _first(self) -> Example | None:
        """Return the first example to move towards: the focus is on what it shows."""
        return next((example for example in self._shown if example.weight > 0), None)

    def _look_up(self, number: int, example: Example) -> None:
        library, photo_id, path, region = self._bridge.library, example.photo_id, example.path, example.region

        def work() -> tuple[str, QImage | None]:
            if path is not None:
                return path.name, image_of(library.preview(path, 2 * _SIDE))
            photo = library.photos([PhotoId(photo_id or 0)]).get(PhotoId(photo_id or 0))
            if photo is None:
                return tr("Missing photo"), None
            if region is not None:
                name = tr("Region of {name}", name=photo.path.name)
                try:
                    image = image_of(library.preview(photo.path, _PART_SIDE))
                except PhotoError:  # its name is known all the same
                    return name, None
                return name, cut(image, region)
            return photo.path.name, thumbnail_image(library.thumbnail(photo))

        def show(found: tuple[str, QImage | None]) -> None:
            name, image = found
            if number < len(self._shown) and self._shown[number] == example:
                picture = None if image is None or image.isNull() else cover(QPixmap.fromImage(image), _SIDE, 1.0)
                self._ready[number] = (formatting.shown(name), picture)
                self.look_ready.emit(number, *self._ready[number])

        self._bridge.run(work, show, lambda _error: None, lane="pool")
        if example == self._first():
            self._bridge.run(
                lambda: [
                    concept.tag
                    for concept in library.salient_words.of_vector(library.search.examples.vector(example), _WORDS)
                ],
                lambda words: self._on_words(example, words),
                lambda _error: None,
                lane="pool",
            )

    def _on_words(self, example: Example, words: list[str]) -> None:
        if example == self._first():
            self._words = words
            self.words_ready.emit(words, self._focuses)


def cut(image: QImage, region: Region) -> QImage:
    """Return a region of an image, given in fractions: left, top, width, height. Thread: any."""
    x, y, width, height = region
    return image.copy(
        round(x * image.width()), round(y * image.height()),
        max(round(width * image.width()), 1), max(round(height * image.height()), 1),
    )  # fmt: skip
