# SPDX-License-Identifier: GPL-3.0-or-later
"""Completions as a list below the search field: text, what a filter finds, how many photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from semantic_photos.gui.widgets import theme

OFFERED = 8
#: Words are offered while one types; then they get out of the way of the photos.
OFFER_MS = 4000
_SIDE_ROOM, _LINE_ROOM = 12, 12
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Offer:
    """One completion: the text to insert, a note about it, and how many photos it finds where that is known."""

    text: str
    note: str = ""
    count: int | None = None

    @property
    def spoken(self) -> str:
        """Return it for a screen reader."""
        count = "" if self.count is None else f", {self.count:,} photos"
        return f"{self.text}{', ' + self.note if self.note else ''}{count}"


class CompletionPopup(QListView):
    """A list below the field that never takes the focus."""

    def __init__(self, field: QWidget) -> None:
        super().__init__(field)
        self._list = _Offers(self)
        self._away = QTimer(self)
        self._away.setSingleShot(True)
        self._away.setInterval(OFFER_MS)
        self._away.timeout.connect(self.hide)
        self.setModel(self._list)
        self.setItemDelegate(_OfferDelegate(self))
        self.setObjectName("completions")
        self.setAccessibleName("Completions")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.hide()

    def offer(self, offers: Sequence[Offer], bar: QWidget, left: int) -> None:
        """Show these below ``bar``, from ``left`` pixels of it on, or nothing."""
        offers = list(offers)[:OFFERED]
        if not offers:
            self.hide()
            return
        self._list.show_offers(offers)
        self.setCurrentIndex(self.rootIndex())
        self.setParent(bar.window())
        row = self.sizeHintForRow(0)
        width = min(max(max(width_of(offer, self.fontMetrics()) for offer in offers) + 12, 260), bar.width())
        self.resize(QSize(width, row * len(offers) + 12))
        left = max(min(left, bar.width() - width), 0)
        self.move(bar.mapTo(bar.window(), QPoint(left, bar.height() + 4)))
        self.show()
        self.raise_()
        self._away.start()

    def chosen(self) -> Offer | None:
        """Return what the arrow keys chose, if anything."""
        return self._list.offer_at(self.currentIndex().row())

    def first(self) -> Offer | None:
        """Return the first offer."""
        return self._list.offer_at(0)

    def offer_at(self, index: _Index) -> Offer | None:
        """Return the offer of a row."""
        return self._list.offer_at(index.row())

    def offers(self) -> list[Offer]:
        """Return what is offered."""
        return list(self._list.offers)

    def move_choice(self, step: int) -> None:
        """Choose the next or the previous one."""
        self._away.stop()
        row = self.currentIndex().row() + step
        n = self._list.rowCount()
        self.setCurrentIndex(self._list.index(row % n) if row >= 0 else self.rootIndex())


def still_fitting(
    offers: Sequence[Offer], place: tuple[int, int], before: str, text: str, cursor: int
) -> tuple[tuple[int, int], list[Offer]]:
    """Return which offers for the text ``before`` go on with ``text`` as well, and the part whose place they take.

    Args:
        offers: what was offered.
        place: start and end of the part of ``before`` that an offer takes the place of.
        before: the text they were made for.
        text: the text by now.
        cursor: the place of the cursor in it.
    """
    start, behind = place[0], len(before) - place[1]
    if cursor <= start or text[:start] != before[:start]:
        return place, []
    typed = text[start:cursor].casefold()
    kept = [offer for offer in offers if offer.text.casefold().startswith(typed)]
    return (start, max(cursor, len(text) - behind)), kept


def width_of(offer: Offer, metrics: QFontMetrics) -> int:
    """Return the width that an offer needs, in logical pixels."""
    note = f"   {offer.note}" if offer.note else ""
    count = f"     {offer.count:,}" if offer.count is not None else ""
    return metrics.horizontalAdvance(offer.text + note + count) + 2 * _SIDE_ROOM


class _Offers(QAbstractListModel):
    def __init__(self, parent: QListView) -> None:
        super().__init__(parent)
        self.offers: list[Offer] = []

    def show_offers(self, offers: list[Offer]) -> None:
        self.beginResetModel()
        self.offers = offers
        self.endResetModel()

    def offer_at(self, row: int) -> Offer | None:
        return self.offers[row] if 0 <= row < len(self.offers) else None

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        return 0 if parent.isValid() else len(self.offers)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        offer = self.offer_at(index.row())
        if offer is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return offer.text
        return offer.spoken if role == Qt.ItemDataRole.AccessibleTextRole else None


class _OfferDelegate(QStyledItemDelegate):
    """Paints the text, the note dimmer beside it, and the count at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(option.rect.width(), option.fontMetrics.height() + _LINE_ROOM)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        popup = self.parent()
        offer = popup.offer_at(index) if isinstance(popup, CompletionPopup) else None
        if offer is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        state = QStyle.StateFlag
        if option.state & (state.State_Selected | state.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft" if option.state & state.State_Selected else "raised"))
            painter.drawRoundedRect(option.rect, 5, 5)
        room = option.rect.adjusted(_SIDE_ROOM - 2, 0, -_SIDE_ROOM, 0)
        middle, metrics = Qt.AlignmentFlag.AlignVCenter, option.fontMetrics
        painter.setPen(theme.color("dim"))
        if offer.count is not None:
            text = f"{offer.count:,}"
            painter.drawText(room, middle | Qt.AlignmentFlag.AlignRight, text)
            room.setRight(room.right() - metrics.horizontalAdvance(text) - 14)
        painter.setPen(theme.color("text"))
        shown = metrics.elidedText(offer.text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, middle, shown)
        left = room.left() + metrics.horizontalAdvance(shown) + 12
        if offer.note and left < room.right():
            painter.setPen(theme.color("dim"))
            painter.drawText(QRect(left, room.top(), room.right() - left, room.height()), middle, offer.note)
        painter.restore()
