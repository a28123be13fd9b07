# SPDX-License-Identifier: GPL-3.0-or-later
"""When Python's cycle collector looks through everything: at a quiet moment of our choice, not in the middle of a drag.

The collector stops every thread. Looking through what is new takes it a millisecond; looking through all that there is
takes a tenth of a second while a large folder is being compared, and that is felt.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

from semantic_photos.domain.messages import IndexingPhase, IndexingProgress

#: Between two looks through everything.
WHOLE_MS = 60_000
#: So many looks are put off while folders are compared; then one takes place all the same.
MOST_PUT_OFF = 10
#: No library has so many objects: Python itself never looks through everything then.
_NEVER = 1_000_000_000


class GarbageCollection(QObject):
    """Takes over the collector's looks through everything, until it is closed.

    What is there when it begins, the modules of the program above all, stays for good and is not looked at again.

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
        """Take in what the background worker does: comparing holds every file of a folder in memory for a moment."""
        self._comparing = progress.phase is IndexingPhase.SCANNING

    def look(self) -> bool:
        """Look through everything unless that would take long; return whether it was done."""
        if self._comparing and self._put_off < MOST_PUT_OFF:
            self._put_off += 1
            return False
        self._put_off = 0
        gc.collect()
        return True

    def close(self) -> None:
        """Leave the collector as it was."""
        self._timer.stop()
        gc.set_threshold(*self._before)
        gc.unfreeze()
