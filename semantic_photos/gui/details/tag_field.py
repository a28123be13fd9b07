# SPDX-License-Identifier: GPL-3.0-or-later
"""A field for the name of a tag, with completion from the user's tags and the known words."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from semantic_photos.domain.tags import SEPARATOR, TagCount, clean_name, leaf
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets.completion_popup import OFFERED, CompletionPopup, Offer
from semantic_photos.translation import tr

#: Tags offered at most, before words.
OWN = 5


class TagField(QLineEdit):
    """Enter takes the name selected in the list, or else the typed one.

    Signals:
        named: the name that was entered.
        left: Esc was pressed in an empty field.
    """

    named = Signal(str)
    left = Signal()

    def __init__(self, bridge: Bridge, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._own: list[TagCount] = []
        self._asked = ""
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setClearButtonEnabled(False)
        self._popup = CompletionPopup(self)
        self._popup.clicked.connect(self._on_offer)
        self.textEdited.connect(self._ask)

    def offers(self) -> list[str]:
        """Return the completions that are shown."""
        return [offer.text for offer in self._popup.offers()] if self._popup.isVisible() else []

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._bridge.run(self._bridge.library.tags.counts, self._take_own, lambda _: None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._popup.hide()

    def _take_own(self, counts: Sequence[TagCount]) -> None:
        self._own = sorted(counts, key=lambda one: (-one.kept, one.tag.casefold()))

    def _ask(self, typed: str) -> None:
        self._asked = typed = typed.strip()
        vocabulary = self._bridge.library.vocabulary
        if typed:
            self._bridge.run(
                lambda: (typed, vocabulary.completions(typed, OFFERED)), self._offer, lambda _: self._popup.hide()
            )
        else:
            self._popup.hide()

    def _offer(self, answer: tuple[str, Sequence[str]]) -> None:
        typed, words = answer
        if typed != self._asked or not self.hasFocus():
            return
        wanted = typed.casefold()
        fits = [one for one in self._own if any(part.startswith(wanted) for part in _parts(one.tag))]
        offers = [Offer(one.tag.replace(SEPARATOR, " › "), tr("tag"), one.kept or None) for one in fits[:OWN]]
        taken = {leaf(one.tag).casefold() for one in fits[:OWN]}
        offers += [Offer(word, tr("word")) for word in words if word.casefold() not in taken]
        self._popup.offer(offers, self, 0)
        if self._popup.isVisible() and self._popup.geometry().bottom() > self.window().height():
            # No room below the field, so the list goes above it.
            top = self.mapTo(self.window(), QPoint(0, 0)).y()
            self._popup.move(self._popup.x(), top - self._popup.height() - 4)

    def _on_offer(self) -> None:
        offer = self._popup.chosen()
        if offer is not None:
            self._give(offer.text)

    def _give(self, text: str) -> None:
        name = clean_name(text.replace(" › ", SEPARATOR))
        self._popup.hide()
        self._asked = ""
        self.clear()
        if name:
            self.named.emit(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, offered = event.key(), self._popup.isVisible()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            chosen = self._popup.chosen() if offered else None
            self._give(chosen.text if chosen is not None else self.text())
        elif key == Qt.Key.Key_Escape:
            if offered:
                self._popup.hide()
            elif self.text():
                self.clear()
            else:
                self.left.emit()
        elif offered and key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._popup.move_choice(1 if key == Qt.Key.Key_Down else -1)
        else:
            super().keyPressEvent(event)


def _parts(tag: str) -> list[str]:
    name = tag.casefold()
    return [name, *name.split(SEPARATOR), *name.replace(SEPARATOR, " ").split()]
