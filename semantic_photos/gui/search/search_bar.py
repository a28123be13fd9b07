# SPDX-License-Identifier: GPL-3.0-or-later
"""The search field: words and filters with completion, example photos as chips, a query soon after each key."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QWidget

from semantic_photos.domain.example_focus import Focus
from semantic_photos.domain.query import MAX_TEXT, Example, Problem, Query
from semantic_photos.gui.search import query_problems
from semantic_photos.gui.widgets import theme
from semantic_photos.gui.widgets.completion_popup import CompletionPopup, Offer, still_fitting
from semantic_photos.gui.widgets.controls import Chip, IconButton
from semantic_photos.gui.widgets.images import holds_picture
from semantic_photos.translation import tr, trc

#: From the first key to the query. Further keys do not restart it, so that a held key cannot starve it.
DELAY_MS = 40
#: After so long without a key the term at the cursor counts as finished, and its problems are shown.
PAUSE_MS = 1500
#: More than a query may hold: a longer pasted text stays visible, with the problem that it is too long.
ROOM = 10 * MAX_TEXT


class SearchBar(QFrame):
    """Words and example photos, as one query.

    Signals:
        search_requested: a ``Query``, at most ``DELAY_MS`` after the change that made it.
        submitted: the user pressed Enter.
        left_down: the user pressed Down to go to the photos.
        completion_wanted: the text and the cursor position in it.
        paste_wanted: the user pastes, and the clipboard holds an image.
        problems_told: the problems of the text as one line, empty without any; the list of those problems.
    """

    search_requested = Signal(object)
    submitted = Signal()
    left_down = Signal()
    completion_wanted = Signal(str, int)
    paste_wanted = Signal()
    problems_told = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search")
        self.setFixedHeight(44)
        self._examples: tuple[Example, ...] = ()
        self._focuses: tuple[Focus, ...] = ()
        self._chips: list[Chip] = []
        self._sign = QLabel()
        self._edit = QLineEdit()
        self._edit.setFrame(False)
        self._edit.setMaxLength(ROOM)
        self._edit.setPlaceholderText(tr("Search for what is in your photos"))
        self._edit.setAccessibleName(trc("the field", "Search"))
        self._edit.setAccessibleDescription(
            tr(
                "Type words and filters such as date:2024. A minus before a word asks for less of it. "
                "Tab completes, Escape clears."
            )
        )
        font = self._edit.font()
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self._edit.setFont(font)
        self._clear = IconButton("close", tr("Clear the search  (Esc)"))
        self._clear.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._clear.hide()
        self._edit.setAcceptDrops(False)
        self.file_button = IconButton("image", tr("Find photos similar to a file…  (Ctrl+Shift+O)"))
        self.bookmark = IconButton("saved", tr("Save this search  (Ctrl+S)"))
        self.bookmark.hide()
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(DELAY_MS)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._words = CompletionPopup(self)
        self._place, self._offered_for = (0, 0), ""
        self._told: tuple[str, list[Problem]] = ("", [])
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(14, 0, 8, 0)
        self._row.setSpacing(8)
        self._row.addWidget(self._sign)
        self._row.addWidget(self._edit, 1)
        for part in (self._clear, self.bookmark, self.file_button):
            self._row.addWidget(part)
        self._tint()
        self._edit.installEventFilter(self)
        self._connect()

    def _connect(self) -> None:
        self._edit.textEdited.connect(self._on_edited)
        self._edit.textChanged.connect(lambda _: self._show_clear())
        self._delay.timeout.connect(lambda: self.search_requested.emit(self.query()))
        self._clear.clicked.connect(self.clear)
        self._words.clicked.connect(lambda index: self._complete(self._words.offer_at(index)))
        self._edit.cursorPositionChanged.connect(lambda *_: self._tell_problems())
        self._pause.timeout.connect(self._on_pause)

    # The query

    def query(self) -> Query:
        """Return the query that the field and the chips make."""
        words = Query.parse(self._edit.text())
        focuses = self._focuses if self._examples else ()
        return dataclasses.replace(words, examples=self._examples, more_focus=focuses)

    @property
    def is_typing(self) -> bool:
        """Return whether the cursor is at the end of a word."""
        return self._edit.hasFocus() and bool(_typed_word(self._edit))

    def text(self) -> str:
        """Return the typed text."""
        return self._edit.text()

    def set_query(self, query: Query) -> None:
        """Show a query that was made elsewhere, without running it."""
        self._delay.stop()
        self._words.hide()
        self._focuses = query.focuses
        typed = Query.parse(self._edit.text())
        # Text with problems stays while the rest of the query is the same.
        if typed.tree != query.tree or typed.problems != query.problems:
            self._edit.setText(query.text)
        self._set_examples(query.examples)
        self._show_clear()
        self._tell_problems(typing=False)

    def set_example_chip(self, number: int, name: str, picture: QPixmap | None) -> None:
        """Show name and picture of an example on its chip."""
        if 0 <= number < len(self._chips):
            chip = self._chips[number]
            chip.setText(name)
            chip.setAccessibleName(tr("Remove the example photo {name}", name=name))
            if picture is not None:
                chip.set_picture(picture)
            chip.updateGeometry()

    def example_names(self) -> list[str]:
        """Return the names of the example photos, as far as they are known by now."""
        return [chip.text() for chip in self._chips]

    def clear(self) -> None:
        """Clear words and examples, and show all photos."""
        self._words.hide()
        self._edit.clear()
        self._set_examples(())
        self._focuses = ()
        self._tell_problems()
        self._ask_now()

    def take_focus(self) -> None:
        """Focus the field and select its text."""
        self._edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._edit.selectAll()

    def type_on(self, text: str) -> None:
        """Take over text that was typed elsewhere."""
        self._edit.setFocus(Qt.FocusReason.OtherFocusReason)
        self._edit.setText(text)
        self._on_edited(text)

    def show_completions(self, text: str, cursor: int, place: tuple[int, int], offers: Sequence[Offer]) -> None:
        """Show completions, unless text or cursor have changed since they were asked for.

        Args:
            text: the text they are for.
            cursor: the cursor position in it.
            place: start and end of the part that a completion replaces.
            offers: best first.
        """
        if (text, cursor) == (self._edit.text(), self._edit.cursorPosition()) and self._edit.hasFocus():
            self._place, self._offered_for = place, text
            typed = text[place[0] : cursor]
            left = self._edit.x() + self._edit.cursorRect().x() - self._edit.fontMetrics().horizontalAdvance(typed)
            self._words.offer(list(offers), self, left - 6)

    def _complete(self, offer: Offer | None) -> None:
        if offer is None:
            return
        text, (start, end) = self._edit.text(), self._place
        # After a filter's name its value follows without a space.
        gap = "" if offer.text.endswith(":") else " "
        done = f"{text[:start]}{offer.text}{gap}"
        self._words.hide()
        self._pause.start()
        self._edit.setText(done + text[end:].lstrip())
        self._edit.setCursorPosition(len(done))
        self._ask_now()
        if not gap:
            self.completion_wanted.emit(self._edit.text(), len(done))

    def _on_edited(self, _text: str) -> None:
        if not self._delay.isActive():
            self._delay.start()
        self._pause.start()
        self._tell_problems()
        if self._words.isVisible():
            # New completions may take a while; until then only those stay that still fit the text.
            text, cursor = self._edit.text(), self._edit.cursorPosition()
            place, kept = still_fitting(self._words.offers(), self._place, self._offered_for, text, cursor)
            if kept:
                self.show_completions(text, cursor, place, kept)
            else:
                self._words.hide()
        if _typed_word(self._edit):
            self.completion_wanted.emit(self._edit.text(), self._edit.cursorPosition())
        else:
            self._words.hide()

    def _ask_now(self) -> None:
        self._delay.stop()
        self.search_requested.emit(self.query())

    def _on_pause(self) -> None:
        # While completions are shown, the term is not finished.
        if self._words.isVisible():
            self._pause.start()
        else:
            self._tell_problems(typing=False)

    def _tell_problems(self, *, typing: bool = True) -> None:
        """Underline and tell the problems; while the user types, not those of the term at the cursor."""
        cursor = self._edit.cursorPosition() if typing and self._edit.hasFocus() and self._pause.isActive() else None
        text = self._edit.text()
        problems = query_problems.ripe(Query.parse(text).problems, cursor)
        told = query_problems.sentence(text, problems)
        silent = not problems and not self._examples and Query.parse(text).tree is None
        if cursor is None and text.strip() and silent:
            told = tr("No word here can be searched for, so all photos are shown.")
        news = (told, problems[: query_problems.MOST_TOLD])
        if news != self._told or problems:
            query_problems.underline(self._edit, problems)
        if news != self._told:
            self._told = news
            self._edit.setToolTip(told)
            self.problems_told.emit(*news)

    def mend(self, problem: Problem, text: str) -> None:
        """Replace the text with a problem by ``text``, and run the query."""
        typed = self._edit.text()
        self._edit.setText(typed[: problem.start] + text + typed[problem.end :])
        self._edit.setCursorPosition(problem.start + len(text))
        self._show_clear()
        self._tell_problems(typing=False)
        self._ask_now()

    # Examples

    def _set_examples(self, examples: tuple[Example, ...]) -> None:
        if examples == self._examples:
            return
        self._examples = examples
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for number, example in enumerate(examples):
            name = example.path.name if example.path is not None else tr("Photo")
            chip = Chip(name, closable=True, picture=theme.pixmap("similar", "dim", 20, self.devicePixelRatioF()))
            chip.set_away(away=example.weight < 0)
            chip.setToolTip(_tooltip(example))
            chip.clicked.connect(self._remove_clicked)
            self._row.insertWidget(1 + number, chip)
            QWidget.setTabOrder(self._chips[-1] if self._chips else self._edit, chip)
            self._chips.append(chip)
        self._edit.setPlaceholderText(
            tr("Add words to refine") if examples else tr("Search for what is in your photos")
        )

    def _remove_clicked(self) -> None:
        sender = self.sender()
        self._remove_example(next(n for n, chip in enumerate(self._chips) if chip is sender))

    def _remove_example(self, number: int) -> None:
        self._set_examples(self._examples[:number] + self._examples[number + 1 :])
        self._show_clear()
        self._edit.setFocus()
        self._ask_now()

    # Looks and keys

    def _show_clear(self) -> None:
        self._clear.setVisible(bool(self._edit.text() or self._examples))

    def _tint(self) -> None:
        self._sign.setPixmap(theme.pixmap("search", "dim", 20, self.devicePixelRatioF()))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if watched is self._edit:
            if isinstance(event, QFocusEvent):
                self._light(event.gotFocus())
            if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
                if event.matches(QKeySequence.StandardKey.Paste) and holds_picture():
                    self.paste_wanted.emit()
                    return True
                return self._on_key(event.key())
        return False

    def _light(self, lit: bool) -> None:
        self.setProperty("lit", lit)
        self.style().unpolish(self)
        self.style().polish(self)
        if not lit:
            self._words.hide()
            self._tell_problems(typing=False)

    def _on_key(self, key: int) -> bool:
        """Handle a key of the field; return False to leave it to the field."""
        offered = self._words.isVisible()
        if key == Qt.Key.Key_Escape:
            if offered:
                self._words.hide()
            elif self._edit.text() or self._examples:
                self.clear()
            else:
                self.left_down.emit()
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if offered and self._words.chosen() is not None:
                self._complete(self._words.chosen())
            else:
                self._words.hide()
                self._pause.stop()
                self._tell_problems()
                self._ask_now()
                self.submitted.emit()
            return True
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            if offered:
                self._words.move_choice(1 if key == Qt.Key.Key_Down else -1)
            elif key == Qt.Key.Key_Down:
                self.left_down.emit()
            return True
        if key == Qt.Key.Key_Tab and offered:
            self._complete(self._words.chosen() or self._words.first())
            return True
        if key == Qt.Key.Key_Backspace and self._examples and not self._edit.text():
            self._remove_example(len(self._examples) - 1)
            return True
        return False


def _tooltip(example: Example) -> str:
    if example.weight < 0:
        if example.region is not None:
            return tr("Less like this region. Click to remove.")
        return tr("Less like this photo. Click to remove.")
    if example.region is not None:
        return tr("Similar to this region. Click to remove.")
    return tr("Similar to this photo. Click to remove.")


def _typed_word(edit: QLineEdit) -> str:
    before = edit.text()[: edit.cursorPosition()]
    return "" if not before or before[-1].isspace() else before.split()[-1].lstrip("-−–")
