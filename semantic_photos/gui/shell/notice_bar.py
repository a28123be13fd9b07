# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices at the top of the window: problems of the library and uncaught errors. They stay until closed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from semantic_photos.domain.messages import Notice
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import IconButton, label
from semantic_photos.translation import tr, translated

#: Notices that are shown at once; more are kept, and shown when one is closed.
MOST_SHOWN = 3


class NoticeBar(QWidget):
    """A short list of notices; one of the same code replaces the old one, an empty text removes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, _Row] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 8, 16, 0)
        self._column.setSpacing(6)
        self.hide()

    def show_notice(self, notice: Notice) -> None:
        """Show a notice, or remove the one of its code."""
        said = self._rows.get(notice.code)
        if said is not None and said.notice == notice:
            # An error in painting comes back with each repaint; showing it again would cause the next one.
            return
        old = self._rows.pop(notice.code, None)
        if old is not None:
            old.hide()
            old.deleteLater()
        if notice.text:
            row = _Row(notice)
            row.closed.clicked.connect(lambda: self.show_notice(Notice(notice.code)))
            self._rows[notice.code] = row
            self._column.addWidget(row)
        self._arrange()

    def say(self, text: str, advice: str = "", code: str = "window") -> None:
        """Show a notice of the window itself."""
        self.show_notice(Notice(code, Message.as_is(text), Message.as_is(advice) if advice else NO_MESSAGE))

    def texts(self) -> list[str]:
        """Return the texts that are shown, oldest first."""
        return [row.text for row in self._rows.values()]

    def _arrange(self) -> None:
        for number, row in enumerate(self._rows.values()):
            row.setVisible(number < MOST_SHOWN)
        self.setVisible(bool(self._rows))


class _Row(QFrame):
    def __init__(self, notice: Notice) -> None:
        super().__init__()
        self.setObjectName("goodNotice" if notice.good else "notice")
        self.notice = notice
        self.text = formatting.shown(translated(notice.text))
        self._sign = QLabel()
        said = label(self.text, wrap=True)
        self.closed = IconButton("close", tr("Close this message"))
        told = formatting.shown(translated(notice.advice))
        advice = label(told, "dim", wrap=True)
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
        self.setAccessibleName(f"{self.text} {told}")
        self._tint()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def _tint(self) -> None:
        self._sign.setPixmap(
            theme.pixmap("info" if self.notice.good else "warning", "text", 20, self.devicePixelRatioF(), 0.8)
        )
