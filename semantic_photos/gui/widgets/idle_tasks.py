# SPDX-License-Identifier: GPL-3.0-or-later
"""What will soon be wanted, made ahead: in small steps, each at a moment when the window has nothing else to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, QTimer


class IdleTasks(QObject):
    """Does steps one after the other, with the event loop between them.

    Thread: lives in the GUI thread.
    """

    def __init__(self, steps: Iterable[Callable[[], object]], parent: QObject, wait_ms: int = 0) -> None:
        """Begin after ``wait_ms`` milliseconds in which nothing put it off."""
        super().__init__(parent)
        self._steps = iter(steps)
        self._moment = QTimer(self)
        self._moment.setSingleShot(True)
        self._moment.timeout.connect(self._step)
        self._wait_ms: int | None = wait_ms
        self._moment.start(wait_ms)

    @property
    def is_over(self) -> bool:
        """Return whether there is nothing left to do."""
        return self._wait_ms is None

    def put_off(self) -> None:
        """Wait again: something else goes on just now."""
        if self._wait_ms is not None:
            self._moment.start(self._wait_ms)

    def stop(self) -> None:
        """Leave the rest undone."""
        self._wait_ms = None
        self._moment.stop()

    def _step(self) -> None:
        step = next(self._steps, None)
        if step is None:
            self.stop()
            return
        # Before the step: it may put the next one off, or stop here.
        self._moment.start(0)
        step()
