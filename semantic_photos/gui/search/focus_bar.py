# SPDX-License-Identifier: GPL-3.0-or-later
"""The focus of a search by example photo: words for more or less of something the example shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from semantic_photos.domain.example_focus import Focus
from semantic_photos.gui.widgets.controls import Chip, FlowLayout, button, label
from semantic_photos.translation import tr

MOST_CHIPS = 8
TOWARDS, AWAY = 1.0, -1.0


class FocusBar(QWidget):
    """Chips with words for the example photo, and a field for any other word.

    A click asks for more of the word, the next one for less, a third clears it. Shift-click or right-click asks for
    less at once.

    Signals:
        focus_requested: a word and its weight: 1 for more of it, -1 for less, 0 to clear it.
    """

    focus_requested = Signal(str, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chips: dict[str, Chip] = {}
        self._weights: dict[str, float] = {}
        self._flow = FlowLayout(self, 8)
        self._edit = QLineEdit()
        self._edit.setPlaceholderText(tr("Another word"))
        self._edit.setAccessibleName(tr("Focus on another word"))
        self._edit.setAccessibleDescription(tr("A minus before the word asks for less of it."))
        self._edit.setFixedWidth(150)
        self._edit.setMaxLength(60)
        self._edit.returnPressed.connect(self._take_typed)
        self._none = button(tr("Clear focus"), "link")
        self._none.setToolTip(tr("Compare the whole example photo again"))
        self._none.clicked.connect(self._let_be)
        self._said = label(tr("Focus on"), "dim")
        self.show_words((), ())
        self.hide()

    def show_words(self, words: Sequence[str], focuses: Sequence[Focus]) -> None:
        """Offer ``words``; ``focuses`` are those of the query."""
        self._weights = {focus.word: focus.weight for focus in focuses}
        used = [word for word in self._weights if word not in words]
        listed = [*used, *words][: max(MOST_CHIPS, len(used))]
        if listed != list(self._chips) or not self._flow.count():
            self._rebuild(listed)
        for word, chip in self._chips.items():
            self._dress(chip, word)
        self._none.setVisible(bool(self._weights))
        self.updateGeometry()

    def _rebuild(self, words: Sequence[str]) -> None:
        held = next((word for word, chip in self._chips.items() if chip.hasFocus()), "")
        self._flow.clear(keep=(self._said, self._edit, self._none))
        self._chips = {}
        self._flow.addWidget(self._said)
        for word in words:
            chip = self._chips[word] = Chip(word, checkable=True)
            chip.clicked.connect(lambda _=False, word=word: self._turn(word))
            chip.installEventFilter(self)
            self._flow.addWidget(chip)
        self._flow.addWidget(self._edit)
        self._flow.addWidget(self._none)
        # New chips would come last in the page's tab order. Chaining them to the field, which keeps its place, puts
        # them before it.
        for previous, part in pairwise((self._edit, *self._chips.values(), self._edit, self._none)):
            QWidget.setTabOrder(previous, part)
        if held in self._chips:
            self._chips[held].setFocus()

    def _dress(self, chip: Chip, word: str) -> None:
        weight = self._weights.get(word, 0.0)
        chip.setChecked(weight > 0)
        chip.set_away(away=weight < 0)
        if weight > 0:
            chip.setAccessibleName(tr("{word}: more of it", word=word))
            chip.setToolTip(tr("More of “{word}”. Click for less of it.", word=word))
        elif weight < 0:
            chip.setAccessibleName(tr("{word}: less of it", word=word))
            chip.setToolTip(tr("Less of “{word}”. Click to clear.", word=word))
        else:
            chip.setAccessibleName(tr("{word}: no focus", word=word))
            chip.setToolTip(tr("Click for more of “{word}”, Shift-click or right-click for less.", word=word))

    def _turn(self, word: str, *, away: bool = False) -> None:
        weight = self._weights.get(word, 0.0)
        following = AWAY if weight > 0 else 0.0 if weight < 0 else TOWARDS
        if away:
            following = 0.0 if weight < 0 else AWAY
        # The new result updates the chips; until then this one stays as it was.
        self._dress(self._chips[word], word)
        self.focus_requested.emit(word, following)

    def _take_typed(self) -> None:
        text = " ".join(self._edit.text().casefold().split())
        word = text.lstrip("-−– ")
        if word:
            self._edit.clear()
            self.focus_requested.emit(word, AWAY if text != word else TOWARDS)

    def _let_be(self) -> None:
        for word in list(self._weights):
            self.focus_requested.emit(word, 0.0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(watched, Chip) and isinstance(event, QMouseEvent):
            right = event.button() == Qt.MouseButton.RightButton
            shift = event.button() == Qt.MouseButton.LeftButton and bool(
                event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            )
            if right or shift:
                if event.type() == QEvent.Type.MouseButtonRelease and watched.rect().contains(
                    event.position().toPoint()
                ):
                    self._turn(watched.text(), away=True)
                return True
        return False
