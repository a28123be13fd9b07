# SPDX-License-Identifier: GPL-3.0-or-later
"""Words near a word or a photo, each with its number of good matches, to be added to the query or searched for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Example
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import ElidedLabel, IconButton, button, label
from semantic_photos.services.search.vocabulary import WordNeighbour
from semantic_photos.translation import tr, trn

WORDS = 5
#: Delay before words are looked up, while the user types or moves through photos.
SOON_MS = 350
#: Shortest time between two counts while photos are being indexed.
REFRESH_MS = 3000


class WordExplorer(QWidget):
    """A short list of words; hidden while it is empty.

    Signals:
        add_wanted: a word to add to the query, with a minus before it for less of it.
        replace_wanted: the explored word (empty for a photo), and the word to search for instead.
    """

    add_wanted = Signal(str)
    replace_wanted = Signal(str, str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._of: object = None
        self._replaced = ""
        self._work: Callable[[], None] | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._start)
        self._title = ElidedLabel(kind="dim", mode=Qt.TextElideMode.ElideRight)
        self._rows: list[_Row] = []
        self._caution = bridge.library.settings.caution
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(2)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._title)
        column.addLayout(self._grid)
        self.hide()

    def words(self) -> list[str]:
        """Return the words that are listed."""
        return [row.word for row in self._rows]

    def counts(self) -> list[int]:
        """Return the number of good matches of each."""
        return [row.photos for row in self._rows]

    def title(self) -> str:
        """Return the heading."""
        return self._title.full_text()

    def explore_nothing(self) -> None:
        """List nothing."""
        self._of = None
        self._soon.stop()
        self.hide()

    def set_caution(self, caution: float) -> None:
        """Count good matches with another strictness."""
        self._caution = caution
        if self._of is not None:
            self._soon.start(SOON_MS)

    def explore_word(self, word: str) -> None:
        """List the words near a word."""
        vocabulary = self._bridge.library.vocabulary
        title = tr("Words near “{word}”", word=formatting.shown(word))
        self._explore(("word", word), title, word, lambda: vocabulary.neighbours(word, WORDS, self._caution))

    def explore_photo(self, photo_id: PhotoId) -> None:
        """List the words near a photo."""
        library = self._bridge.library

        def work() -> Sequence[WordNeighbour]:
            vector = library.search.examples.vector(Example(photo_id))
            return library.vocabulary.near_photo(vector, caution=self._caution)

        self._explore(("photo", photo_id), tr("Words near this photo"), "", work)

    def _explore(self, of: object, title: str, replaced: str, work: Callable[[], Sequence[WordNeighbour]]) -> None:
        if of == self._of:
            return
        self._of = of
        self._work = lambda: self._ask(of, title, replaced, work)
        self._soon.start(SOON_MS)

    def refresh(self, _message: object = None) -> None:
        """Count again, because the library has changed."""
        if self._of is not None and not self._soon.isActive():
            self._soon.start(REFRESH_MS)

    def _start(self) -> None:
        if self._work is not None:
            self._work()

    def _ask(self, of: object, title: str, replaced: str, work: Callable[[], Sequence[WordNeighbour]]) -> None:
        # An unknown word has no neighbours; the search reports it.
        self._bridge.run(
            work,
            lambda words: self._fill(of, title, replaced, words),
            lambda _: self._fill(of, "", "", []),
            lane="pool",
        )

    def _fill(self, of: object, title: str, replaced: str, words: Sequence[WordNeighbour]) -> None:
        if of != self._of:
            return
        for row in self._rows:
            row.delete()
        self._replaced = replaced
        self._title.set_text(title)
        self._rows = [_Row(self, number, word) for number, word in enumerate(words)]
        self.setVisible(bool(words))

    def place(self, widget: QWidget, row: int, column: int) -> None:
        """Put a widget of a row into the grid."""
        self._grid.addWidget(widget, row, column)

    def choose(self, word: str) -> None:
        """Request a search for a word instead of the explored one."""
        self.replace_wanted.emit(self._replaced, word)


class _Row:
    def __init__(self, explorer: WordExplorer, number: int, near: WordNeighbour) -> None:
        self.word, self.photos = near.word, near.photos
        shown = formatting.shown(near.word)
        word = button(shown, "word")
        word.setToolTip(tr("Search for “{word}” instead", word=shown))
        found = trn("{count:,} good match", "{count:,} good matches", near.photos)
        word.setAccessibleName(tr("{word}, {matches}: search for it instead", word=shown, matches=found))
        # A word that no photo clearly shows is worth a try, but a column of zeros only looks like a fault.
        count = label(tr("{count:,}", count=near.photos) if near.photos else "", "dim")
        count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        count.setToolTip(found)
        plus = IconButton("plus", tr("Add “{word}” to the query", word=shown))
        minus = IconButton("minus", tr("Less of “{word}”", word=shown))
        for small in (plus, minus):
            small.setIconSize(QSize(16, 16))
        word.clicked.connect(lambda: explorer.choose(near.word))
        plus.clicked.connect(lambda: explorer.add_wanted.emit(near.word))
        minus.clicked.connect(lambda: explorer.add_wanted.emit(_pushed(near.word)))
        self._parts: list[QWidget] = [word, count, minus, plus]
        for column, part in enumerate(self._parts):
            explorer.place(part, number, column)

    def delete(self) -> None:
        for part in self._parts:
            part.hide()
            part.deleteLater()


def _pushed(word: str) -> str:
    """Return a word or phrase as minus words."""
    return " ".join(f"-{part}" for part in word.split())
