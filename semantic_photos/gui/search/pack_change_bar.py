# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the preparation of another model pack is, with pause; hidden while none is prepared."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from semantic_photos.domain.messages import PackChangeProgress
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets.controls import IconButton, label
from semantic_photos.translation import tr


class PackChangeBar(QWidget):
    """Follows the library's ``pack_change``."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pack_change = bridge.library.pack_change
        self._what = label(kind="dim")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(84)
        self._bar.setAccessibleName(tr("Photos prepared for better recognition"))
        self.pause_button = IconButton("pause", "")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for part in (self._what, self._bar, self.pause_button):
            row.addWidget(part)
        self.setToolTip(tr("The present recognition answers until the better one has processed all photos."))
        self.pause_button.clicked.connect(self._toggle)
        bridge.pack_change_changed.connect(self.show_progress)
        self.show_progress(self._pack_change.last)

    def text(self) -> str:
        """Return what is shown."""
        return self._what.text()

    def show_progress(self, progress: PackChangeProgress) -> None:
        """Show how far it is."""
        done, total = progress.done, progress.total
        if self._pack_change.is_paused:
            self._what.setText(tr("Better recognition paused: {done:,} of {total:,} photos", done=done, total=total))
            self.pause_button.set_icon("play")
            self.pause_button.set_name(tr("Go on preparing better recognition"))
        else:
            self._what.setText(tr("Preparing better recognition: {done:,} of {total:,} photos", done=done, total=total))
            self.pause_button.set_icon("pause")
            self.pause_button.set_name(tr("Pause preparing better recognition"))
        self._bar.setRange(0, max(total, 1))
        self._bar.setValue(done)
        self.setVisible(progress.running)

    def _toggle(self) -> None:
        if self._pack_change.is_paused:
            self._pack_change.resume()
        else:
            self._pack_change.pause()
        self.show_progress(self._pack_change.last)
