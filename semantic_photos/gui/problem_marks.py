# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a question that make no sense: underlined in the field, and told in a quiet line below it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QInputMethodEvent, QTextCharFormat
from PySide6.QtWidgets import QApplication, QLineEdit

from semantic_photos.domain.query import Problem
from semantic_photos.gui import formatting, theme

#: More are not told at once.
MOST_TOLD = 2


def ripe(problems: Sequence[Problem], cursor: int | None) -> list[Problem]:
    """Return the problems that can be told: not those of a term in which somebody is typing at this moment.

    Args:
        problems: of the whole text.
        cursor: where the person is typing, or None when nobody is.
    """
    return [p for p in problems if cursor is None or not p.start <= cursor <= p.end]


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
