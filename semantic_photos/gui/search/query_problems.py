# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a query that make no sense: underlined in the field, and told in a quiet line below it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QInputMethodEvent, QTextCharFormat
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from semantic_photos.domain.query import Problem
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import Chip, ElidedLabel, label

#: More are not told at once.
MOST_TOLD = 2


class QueryProblemLine(QWidget):
    """The quiet line: what makes no sense, and filters to press that may have been meant.

    Signals:
        mended: the ``Problem``, and the filter that takes its place.
    """

    mended = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._said = ElidedLabel(kind="dim", mode=Qt.TextElideMode.ElideRight)
        self._said.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._asked = label("Did you mean", "dim")
        self._chips: list[Chip] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.addWidget(self._said)
        self._row.addWidget(self._asked)
        self._row.addStretch(1)
        self.hide()

    def full_text(self) -> str:
        """Return what is said of the query."""
        return self._said.full_text()

    def chips(self) -> list[Chip]:
        """Return what can be pressed."""
        return list(self._chips)

    def show_told(self, told: str, problems: Sequence[Problem]) -> None:
        """Show what is wrong, or hide when nothing is."""
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
    """Return the problems that can be told: not those of a term in which somebody is typing at this moment.

    That a query is cut comes first and at once: where the cursor is does not matter for it.

    Args:
        problems: of the whole text.
        cursor: where the user is typing, or None when nobody is.
    """
    told = [p for p in problems if cursor is None or p.cut or not p.start <= cursor <= p.end]
    return sorted(told, key=lambda p: not p.cut)


def sentence(text: str, problems: Sequence[Problem]) -> str:
    """Return what is wrong with ``text``, as one line; empty when nothing is."""
    told = []
    for problem in problems[:MOST_TOLD]:
        part = formatting.shown(text[problem.start : problem.end].strip())
        part = part if len(part) <= 40 else part[:39] + "…"
        told.append(
            f"{formatting.quoted(part)}: {problem.message}" if part and part not in problem.message else problem.message
        )
    return "   ".join(told)


def underline(field: QLineEdit, problems: Sequence[Problem]) -> None:
    """Underline these parts of a field's text, and nothing else of it.

    A line edit has no formats of its own; an input method's may have some, and this is one that commits nothing.
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
