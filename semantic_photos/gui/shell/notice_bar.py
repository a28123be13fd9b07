# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages above everything: troubles the library tells of, and errors nobody caught. They stay until closed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from semantic_photos.domain.messages import Notice
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import IconButton, label

#: More are kept, and shown when one is closed.
MOST_SHOWN = 3


class NoticeBar(QWidget):
    """A short stack of messages; one of the same code replaces the old one, an empty text takes it away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, _Row] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 8, 16, 0)
        self._column.setSpacing(6)
        self.hide()

    def show_notice(self, notice: Notice) -> None:
        """Show a message, or take the one of its code away."""
        said = self._rows.get(notice.code)
        if said is not None and said.notice == notice:
            # An error in painting comes back with each repaint; showing it anew would cause the next one.
            return
        old = self._rows.pop(notice.code, None)
        if old is not None:
            old.hide()
            old.deleteLater()
        if notice.text:
            row = _Row(notice)
            row.closed.clicked.connect(lambda: self.show_notice(Notice(notice.code, "")))
            self._rows[notice.code] = row
            self._column.addWidget(row)
        self._arrange()

    def say(self, text: str, advice: str = "", code: str = "window") -> None:
        """Show a message of the window itself."""
        self.show_notice(Notice(code, text, advice))

    def texts(self) -> list[str]:
        """Return what is said at the moment, oldest first."""
        return [row.text for row in self._rows.values()]

    def _arrange(self) -> None:
        for number, row in enumerate(self._rows.values()):
            row.setVisible(number < MOST_SHOWN)
        self.setVisible(bool(self._rows))


class _Row(QFrame):
    def __init__(self, notice: Notice) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.notice = notice
        self.text = formatting.shown(notice.text)
        self._sign = QLabel()
        said = label(self.text, wrap=True)
        self.closed = IconButton("close", "Close this message")
        advice = label(formatting.shown(notice.advice), "dim", wrap=True)
        for part in (said, advice):
            part.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(said)
        words.addWidget(advice)
        advice.setVisible(bool(notice.advice))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.setSpacing(10)
        row.addWidget(self._sign)
        row.addLayout(words, 1)
        row.addWidget(self.closed, 0, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(f"{self.text} {notice.advice}")
        self._tint()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def _tint(self) -> None:
        self._sign.setPixmap(theme.pixmap("warning", "text", 20, self.devicePixelRatioF(), 0.8))
