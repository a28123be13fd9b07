# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Python's full garbage collection at a quiet moment of our choice, not in the middle of a drag.

The collector stops every thread. Collecting new objects takes a millisecond; a full collection takes a tenth of a
second while a large folder is scanned, and the user feels that.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

from semantic_photos.domain.messages import IndexingPhase, IndexingProgress

#: Time between two full collections.
WHOLE_MS = 60_000
#: So many full collections are put off while folders are scanned; then one runs all the same.
MOST_PUT_OFF = 10
#: No library has so many objects: Python itself never starts a full collection then.
_NEVER = 1_000_000_000


class GarbageCollection(QObject):
    """Takes over full garbage collections until it is closed.

    Objects that exist when it begins, the program's modules above all, are frozen and never collected.

    Thread: lives in the GUI thread.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._before = gc.get_threshold()
        self._comparing, self._put_off = False, 0
        self._timer = QTimer(self)
        self._timer.setInterval(WHOLE_MS)
        self._timer.timeout.connect(self.look)
        young, middle, _ = self._before
        gc.set_threshold(young, middle, _NEVER)
        gc.freeze()
        self._timer.start()

    def take_progress(self, progress: IndexingProgress) -> None:
        """Follow the indexing progress: a scan holds every file of a folder in memory for a moment."""
        self._comparing = progress.phase is IndexingPhase.SCANNING

    def look(self) -> bool:
        """Run a full collection unless that would take long; return whether it ran."""
        if self._comparing and self._put_off < MOST_PUT_OFF:
            self._put_off += 1
            return False
        self._put_off = 0
        gc.collect()
        return True

    def close(self) -> None:
        """Restore the collector's settings."""
        self._timer.stop()
        gc.set_threshold(*self._before)
        gc.unfreeze()
