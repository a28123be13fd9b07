# SPDX-License-Identifier: GPL-3.0-or-later
"""Rating and favourite of the selected photos: five stars and a heart."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from semantic_photos.domain.tags import Remark
from semantic_photos.gui.widgets import theme
from semantic_photos.gui.widgets.controls import IconButton
from semantic_photos.translation import tr

STARS = 5


class RatingBar(QWidget):
    """Five stars and a heart; no star is lit where ratings differ.

    Signals:
        rated: the new rating, 0 to 5.
        favoured: whether the photos are to be favourites.
    """

    rated = Signal(int)
    favoured = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rating, self.favourite = 0, False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._stars = [
            IconButton("star", tr("{rating} of {total} stars  ({rating})", rating=number, total=STARS))
            for number in range(1, STARS + 1)
        ]
        self._heart = IconButton("heart", tr("Add to favourites  (*)"))
        for number, star in enumerate(self._stars, start=1):
            star.setIconSize(QSize(18, 18))
            # A click on the star of the current rating clears the rating.
            star.clicked.connect(lambda _=False, n=number: self.rated.emit(0 if n == self.rating else n))
            row.addWidget(star)
        row.addStretch(1)
        row.addWidget(self._heart)
        self._heart.clicked.connect(self.toggle_favourite)

    def show_remarks(self, remarks: Sequence[Remark]) -> None:
        """Show the ratings of photos; each photo has one entry, an empty ``Remark`` where it has no rating."""
        ratings = {max(remark.rating, 0) for remark in remarks}
        self.rating = ratings.pop() if len(ratings) == 1 else 0
        self.favourite = bool(remarks) and all(remark.favourite for remark in remarks)
        self._tint()
        if self.favourite:
            self._heart.set_name(tr("Remove from favourites  (*)"))
            self.setAccessibleName(tr("{rating} of {total} stars, favourite", rating=self.rating, total=STARS))
        else:
            self._heart.set_name(tr("Add to favourites  (*)"))
            self.setAccessibleName(tr("{rating} of {total} stars", rating=self.rating, total=STARS))

    def toggle_favourite(self) -> None:
        """Add the photos to the favourites, or remove them."""
        self.favoured.emit(not self.favourite)

    def _tint(self) -> None:
        for number, star in enumerate(self._stars, start=1):
            on = number <= self.rating
            star.set_icon("star-on" if on else "star")
            star.setIcon(theme.icon("star-on" if on else "star", "glow" if on else "dim"))
        if self.favourite:
            self._heart.set_icon("heart-on")
            self._heart.setIcon(theme.icon("heart-on", "danger"))
        else:
            self._heart.set_icon("heart")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        text = event.text()
        if text and text in "012345":
            self.rated.emit(int(text))
        elif text and text in "*fF":
            self.toggle_favourite()
        else:
            super().keyPressEvent(event)
