# SPDX-License-Identifier: GPL-3.0-or-later
"""How the example photos of a question look: name and small picture for the chip, words for the focus."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Example, Query
from semantic_photos.gui import formatting
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.pictures import image_of
from semantic_photos.gui.result_delegate import cover
from semantic_photos.gui.thumbnail_loader import ThumbnailLoader

_SIDE = 48
_WORDS = 6
#: A guess that would be too weak for a tag is still a useful proposal.
_LEAST = 0.1


class ExampleLooks(QObject):
    """Looks up what is needed to show a question's examples.

    Signals:
        look_ready: number of the example, its name, a square pixmap or None.
        words_ready: words that are on the first example, and the focus in use.
    """

    look_ready = Signal(int, str, object)
    words_ready = Signal(object, str)

    def __init__(self, bridge: Bridge, loader: ThumbnailLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._loader = bridge, loader
        self._shown: tuple[Example, ...] = ()
        self._words: list[str] = []
        self._focus = ""

    def show_query(self, query: Query) -> None:
        """Look up the examples of a question; what is known already is told again."""
        self._focus = query.focus
        if query.examples == self._shown:
            if query.examples:
                self.words_ready.emit(self._words, self._focus)
            return
        self._shown, self._words = query.examples, []
        for number, example in enumerate(query.examples):
            self._look_up(number, example)
        if query.examples:
            self.words_ready.emit([], self._focus)

    def _look_up(self, number: int, example: Example) -> None:
        library, photo_id, path = self._bridge.library, example.photo_id, example.path

        def work() -> tuple[str, QImage | None]:
            if path is not None:
                return path.name, image_of(library.preview(path, 2 * _SIDE))
            photo = library.photos([PhotoId(photo_id or 0)]).get(PhotoId(photo_id or 0))
            if photo is None:
                return "a photo", None
            data = library.thumbnail(photo)
            return photo.path.name, QImage.fromData(data) if data else None

        def show(found: tuple[str, QImage | None]) -> None:
            name, image = found
            if number < len(self._shown) and self._shown[number] == example:
                picture = None if image is None or image.isNull() else cover(QPixmap.fromImage(image), _SIDE, 1.0)
                self.look_ready.emit(number, formatting.shown(name), picture)

        self._bridge.run(work, show, lambda _error: None, lane="pool")
        if number == 0 and photo_id is not None:
            wanted = photo_id
            self._bridge.run(
                lambda: [
                    guess.tag for guess in library.vocabulary.tags([wanted], n=_WORDS, least=_LEAST).get(wanted, [])
                ],
                lambda words: self._on_words(example, words),
                lambda _error: None,
            )

    def _on_words(self, example: Example, words: list[str]) -> None:
        if self._shown and self._shown[0] == example:
            self._words = words
            self.words_ready.emit(words, self._focus)
