# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of automatic tagging with pause and stop; hidden while it does not run."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from semantic_photos.domain.tags import TaggingProgress
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets.controls import IconButton, label
from semantic_photos.translation import tr, trn

#: New photos are tagged as they come; fewer than this show no progress.
LEAST_TOLD = 500


class TaggingProgressBar(QWidget):
    """Shows the progress of the tagger."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tagging = bridge.library.tagging
        self._what = label(kind="dim")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(84)
        self._bar.setAccessibleName(tr("Progress of automatic tagging"))
        self._pause = IconButton("pause", tr("Pause tagging"))
        self._stop = IconButton("close", tr("Stop tagging and keep the tags so far"))
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
        """Return the shown text."""
        return self._what.text()

    def show_progress(self, progress: TaggingProgress) -> None:
        """Show progress."""
        paused = self._tagging.is_paused
        done, total, tags = progress.done, progress.total, progress.tags
        if paused:
            text = trn(
                "Tagging paused at {done:,} of {total:,} · {count:,} tag",
                "Tagging paused at {done:,} of {total:,} · {count:,} tags", tags, done=done, total=total,
            )  # fmt: skip
        else:
            text = trn(
                "Tagging {done:,} of {total:,} · {count:,} tag", "Tagging {done:,} of {total:,} · {count:,} tags",
                tags, done=done, total=total,
            )  # fmt: skip
        self._what.setText(text)
        self._bar.setRange(0, max(progress.total, 1))
        self._bar.setValue(progress.done)
        self._pause.set_icon("play" if paused else "pause")
        self._pause.set_name(tr("Resume tagging") if paused else tr("Pause tagging"))
        self.setVisible(progress.running and (progress.total >= LEAST_TOLD or paused))

    def _toggle(self) -> None:
        if self._tagging.is_paused:
            self._tagging.resume()
        else:
            self._tagging.pause()
        self.show_progress(self._tagging.last)
