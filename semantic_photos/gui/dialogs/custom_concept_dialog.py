# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of a custom concept that the chosen photos show."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from semantic_photos.domain.tags import clean_name
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.details.tag_field import TagField
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import button, label


class CustomConceptDialog(QDialog):
    """Asks for a name.

    Signals:
        trained: the name.
    """

    trained = Signal(str)

    def __init__(self, bridge: Bridge, photos: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Teach a subject")
        self.setFixedWidth(480)
        self.setMinimumHeight(340)
        self.field = TagField(bridge, "What do these photos show?")
        self._go = button("Find more of it", "primary")
        cancel = button("Cancel")
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
                f"The {formatting.many(photos, 'photo')} get this tag, and the program looks for others that show the "
                "same: a person's dog, a certain house, a kind of work. It then says how well it finds them, "
                "and asks about those it is least sure of.",
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
