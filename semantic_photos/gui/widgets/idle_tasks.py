# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparation in small steps while the window is idle, so that what is needed soon is ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, QTimer


class IdleTasks(QObject):
    """Runs steps one after the other, with the event loop between them.

    Thread: lives in the GUI thread.
    """

    def __init__(self, steps: Iterable[Callable[[], object]], parent: QObject, wait_ms: int = 0) -> None:
        """Begin ``wait_ms`` milliseconds after the last ``put_off``."""
        super().__init__(parent)
        self._steps = iter(steps)
        self._moment = QTimer(self)
        self._moment.setSingleShot(True)
        self._moment.timeout.connect(self._step)
        self._wait_ms: int | None = wait_ms
        self._moment.start(wait_ms)

    @property
    def is_over(self) -> bool:
        """Return whether all steps have run, or were stopped."""
        return self._wait_ms is None

    def put_off(self) -> None:
        """Start waiting anew: the window is busy."""
        if self._wait_ms is not None:
            self._moment.start(self._wait_ms)

    def stop(self) -> None:
        """Drop the remaining steps."""
        self._wait_ms = None
        self._moment.stop()

    def _step(self) -> None:
        step = next(self._steps, None)
        if step is None:
            self.stop()
            return
        # Before the step, which may put off the next one or stop all.
        self._moment.start(0)
        step()
