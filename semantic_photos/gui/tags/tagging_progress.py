# SPDX-License-Identifier: GPL-3.0-or-later
"""How far automatic tagging is, in a few words with pause and stop; hidden while nothing is tagged."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from semantic_photos.domain.tags import TaggingProgress
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets.controls import IconButton, label

#: New photos are tagged as they come; that is only told when it takes a while.
LEAST_TOLD = 500


class TaggingProgressBar(QWidget):
    """Follows the tagger."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tagging = bridge.library.tagging
        self._what = label(kind="dim")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(84)
        self._bar.setAccessibleName("Photos that got their tags")
        self._pause = IconButton("pause", "Pause tagging")
        self._stop = IconButton("close", "Stop tagging; the tags so far stay")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for part in (self._what, self._bar, self._pause, self._stop):
            row.addWidget(part)
        self._pause.clicked.connect(self._toggle)
        self._stop.clicked.connect(self._tagging.cancel)
        bridge.tagging_changed.connect(self.show_progress)
        self.show_progress(self._tagging.last)

    def text(self) -> str:
        """Return what is said."""
        return self._what.text()

    def show_progress(self, progress: TaggingProgress) -> None:
        """Show how far it is."""
        paused = self._tagging.is_paused
        word = "Tagging paused at" if paused else "Tagging"
        self._what.setText(f"{word} {progress.done:,} of {progress.total:,} · {progress.tags:,} tags")
        self._bar.setRange(0, max(progress.total, 1))
        self._bar.setValue(progress.done)
        self._pause.set_icon("play" if paused else "pause")
        self._pause.set_name("Go on tagging" if paused else "Pause tagging")
        self.setVisible(progress.running and (progress.total >= LEAST_TOLD or paused))

    def _toggle(self) -> None:
        if self._tagging.is_paused:
            self._tagging.resume()
        else:
            self._tagging.pause()
        self.show_progress(self._tagging.last)
