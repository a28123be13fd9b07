# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown instead of photos: a word to the user, and a way on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from semantic_photos.domain.query import Emptied, ResultPage
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import Chip, FlowLayout, button, label


@dataclass(frozen=True, slots=True)
class Way:
    """A button: what it says, what it does, how it looks."""

    text: str
    go: Callable[[], object]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One screenful: an icon, a title, a few words, ways on and words to search instead."""

    icon: str
    title: str
    text: str = ""
    ways: tuple[Way, ...] = ()
    words: tuple[str, ...] = ()


class PlaceholderPage(QWidget):
    """Shows a ``Placeholder`` in the middle.

    Signals:
        word_chosen: a suggested word was pressed.
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
        """Show another state; the same one again changes nothing."""
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
        """Return what is shown."""
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
    """A line above the photos: words that are not known, with known ones to press instead.

    Signals:
        word_chosen: the unknown word and the one to put in its place.
    """

    word_chosen = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow = FlowLayout(self, 8)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_page(self, page: ResultPage | None) -> None:
        """Show what there is to say about a page's words, or hide."""
        self._flow.clear()
        unknown = page.unknown_words if page is not None else ()
        # A filter that nothing answers to is in the suggestions alone.
        named = [term for term in page.suggestions if term not in unknown] if page is not None else []
        left_out = page.left_out if page is not None else ()
        by_name = page.by_name if page is not None else ()
        for word in by_name[:3]:
            text = f"{formatting.quoted(word)} was looked for in file names, captions and tags."
            self._flow.addWidget(label(text, "dim"))
        for sentence in left_out[:3]:
            self._flow.addWidget(label(f"{formatting.shown(sentence)} Asked without it.", "dim"))
        for word in [*unknown, *named][:3]:
            suggestions = page.suggestions.get(word, ()) if page is not None else ()
            known = "is not a word I know." if word in unknown else "finds nothing."
            text = f"{formatting.quoted(word)} {known}"
            said = label(text + (" Did you mean" if suggestions else ""), "dim")
            self._flow.addWidget(said)
            for other in suggestions[:4]:
                chip = Chip(other)
                chip.clicked.connect(lambda _=False, word=word, other=other: self.word_chosen.emit(word, other))
                self._flow.addWidget(chip)
        self.setVisible(bool(unknown or named or left_out or by_name))


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
        "Find photos by what is in them",
        "Choose a folder with photos. They stay where they are and as they are, and nothing leaves this computer.\n"
        "Or drop a folder anywhere on this window.",
        (Way("Choose a folder…", choose, "primary"),),
    )


def looking(done: int, total: int) -> Placeholder:
    """Return the state of a library whose first photos are not ready yet."""
    soon = "The first photos appear in a moment."
    text = f"{done:,} of {formatting.many(total, 'photo')} are ready. {soon}" if total else soon
    return Placeholder("image", "Looking through your folders…", text)


def no_photos(manage: Callable[[], object]) -> Placeholder:
    """Return the state of folders without photos."""
    return Placeholder("folder", "No photos here", "None of your folders holds a photo that can be read.",
                 (Way("Folders…", manage),))  # fmt: skip


def nothing_found(page: ResultPage, clear: Callable[[], object], drop: Callable[[str], object]) -> Placeholder:
    """Return the state of a query that brings nothing, with the reason.

    Args:
        page: the answer without hits.
        clear: shows everything.
        drop: asks without a term.
    """
    ways = (Way("Show all photos", clear),)
    words = page.unknown_words
    if words:
        alike = tuple(dict.fromkeys(w for word in page.unknown_words for w in page.suggestions.get(word, ())))[:6]
        title = (
            f"{formatting.quoted(words[0])} is not a word I know" if len(words) == 1 else "I know none of these words"
        )
        hint = "Did you mean one of these?" if alike else "Try another word for what is in the picture."
        return Placeholder("question", title, hint, ways, alike)
    if page.emptied_by is not None:
        return _emptied(page, page.emptied_by, clear, drop)
    if page.searched == 0:
        return Placeholder("image", "No photo is ready for searching yet",
                     "They are being looked through; answers appear here by themselves.", ways)  # fmt: skip
    if page.query.terms:
        plain = " ".join(term.word for term in page.query.terms[:6])
        return Placeholder("question", f"{formatting.quoted(plain)} says nothing about a picture",
                     "Add what can be seen: a thing, an animal, a place, a colour.", ways,
                     ("dog", "beach", "mountain", "red"))  # fmt: skip
    return Placeholder("image", "Nothing found", "No other photo is like this one.", ways)


def _emptied(
    page: ResultPage, emptied: Emptied, clear: Callable[[], object], drop: Callable[[str], object]
) -> Placeholder:
    term, count = formatting.shown(emptied.term), emptied.without
    alike = tuple(dict.fromkeys(other for others in page.suggestions.values() for other in others))[:6]
    alone = str(page.query.tree) == emptied.term and not page.query.examples
    ways = [Way("Show all photos", clear)]
    if not alone:
        ways.insert(0, Way(f"Search without {term}", lambda: drop(emptied.term), "primary"))
    would = "would be searched" if page.query.terms or page.query.examples else "would be found"
    text = f"Without it {formatting.many(count, 'photo')} {would}." if count and not alone else ""
    if alike:
        text = f"{text} Did you mean one of these?".strip()
    return Placeholder("question", f"{formatting.quoted(emptied.term)} leaves no photo", text, tuple(ways), alike)


def trouble(error: Exception, clear: Callable[[], object]) -> Placeholder:
    """Return the state of a query that failed."""
    advice = getattr(error, "advice", "")
    known = hasattr(error, "sentence")
    title = formatting.shown(str(error)) if known else "This search failed"
    text = advice if known else "The program made a mistake. The log file has the details."
    return Placeholder("warning", title, text, (Way("Show all photos", clear),))
