# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems of a query: underlined in the search field, and explained in a line below it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QInputMethodEvent, QTextCharFormat
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from semantic_photos.domain.query import Problem
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import Chip, ElidedLabel, label
from semantic_photos.translation import tr, translated

#: Problems that are shown at once.
MOST_TOLD = 2


class QueryProblemLine(QWidget):
    """The line below the search field: the problems, and chips with filters that may have been meant.

    Signals:
        mended: the ``Problem``, and the filter that replaces it.
    """

    mended = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._said = ElidedLabel(kind="dim", mode=Qt.TextElideMode.ElideRight)
        self._said.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._asked = label(tr("Did you mean"), "dim")
        self._chips: list[Chip] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.addWidget(self._said)
        self._row.addWidget(self._asked)
        self._row.addStretch(1)
        self.hide()

    def full_text(self) -> str:
        """Return the text of the line, not shortened."""
        return self._said.full_text()

    def chips(self) -> list[Chip]:
        """Return the chips with suggestions."""
        return list(self._chips)

    def show_told(self, told: str, problems: Sequence[Problem]) -> None:
        """Show the problems, or hide the line when there are none."""
        self._said.set_text(told)
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for problem in problems:
            for filter_ in problem.meant:
                chip = Chip(filter_)
                chip.clicked.connect(lambda _=False, p=problem, text=filter_: self.mended.emit(p, text))
                self._row.insertWidget(self._row.count() - 1, chip)
                self._chips.append(chip)
        self._asked.setVisible(bool(self._chips))
        self.setVisible(bool(told))


def ripe(problems: Sequence[Problem], cursor: int | None) -> list[Problem]:
    """Return the problems to show: not those of the term that the user is typing.

    That a query is cut off comes first and at once, wherever the cursor is.

    Args:
        problems: of the whole text.
        cursor: the cursor position while the user types, else None.
    """
    told = [p for p in problems if cursor is None or p.cut or not p.start <= cursor <= p.end]
    return sorted(told, key=lambda p: not p.cut)


def sentence(text: str, problems: Sequence[Problem]) -> str:
    """Return the problems of ``text`` as one line; empty when there are none."""
    told = []
    for problem in problems[:MOST_TOLD]:
        part = formatting.shown(text[problem.start : problem.end].strip())
        part = part if len(part) <= 40 else part[:39] + "…"
        message = translated(problem.message)
        if part and part not in message:
            message = tr("{part}: {problem}", part=formatting.quoted(part), problem=message)
        told.append(message)
    return "   ".join(told)


def underline(field: QLineEdit, problems: Sequence[Problem]) -> None:
    """Underline these parts of a field's text, and nothing else of it.

    A line edit has no text formats of its own, but an input method can set some: this event sets them, commits nothing.
    """
    wavy = QTextCharFormat()
    wavy.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SpellCheckUnderline)
    wavy.setUnderlineColor(theme.color("danger"))
    kind = QInputMethodEvent.AttributeType.TextFormat
    cursor, length = field.cursorPosition(), len(field.text())
    marks = [
        QInputMethodEvent.Attribute(kind, p.start - cursor, min(p.end, length) - p.start, wavy)
        for p in problems
        if p.start < length
    ]
    QApplication.sendEvent(field, QInputMethodEvent("", marks))
