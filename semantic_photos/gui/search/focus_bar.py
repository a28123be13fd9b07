# SPDX-License-Identifier: GPL-3.0-or-later
"""After "Find similar": what of the example counts. Chips that pull towards one thing in it or push away from it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from semantic_photos.domain.example_focus import Focus
from semantic_photos.gui.widgets.controls import Chip, FlowLayout, button, label

MOST_CHIPS = 8
TOWARDS, AWAY = 1.0, -1.0


class FocusBar(QWidget):
    """Chips of what is on the example photo, and a field for any other word.

    A press pulls towards the word, the next one pushes away from it, a third lets it be. Shift or the right button
    pushes away at once.

    Signals:
        focus_requested: a word and its weight: 1 towards, -1 away, 0 neither.
    """

    focus_requested = Signal(str, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chips: dict[str, Chip] = {}
        self._weights: dict[str, float] = {}
        self._flow = FlowLayout(self, 8)
        self._edit = QLineEdit()
        self._edit.setPlaceholderText("something else")
        self._edit.setAccessibleName("Steer by another word")
        self._edit.setAccessibleDescription("A minus before the word pushes it away.")
        self._edit.setFixedWidth(150)
        self._edit.setMaxLength(60)
        self._edit.returnPressed.connect(self._take_typed)
        self._none = button("Whole photo", "link")
        self._none.setToolTip("Let nothing of it count more than the rest")
        self._none.clicked.connect(self._let_be)
        self._said = label("What counts", "dim")
        self.show_words((), ())
        self.hide()

    def show_words(self, words: Sequence[str], focuses: Sequence[Focus]) -> None:
        """Offer these words; ``focuses`` are in use."""
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
        # New chips would come last of all parts of the page. The field keeps their place: they follow it, then it
        # follows them.
        for previous, part in pairwise((self._edit, *self._chips.values(), self._edit, self._none)):
            QWidget.setTabOrder(previous, part)
        if held in self._chips:
            self._chips[held].setFocus()

    def _dress(self, chip: Chip, word: str) -> None:
        weight = self._weights.get(word, 0.0)
        chip.setChecked(weight > 0)
        chip.set_away(away=weight < 0)
        state = "counts more" if weight > 0 else "is pushed away" if weight < 0 else "counts like the rest"
        after = "push it away" if weight > 0 else "let it be" if weight < 0 else "let it count more"
        chip.setAccessibleName(f"{word} {state}")
        chip.setToolTip(f"“{word}” {state}. Press to {after}" + ("." if weight else "; Shift or right: push away."))

    def _turn(self, word: str, *, away: bool = False) -> None:
        weight = self._weights.get(word, 0.0)
        following = AWAY if weight > 0 else 0.0 if weight < 0 else TOWARDS
        if away:
            following = 0.0 if weight < 0 else AWAY
        # The answer dresses the chips; until then this one stays as it was.
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
