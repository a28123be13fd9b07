# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown instead of photos: empty states and errors, each with what to do next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.query import Emptied, ResultPage
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import Chip, FlowLayout, button, label
from semantic_photos.translation import tr, translated, trn


@dataclass(frozen=True, slots=True)
class Way:
    """A button: its text, its action, its kind."""

    text: str
    go: Callable[[], object]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Icon, title, text, buttons (``ways``), and words to search for instead."""

    icon: str
    title: str
    text: str = ""
    ways: tuple[Way, ...] = ()
    words: tuple[str, ...] = ()


class PlaceholderPage(QWidget):
    """Shows a ``Placeholder`` in the middle of its area.

    Signals:
        word_chosen: a suggested word was clicked.
    """

    word_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = Placeholder("image", "")
        self._sign = QLabel(alignment=Qt.AlignmentFlag.AlignHCenter)
        self._title = label(kind="title", wrap=True)
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._text = label(kind="dim", wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._text.setFixedWidth(480)
        self._ways = QHBoxLayout()
        self._ways.setSpacing(10)
        self._ways.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._words = QWidget()
        self._word_row = QHBoxLayout(self._words)
        self._word_row.setContentsMargins(0, 0, 0, 0)
        self._word_row.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(40, 24, 40, 40)
        column.setSpacing(0)
        column.addStretch(4)
        column.addWidget(self._sign)
        column.addSpacing(18)
        column.addWidget(self._title)
        column.addSpacing(10)
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(self._text)
        line.addStretch(1)
        column.addLayout(line)
        column.addSpacing(18)
        column.addWidget(self._words)
        column.addLayout(self._ways)
        column.addStretch(5)

    def show_state(self, state: Placeholder) -> None:
        """Show a state; the same one again changes nothing."""
        if state == self._state:
            return
        rebuild = [way.text for way in state.ways] != [way.text for way in self._state.ways]
        words_changed = state.words != self._state.words
        self._state = state
        self._title.setText(state.title)
        self._text.setText(state.text)
        self._text.setVisible(bool(state.text))
        self.setAccessibleName(f"{state.title} {state.text}")
        if rebuild:
            self._fill_ways()
        if words_changed:
            self._fill_words()
        self._tint()

    def state(self) -> Placeholder:
        """Return the state that is shown."""
        return self._state

    def _fill_ways(self) -> None:
        _clear(self._ways)
        for number, way in enumerate(self._state.ways):
            made = button(way.text, way.kind)
            made.clicked.connect(lambda _=False, number=number: self._state.ways[number].go())
            self._ways.addWidget(made)

    def _fill_words(self) -> None:
        _clear(self._word_row)
        for word in self._state.words:
            chip = Chip(word)
            chip.clicked.connect(lambda _=False, word=word: self.word_chosen.emit(word))
            self._word_row.addWidget(chip)
        self._words.setVisible(bool(self._state.words))
        self._word_row.setContentsMargins(0, 0, 0, 18 if self._state.words else 0)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def _tint(self) -> None:
        side = 96 if self._state.icon == "semantic-photos" else 56
        self._sign.setPixmap(theme.pixmap(self._state.icon, "dim", side, self.devicePixelRatioF(), 1.0))


class AdviceBar(QWidget):
    """A line above the photos about words of the query that are unknown or find nothing, with suggestions.

    Signals:
        word_chosen: the word of the query and the suggestion that replaces it.
    """

    word_chosen = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow = FlowLayout(self, 8)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_page(self, page: ResultPage | None) -> None:
        """Show advice on the words of a result page's query; hide if there is none."""
        self._flow.clear()
        unknown = page.unknown_words if page is not None else ()
        # A filter that finds nothing is only in the suggestions.
        named = [term for term in page.suggestions if term not in unknown] if page is not None else []
        left_out = page.left_out if page is not None else ()
        by_name = page.by_name if page is not None else ()
        for word in by_name[:3]:
            text = tr("{word} was searched in file names, captions and tags.", word=formatting.quoted(word))
            self._flow.addWidget(label(text, "dim"))
        for sentence in left_out[:3]:
            text = tr("{problem} This part was left out.", problem=formatting.shown(translated(sentence)))
            self._flow.addWidget(label(text, "dim"))
        for word in [*unknown, *named][:3]:
            suggestions = page.suggestions.get(word, ()) if page is not None else ()
            self._flow.addWidget(label(_advice(word, unknown=word in unknown, suggestions=bool(suggestions)), "dim"))
            for other in suggestions[:4]:
                chip = Chip(other)
                chip.clicked.connect(lambda _=False, word=word, other=other: self.word_chosen.emit(word, other))
                self._flow.addWidget(chip)
        self.setVisible(bool(unknown or named or left_out or by_name))


def _advice(word: str, *, unknown: bool, suggestions: bool) -> str:
    name = formatting.quoted(word)
    if unknown:
        return (
            tr("Unknown word: {word}. Did you mean:", word=name)
            if suggestions
            else tr("Unknown word: {word}.", word=name)
        )
    return (
        tr("{word} finds nothing. Did you mean:", word=name) if suggestions else tr("{word} finds nothing.", word=name)
    )


def _clear(layout: QHBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def welcome(choose: Callable[[], object]) -> Placeholder:
    """Return the state of a library without folders."""
    return Placeholder(
        "semantic-photos",
        tr("Find photos by what they show"),
        tr(
            "Choose a folder with photos. The photos stay where they are, unchanged, and nothing leaves this "
            "computer.\n"
            "Or drop a folder anywhere on this window."
        ),
        (Way(tr("Choose folder…"), choose, "primary"),),
    )


def looking(done: int, total: int) -> Placeholder:
    """Return the state of a library whose first photos are not indexed yet."""
    text = tr("The first photos appear in a moment.")
    if total:
        text = trn(
            "{done:,} of {count:,} photo indexed. The first photos appear in a moment.",
            "{done:,} of {count:,} photos indexed. The first photos appear in a moment.",
            total, done=done,
        )  # fmt: skip
    return Placeholder("image", tr("Indexing your folders…"), text)


def no_photos(manage: Callable[[], object]) -> Placeholder:
    """Return the state of folders without photos."""
    return Placeholder("folder", tr("No photos here"), tr("Your folders contain no readable photos."),
                 (Way(tr("Folders…"), manage),))  # fmt: skip


def nothing_found(page: ResultPage, clear: Callable[[], object], drop: Callable[[str], object]) -> Placeholder:
    """Return the state of a query without results, with the reason.

    Args:
        page: the result page without hits.
        clear: shows all photos.
        drop: searches without a term.
    """
    ways = (Way(tr("Show all photos"), clear),)
    words = page.unknown_words
    if words:
        alike = tuple(dict.fromkeys(w for word in page.unknown_words for w in page.suggestions.get(word, ())))[:6]
        title = tr("Unknown word: {word}", word=formatting.quoted(words[0])) if len(words) == 1 else tr("Unknown words")
        hint = tr("Did you mean one of these?") if alike else tr("Try another word for what the photo shows.")
        return Placeholder("question", title, hint, ways, alike)
    if page.emptied_by is not None:
        return _emptied(page, page.emptied_by, clear, drop)
    if page.searched == 0:
        return Placeholder("image", tr("No photo can be searched yet"),
                     tr("Indexing is running. Results appear here as soon as photos are ready."), ways)  # fmt: skip
    if page.query.terms:
        plain = " ".join(term.word for term in page.query.terms[:6])
        return Placeholder("question", tr("{words} describes nothing visible", words=formatting.quoted(plain)),
                     tr("Add something that can be seen: a thing, an animal, a place, a colour."), ways,
                     ("dog", "beach", "mountain", "red"))  # fmt: skip
    return Placeholder("image", tr("Nothing found"), tr("No other photo is similar to this one."), ways)


def _emptied(
    page: ResultPage, emptied: Emptied, clear: Callable[[], object], drop: Callable[[str], object]
) -> Placeholder:
    term, count = formatting.shown(emptied.term), emptied.without
    alike = tuple(dict.fromkeys(other for others in page.suggestions.values() for other in others))[:6]
    alone = str(page.query.tree) == emptied.term and not page.query.examples
    ways = [Way(tr("Show all photos"), clear)]
    if not alone:
        ways.insert(0, Way(tr("Search without {term}", term=term), lambda: drop(emptied.term), "primary"))
    sentences = []
    if count and not alone:
        ranked = bool(page.query.terms or page.query.examples)
        sentences.append(
            trn(
                "{count:,} photo is left to search without it.",
                "{count:,} photos are left to search without it.",
                count,
            )
            if ranked
            else trn("{count:,} photo is found without it.", "{count:,} photos are found without it.", count)
        )
    if alike:
        sentences.append(tr("Did you mean one of these?"))
    title = tr("No photo matches {term}", term=formatting.quoted(emptied.term))
    return Placeholder("question", title, " ".join(sentences), tuple(ways), alike)


def trouble(error: Exception, clear: Callable[[], object]) -> Placeholder:
    """Return the state of a query that failed."""
    ways = (Way(tr("Show all photos"), clear),)
    if isinstance(error, UserFacingError):
        return Placeholder("warning", formatting.shown(translated(error.message)), translated(error.advice), ways)
    return Placeholder("warning", tr("This search failed"), tr("Program error. See the log file for details."), ways)
