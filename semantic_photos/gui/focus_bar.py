# SPDX-License-Identifier: GPL-3.0-or-later
"""After "Find similar": judge by the parts of the example that show one thing, not by the whole picture."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from semantic_photos.gui.widgets import Chip, FlowLayout, label

TAGS = 6


class FocusBar(QWidget):
    """Chips of what is on the example photo, and a field for any other word.

    Signals:
        focus_requested: a word, or an empty string for the whole picture.
    """

    focus_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chips: dict[str, Chip] = {}
        self._focus = ""
        self._flow = FlowLayout(self, 8)
        self._edit: QLineEdit | None = None
        self.hide()

    def show_words(self, words: Sequence[str], focus: str) -> None:
        """Offer these words; ``focus`` is the one in use."""
        listed = list(dict.fromkeys([*([focus] if focus else []), *words]))[: TAGS + 1]
        self._focus = focus
        if listed != list(self._chips) or self._edit is None:
            self._rebuild(listed)
        for word, chip in self._chips.items():
            chip.setChecked(word == focus)
        self.show()

    def _rebuild(self, words: Sequence[str]) -> None:
        self._flow.clear()
        self._chips = {}
        said = label("Look only at", "dim")
        self._flow.addWidget(said)
        for word in words:
            chip = Chip(word, checkable=True)
            chip.setToolTip(f"Compare only what shows “{word}”")
            chip.setAccessibleName(f"Focus on {word}")
            chip.clicked.connect(lambda _=False, word=word: self._toggle(word))
            self._chips[word] = chip
            self._flow.addWidget(chip)
        self._edit = QLineEdit()
        self._edit.setPlaceholderText("something else")
        self._edit.setAccessibleName("Focus on another word")
        self._edit.setFixedWidth(150)
        self._edit.setMaxLength(60)
        self._edit.returnPressed.connect(self._take_typed)
        self._flow.addWidget(self._edit)
        self.updateGeometry()

    def _toggle(self, word: str) -> None:
        self.focus_requested.emit("" if word == self._focus else word)

    def _take_typed(self) -> None:
        if self._edit is not None and self._edit.text().strip():
            self.focus_requested.emit(self._edit.text().strip().casefold())
