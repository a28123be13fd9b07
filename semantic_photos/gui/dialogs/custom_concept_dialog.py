# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialog that asks for the name of a new custom concept."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from semantic_photos.domain.tags import clean_name
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.details.tag_field import TagField
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.translation import tr, trn


class CustomConceptDialog(QDialog):
    """Asks for the name of a custom concept with the selected photos as examples.

    Signals:
        trained: the name was given; training is wanted.
    """

    trained = Signal(str)

    def __init__(self, bridge: Bridge, photos: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("New custom concept"))
        self.setFixedWidth(480)
        self.setMinimumHeight(340)
        self.field = TagField(bridge, tr("What do these photos show?"))
        self._go = button(tr("Find more photos"), "primary")
        cancel = button(tr("Cancel"))
        self._go.setAutoDefault(False)
        cancel.setAutoDefault(False)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self._go)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 18)
        column.setSpacing(14)
        column.addWidget(
            label(
                trn(
                    "The selected photo gets this tag, and the program searches for more photos that show the same: "
                    "your dog, a certain house, a hobby. Then it shows how well it finds them and asks you about the "
                    "photos it is least sure of.",
                    "The {count:,} selected photos get this tag, and the program searches for more photos that show "
                    "the same: your dog, a certain house, a hobby. Then it shows how well it finds them and asks you "
                    "about the photos it is least sure of.",
                    photos,
                ),
                wrap=True,
            )
        )
        column.addWidget(self.field)
        column.addStretch(1)
        column.addLayout(row)
        self.field.textChanged.connect(lambda text: self._go.setEnabled(bool(clean_name(text))))
        self.field.named.connect(self._give)
        self.field.left.connect(self.reject)
        self._go.clicked.connect(lambda: self._give(clean_name(self.field.text())))
        cancel.clicked.connect(self.reject)
        self._go.setEnabled(False)
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _give(self, name: str) -> None:
        if name:
            self.trained.emit(name)
            self.accept()
