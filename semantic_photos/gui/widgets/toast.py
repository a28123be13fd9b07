# SPDX-License-Identifier: GPL-3.0-or-later
"""A word at the bottom about what was just done, with a way to take it back; it goes by itself."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from semantic_photos.gui.widgets.controls import button, label

SHOWN_MS = 6000
#: Above the status line.
UP = 58


class Toast(QFrame):
    """Lies over its parent.

    Signals:
        undo_wanted: the user wants to take it back.
    """

    undo_wanted = Signal()

    def __init__(self, parent: QWidget, up: int = UP) -> None:
        super().__init__(parent)
        self._over, self._up = parent, up
        self.setObjectName("toast")
        self._said = label()
        self._undo = button("Undo", "link")
        self._undo.setToolTip("Ctrl+Z")
        self._undo.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(16, 7, 8, 7)
        row.setSpacing(10)
        row.addWidget(self._said)
        row.addWidget(self._undo)
        self._away = QTimer(self)
        self._away.setSingleShot(True)
        self._away.setInterval(SHOWN_MS)
        self._away.timeout.connect(self.hide)
        self._undo.clicked.connect(self._take_back)
        parent.installEventFilter(self)
        self.hide()

    def say(self, text: str) -> None:
        """Show a text for a while."""
        self._show(text, undoable=False)

    def offer_undo(self, text: str) -> None:
        """Show for a while what was done, and a way to take it back."""
        self._show(text, undoable=True)

    def _show(self, text: str, *, undoable: bool) -> None:
        self._said.setText(text)
        self.setAccessibleName(text)
        self._undo.setVisible(undoable)
        self._place()
        self.show()
        self.raise_()
        self._away.start()

    def text(self) -> str:
        """Return what is said, or an empty text."""
        return self._said.text() if self.isVisible() else ""

    def _take_back(self) -> None:
        self.hide()
        self.undo_wanted.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Hidden pages have no size yet, and isVisible is false until the page is shown.
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        self._row.activate()
        self.adjustSize()
        self.move((self._over.width() - self.width()) // 2, self._over.height() - self.height() - self._up)
